import java.io.File;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteBufferSerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Publishes a purchase. */
public class FirstTouchpoint {
  public static void main(String[] arguments) throws Exception {
    Schema schema = new Schema.Parser().parse(new File("Purchase.avsc"));
    Schema line = schema.getField("items").schema().getElementType();
    String orderId = "java-1001";
    GenericRecord purchase = new GenericRecordBuilder(schema)
        .set("event_id", "shop-" + orderId + "-placed") // of your own key: however often it is sent, it stays the same
        .set("occurred_at", System.currentTimeMillis()) // when the order was placed, in ms
        .set("source", "shop")
        .set("customer_id", "c-1001")
        .set("identifiers", Map.of("email", "ann@example.com"))
        .set("attributes", Map.of("region", "coast"))
        .set("order_id", orderId)
        .set("amount_minor", 4490L) // 44.90
        .set("currency", "EUR")
        .set("items", List.of(new GenericRecordBuilder(line)
            .set("sku", "COFFEE-250").set("quantity", 2).set("price_minor", 2245L).build()))
        .build();
    ByteBuffer message = new BinaryMessageEncoder<GenericRecord>(GenericData.get(), schema).encode(purchase);

    String kafka = System.getenv().getOrDefault("KAFKA", "localhost:9092");
    Map<String, Object> settings = Map.of("bootstrap.servers", kafka, "acks", "all", "enable.idempotence", true);
    try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new ByteBufferSerializer())) {
      // get() waits until Kafka has it, and throws where it does not take it.
      producer.send(new ProducerRecord<>("touchpoints.purchases.v1", "c-1001", message)).get();
    }
  }
}
