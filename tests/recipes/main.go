// Runs docs/producers/recipes/connect.yaml by the engine of Redpanda Connect itself, and sends it requests.
//
// It reads one JSON object from standard input: the config (its Kafka replaced), the address at which it listens,
// and the requests. It writes one JSON array to standard output: for each request what came to the output, or the error.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
)

const patience = 30 * time.Second

type request struct {
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Content string            `json:"content"`
}

type job struct {
	Config   json.RawMessage `json:"config"`
	Address  string          `json:"address"`
	Requests []request       `json:"requests"`
}

type published struct {
	Topic      string          `json:"topic"`
	Key        string          `json:"key"`
	Touchpoint json.RawMessage `json:"touchpoint"`
}

type result struct {
	Published []published `json:"published"`
	Error     string      `json:"error,omitempty"`
}

func main() {
	var asked job
	check(json.NewDecoder(os.Stdin).Decode(&asked))
	var current result // of the request that is under way: http_server answers when the output has all that came of it
	builder := service.NewStreamBuilder()
	builder.SetLogger(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	check(builder.SetYAML(string(asked.Config)))
	check(builder.AddConsumerFunc(func(_ context.Context, message *service.Message) error {
		return take(&current, message)
	}))
	stream, err := builder.Build()
	check(err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(ctx) }()
	check(awaitListener(asked.Address, ended))

	results := make([]result, len(asked.Requests))
	for i, one := range asked.Requests {
		current = result{Published: []published{}}
		if err := post(one); err != nil {
			current.Error = strings.TrimSpace(current.Error + " " + err.Error())
		}
		results[i] = current
	}
	stop()
	<-ended
	check(json.NewEncoder(os.Stdout).Encode(results))
}

func take(current *result, message *service.Message) error {
	if err := message.GetError(); err != nil {
		current.Error = err.Error()
		return nil // to refuse it is the task of the config's output
	}
	touchpoint, err := message.AsBytes()
	if err != nil {
		return err
	}
	topic, _ := message.MetaGet("topic")
	key, _ := message.MetaGet("key")
	current.Published = append(current.Published, published{topic, key, touchpoint})
	return nil
}

func post(one request) error {
	asked, err := http.NewRequest(http.MethodPost, one.URL, strings.NewReader(one.Content))
	if err != nil {
		return err
	}
	for name, value := range one.Headers {
		asked.Header.Set(name, value)
	}
	answer, err := (&http.Client{Timeout: patience}).Do(asked)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if said, _ := io.ReadAll(answer.Body); answer.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("answered with %s: %s", answer.Status, said)
	}
	return nil
}

func awaitListener(address string, ended <-chan error) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if connection, err := net.Dial("tcp", address); err == nil {
			return connection.Close()
		}
		select {
		case err := <-ended:
			return fmt.Errorf("the stream has ended: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("nothing listens at %s", address)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
