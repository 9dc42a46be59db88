"""INGEST on brokers: topics published one after another come out in step, and empty ones hold up none."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import CollectorRegistry

from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.registry import FileRegistry
from schemas.journey_log import LogRecord, Tick, decode
from schemas.topics import JOURNEYS_LOG, KIND_TOPICS
from streams import settings
from streams.agents import ingest
from streams.agents.services import Services
from streams.app import new_app
from streams.kafka.admin import create_topics
from streams.kafka.producer import BatchProducer, Message
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings

PARTITIONS = 2
HOUR_MS = 3_600_000
EACH = 6000
"""Events a kind and partition: more than one chunk, and more than a tracker lets through at once."""
KINDS = {
    "page_view": {"page": "/"},
    "cart_event": {"cart_id": "k", "action": "item_added"},
}


@pytest.fixture(
    params=[
        pytest.param("kafka", marks=pytest.mark.kafka),
        pytest.param("tansu", marks=pytest.mark.embedded),
    ]
)
def configured(request: pytest.FixtureRequest) -> Settings:
    server = request.getfixturevalue(request.param)
    bootstrap = server.bootstrap if request.param == "kafka" else server.kafka
    return settings.load(
        kafka=bootstrap,
        partitions=PARTITIONS,
        session_timeout_s=6,
        tick_s=0.2,
        group_suffix=f"-{time.time_ns()}",
    )


async def publish(producer: BatchProducer, kind: str, first_ms: int, step_ms: int) -> None:
    codec = Codec(FileRegistry())
    for partition in range(PARTITIONS):
        messages = [
            Message(
                None,
                codec.encode(
                    KIND_RECORDS[kind],
                    {
                        "event_id": f"{kind}-{partition}-{number}",
                        "occurred_at": first_ms + number * step_ms,
                        "source": "test",
                        "customer_id": f"c-{number % 7}",
                        **KINDS[kind],
                    },
                ),
            )
            for number in range(EACH)
        ]
        await producer.send({(KIND_TOPICS[kind], partition): messages})


@asynccontextmanager
async def running(configured: Settings) -> AsyncIterator[BatchProducer]:
    producer = BatchProducer(configured)
    await producer.start()
    app = new_app(configured, "streams")
    ingest.register(app, Services(configured, producer, Telemetry.on(CollectorRegistry())))
    await app.start()
    try:
        yield producer
    finally:
        await app.stop()
        await producer.stop()


async def read_log(configured: Settings, until_clock: int) -> dict[int, list[LogRecord]]:
    """Return each partition of the log, up to where every task's clock has come to `until_clock`."""
    consumer = AIOKafkaConsumer(bootstrap_servers=configured.kafka, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition(JOURNEYS_LOG, number) for number in range(PARTITIONS)])
    found: dict[int, list[LogRecord]] = defaultdict(list)
    waiting = {(partition, task) for partition in range(PARTITIONS) for task in range(PARTITIONS)}
    try:
        async with asyncio.timeout(90):
            while waiting:
                for place, records in (await consumer.getmany(timeout_ms=500)).items():
                    for record in records:
                        read = decode(record.value)
                        found[place.partition].append(read)
                        if read.watermark >= until_clock:
                            waiting.discard((place.partition, read.task))
    finally:
        await consumer.stop()
    return found


async def test_topics_replayed_one_after_another_come_out_in_step(configured: Settings) -> None:
    began = time.time_ns() // 1_000_000
    start = began - 24 * HOUR_MS
    await create_topics(configured)
    first = BatchProducer(configured)
    await first.start()
    for kind in KINDS:
        await publish(first, kind, start, 1000)
    await first.stop()
    async with running(configured):
        log = await read_log(configured, until_clock=began)
    seen: dict[int, int] = defaultdict(int)
    for records in log.values():
        times: dict[int, int] = defaultdict(int)
        clocks: dict[int, int] = defaultdict(int)
        for record in records:
            assert record.watermark >= clocks[record.task], "a task's clock never goes back"
            clocks[record.task] = record.watermark
            if not isinstance(record, Tick):
                assert record.occurred_at >= times[record.task], "the task is one merged line of time"
                times[record.task] = record.occurred_at
                assert record.watermark <= record.occurred_at, "nothing comes after a clock that has passed it"
                seen[record.task] += 1
    assert seen == dict.fromkeys(range(PARTITIONS), EACH * len(KINDS))
