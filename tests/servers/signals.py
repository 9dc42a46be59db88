"""Signals for tests, written to their topics as workers write them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.topics import SIGNAL_TOPICS
from streams.kafka.producer import BatchProducer, Message, partition_for
from streams.settings import Settings


def follow_up(number: int, **more: Any) -> dict[str, Any]:
    """Return a follow-up of its own: its id is `f-<number>`."""
    now = int(time.time() * 1000)
    return {
        "customer_id": f"c-{number % 50}",
        "journey_id": f"c-{number % 50}#1",
        "reason": "complaint",
        "due_at": now + 86_400_000,
        "follow_up_id": f"f-{number}",
        "status": "open",
        "happened_at": now - 60_000,
        "opened_at": now - 60_000,
        "changed_at": now - 60_000,
        "owner": "care-de",
        **more,
    }


async def send_signals(
    settings: Settings, records: Iterable[Mapping[str, Any]], name: str = "FollowUp", raw: Iterable[bytes] = ()
) -> None:
    """Write signals of a record, each to its customer's partition; and messages as they are, to partition 0."""
    codec, topic = Codec(FileRegistry()), SIGNAL_TOPICS[name]
    batches: dict[tuple[str, int], list[Message]] = {(topic, 0): [Message(b"raw", value) for value in raw]}
    for record in records:
        key = str(record["customer_id"]).encode()
        place = topic, partition_for(key, settings.partitions)
        batches.setdefault(place, []).append(Message(key, codec.encode(name, dict(record))))
    producer = BatchProducer(settings)
    await producer.start()
    try:
        await producer.send(batches)
    finally:
        await producer.stop()
