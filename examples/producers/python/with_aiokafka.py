"""Publishes a purchase with aiokafka."""

import asyncio
import io
import json
import os
import time
from pathlib import Path

from aiokafka import AIOKafkaProducer
from fastavro import schemaless_writer
from fastavro.schema import fingerprint, to_parsing_canonical_form

schema = json.loads(Path("Purchase.avsc").read_text("utf-8"))
# A message begins with C3 01 and the fingerprint of the schema that it was written with.
header = b"\xc3\x01" + bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))

order_id = "python-1002"
purchase = {
    "event_id": f"shop-{order_id}-placed",  # of your own key: however often it is sent, it stays the same
    "occurred_at": int(time.time() * 1000),  # when the order was placed, in ms
    "source": "shop",
    "customer_id": "c-1001",
    "identifiers": {"email": "ann@example.com"},
    "attributes": {"region": "coast"},
    "order_id": order_id,
    "amount_minor": 4490,  # 44.90
    "currency": "EUR",
    "items": [{"sku": "COFFEE-250", "quantity": 2, "price_minor": 2245}],
}
message = io.BytesIO()
message.write(header)
schemaless_writer(message, schema, purchase)


async def publish() -> None:
    """Send it, and wait until Kafka has it; raises where Kafka does not take it."""
    kafka = os.environ.get("KAFKA", "localhost:9092")
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True) as producer:
        await producer.send_and_wait("touchpoints.purchases.v1", message.getvalue(), key=b"c-1001")


asyncio.run(publish())
