// Publishes a purchase.
package main

import (
	"context"
	"log"
	"os"
	"strings"
	"time"

	"github.com/hamba/avro/v2"
	"github.com/hamba/avro/v2/soe"
	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	text, err := os.ReadFile("Purchase.avsc")
	check(err)
	codec, err := soe.NewCodec(avro.MustParse(string(text))) // single-object encoding
	check(err)
	orderID := "go-1001"
	message, err := codec.Encode(map[string]any{
		"event_id":     "shop-" + orderID + "-placed", // of your own key: however often it is sent, it stays the same
		"occurred_at":  time.Now(),                    // when the order was placed; becomes ms
		"source":       "shop",
		"customer_id":  "c-1001",
		"identifiers":  map[string]any{"email": "ann@example.com"},
		"attributes":   map[string]any{"region": "coast"},
		"order_id":     orderID,
		"amount_minor": int64(4490), // 44.90
		"currency":     "EUR",
		"items":        []any{map[string]any{"sku": "COFFEE-250", "quantity": 2, "price_minor": int64(2245)}},
	})
	check(err)

	kafka := os.Getenv("KAFKA")
	if kafka == "" {
		kafka = "localhost:9092"
	}
	// Of this client, idempotent writes and acks of all replicas are the default; acks are said for the reader.
	producer, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(kafka, ",")...), kgo.RequiredAcks(kgo.AllISRAcks()))
	check(err)
	defer producer.Close()
	record := &kgo.Record{Topic: "touchpoints.purchases.v1", Key: []byte("c-1001"), Value: message}
	check(producer.ProduceSync(context.Background(), record).FirstErr())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
