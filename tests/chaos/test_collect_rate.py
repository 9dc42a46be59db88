"""At the highest rate that the HTTP collector holds, with Kafka killed twice: all that it accepted is in Kafka."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.topics import KIND_TOPICS
from servers.kafka import Kafka
from tests.servers.http_load import HttpLoad, post, touchpoint
from tests.servers.pipeline import Pipeline, until
from tests.servers.topics import create_topics
from touchline.stack.ports import HOST

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.kafka,
    pytest.mark.skipif("CHAOS_OUTAGES_S" not in os.environ, reason="a long variant: make chaos"),
]

PARTITIONS = 4
CLIENTS, BATCH = 16, 100
"""As fast as they are answered."""
OUTAGES = 2
BEFORE = 500
"""Requests that are accepted before each outage, and after the last one."""
PATIENCE_S = 180.0


@pytest.fixture
def pipeline(kafka: Kafka, tmp_path: Path) -> Iterator[Pipeline]:
    asyncio.run(create_topics(kafka.bootstrap, KIND_TOPICS.values(), PARTITIONS))
    described = Pipeline(tmp_path, kafka.bootstrap, f"clickhouse://{HOST}:9")
    yield described
    described.stop()


async def written(bootstrap: str) -> set[str]:
    """Return the event ids in the topic of page views."""
    codec, found = Codec(FileRegistry()), set[str]()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, max_partition_fetch_bytes=8 << 20
    )
    await consumer.start()
    try:
        places = [TopicPartition(KIND_TOPICS["page_view"], number) for number in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for messages in (await consumer.getmany(timeout_ms=500)).values():
                found.update(codec.decode("page_view", message.value)["event_id"] for message in messages)
    finally:
        await consumer.stop()
    return found


def test_all_that_was_accepted_at_full_rate_is_in_kafka(pipeline: Pipeline, kafka: Kafka) -> None:
    collector = pipeline.start("collect")
    until(lambda: post(collector, touchpoint("first"))[0] == 200, "the collector to accept")
    with HttpLoad(collector.door, CLIENTS, BATCH, PATIENCE_S) as load:
        for _ in range(OUTAGES):
            accepted, began = len(load.accepted), time.monotonic()
            enough = load.statuses[200] + BEFORE
            until(lambda enough=enough: load.statuses[200] > enough, "requests to be accepted", PATIENCE_S)  # type: ignore[misc]
            rate = (len(load.accepted) - accepted) / (time.monotonic() - began)
            kafka.kill9()
            until(lambda: collector.waits_for("kafka"), "the collector to say that it waits")
            kafka.start()
        enough = load.statuses[200] + BEFORE
        until(lambda: load.statuses[200] > enough, "requests to be accepted again", PATIENCE_S)
    print(f"{rate:,.0f} touchpoints a second, {len(load.accepted):,} in all, statuses {dict(load.statuses)}")  # noqa: T201  # what docs/operating.md states

    assert set(load.accepted) - asyncio.run(written(kafka.bootstrap)) == set()
    assert set(load.accepted.values()) == {1}
