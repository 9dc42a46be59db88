// Runs docs/producers/recipes/connect.yaml by the engine of Redpanda Connect itself, and sends it requests.
//
// It reads one JSON object from standard input: the config's file, the address at which it listens, and the requests. It
// writes one JSON array to standard output: for each request what came to Kafka, and what it was answered if that was an
// error. Kafka's client is not part of the engine's open module: an output of its name keeps what it is given.
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
	Config   string    `json:"config"`
	Address  string    `json:"address"`
	Requests []request `json:"requests"`
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

// kafka stands for the output kafka_franz.
type kafka struct {
	topic, key *service.InterpolatedString
	written    *[]published
}

func (output kafka) Connect(context.Context) error { return nil }

func (output kafka) Close(context.Context) error { return nil }

func (output kafka) Write(_ context.Context, message *service.Message) error {
	topic, err := output.topic.TryString(message)
	if err != nil {
		return err
	}
	key, err := output.key.TryString(message)
	if err != nil {
		return err
	}
	touchpoint, err := message.AsBytes()
	if err != nil {
		return err
	}
	*output.written = append(*output.written, published{topic, key, touchpoint})
	return nil
}

func main() {
	var asked job
	check(json.NewDecoder(os.Stdin).Decode(&asked))
	config, err := os.ReadFile(asked.Config)
	check(err)
	// A request is answered when the output has all that came of it: what is there belongs to the one under way.
	var written []published
	check(register(&written))
	builder := service.NewStreamBuilder()
	builder.SetLogger(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	check(builder.SetYAML(string(config)))
	stream, err := builder.Build()
	check(err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(ctx) }()
	check(awaitListener(asked.Address, ended))

	results := make([]result, len(asked.Requests))
	for i, one := range asked.Requests {
		written = []published{}
		if err := post(one); err != nil {
			results[i].Error = err.Error()
		}
		results[i].Published = written
	}
	stop()
	<-ended
	check(json.NewEncoder(os.Stdout).Encode(results))
}

func register(written *[]published) error {
	spec := service.NewConfigSpec().
		Field(service.NewStringListField("seed_brokers")).
		Field(service.NewInterpolatedStringField("topic")).
		Field(service.NewInterpolatedStringField("key")).
		Field(service.NewBoolField("idempotent_write"))
	return service.RegisterOutput("kafka_franz", spec,
		func(config *service.ParsedConfig, _ *service.Resources) (service.Output, int, error) {
			topic, err := config.FieldInterpolatedString("topic")
			if err != nil {
				return nil, 0, err
			}
			key, err := config.FieldInterpolatedString("key")
			return kafka{topic, key, written}, 1, err
		})
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
