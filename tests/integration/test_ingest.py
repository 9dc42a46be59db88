"""INGEST on brokers: topics published one after another come out in step, and empty ones hold up none."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import CollectorRegistry

from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.registry import FileRegistry
from schemas.journey_log import Tick, Touchpoint, decode
from schemas.topics import JOURNEYS_LOG, KIND_TOPICS, all_topics
from streams import settings
from streams.agents.services import Services
from streams.kafka.admin import create_topics
from streams.kafka.producer import BatchProducer, Message
from streams.process.app import build_streams_app
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings
from tests.servers.topics import delete_topics

PARTITIONS = 2
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LATENESS_MS = 3 * DAY_MS
EACH = 6000
"""Events a kind and partition: more than one chunk, and more than a tracker lets through at once."""
CUSTOMERS = 601
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
async def configured(request: pytest.FixtureRequest) -> AsyncIterator[Settings]:
    server = request.getfixturevalue(request.param)
    bootstrap = server.bootstrap if request.param == "kafka" else server.kafka
    configured = settings.load(
        kafka=bootstrap,
        partitions=PARTITIONS,
        session_timeout_s=6,
        tick_s=0.2,
        group_suffix=f"-{time.time_ns()}",
    )
    await create_topics(configured)
    yield configured
    if request.param == "kafka":
        await delete_topics(bootstrap, [topic.name for topic in all_topics()])


async def publish(producer: BatchProducer, kind: str, times: Sequence[int], *, stamped: bool = False) -> None:
    """Publish an event for each time to every partition; `stamped`: the time is Kafka's timestamp, too."""
    codec = Codec(FileRegistry())
    for partition in range(PARTITIONS):
        messages = [
            Message(
                None,
                codec.encode(
                    KIND_RECORDS[kind],
                    {
                        "event_id": f"{kind}-{partition}-{number}",
                        "occurred_at": occurred_at,
                        "source": "test",
                        "customer_id": f"c-{number % CUSTOMERS}",
                        **KINDS[kind],
                    },
                ),
                timestamp=occurred_at if stamped else None,
            )
            for number, occurred_at in enumerate(times)
        ]
        await producer.send({(KIND_TOPICS[kind], partition): messages})


@asynccontextmanager
async def running(configured: Settings) -> AsyncIterator[Telemetry]:
    producer = BatchProducer(configured)
    await producer.start()
    telemetry = Telemetry.on(CollectorRegistry())
    # With JOURNEYS, as inputs go with the partitions of its log.
    app = build_streams_app(configured, Services(configured, producer, telemetry))
    await app.start()
    try:
        yield telemetry
    finally:
        await app.stop()
        await producer.stop()


async def read_log(configured: Settings, until_clock: int) -> dict[int, list[Tick | Touchpoint]]:
    """Return each partition of the log, up to the tick that has come to `until_clock`."""
    consumer = AIOKafkaConsumer(bootstrap_servers=configured.kafka, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition(JOURNEYS_LOG, number) for number in range(PARTITIONS)])
    found: dict[int, list[Tick | Touchpoint]] = defaultdict(list)
    waiting = set(range(PARTITIONS))
    try:
        async with asyncio.timeout(90):
            while waiting:
                for place, records in (await consumer.getmany(timeout_ms=500)).items():
                    for record in records:
                        read = decode(record.value)
                        if isinstance(read, Tick | Touchpoint):
                            found[place.partition].append(read)
                        if isinstance(read, Tick) and read.watermark >= until_clock:
                            waiting.discard(place.partition)
    finally:
        await consumer.stop()
    return found


async def test_topics_replayed_one_after_another_come_out_in_step(configured: Settings) -> None:
    began = time.time_ns() // 1_000_000
    start = began - 24 * HOUR_MS
    first = BatchProducer(configured)
    await first.start()
    for kind in KINDS:
        await publish(first, kind, range(start, start + EACH * 1000, 1000))
    await first.stop()
    async with running(configured):
        log = await read_log(configured, until_clock=began)
    seen: dict[int, int] = defaultdict(int)
    for records in log.values():
        times: dict[int, int] = defaultdict(int)
        clocks: dict[int, int] = defaultdict(int)
        reached, ticked = 0, Tick(0)
        for record in records:
            if isinstance(record, Tick):
                assert record.watermark >= reached
                assert record != ticked, "one tick for all tasks, not one of each"
                reached, ticked = record.watermark, record
            else:
                assert record.watermark >= clocks[record.task], "a task's clock never goes back"
                clocks[record.task] = record.watermark
                assert record.occurred_at >= reached, "nothing comes after a tick that has passed it"
                assert record.occurred_at >= times[record.task], "the task is one merged line of time"
                times[record.task] = record.occurred_at
                assert record.watermark <= record.occurred_at, "nothing comes after a clock that has passed it"
                seen[record.task] += 1
    assert seen == dict.fromkeys(range(PARTITIONS), EACH * len(KINDS))


@pytest.mark.parametrize(
    ("wrong_ms", "stamped"),
    [
        pytest.param(40 * DAY_MS + 20 * HOUR_MS, False, id="20 h ahead, sent today"),
        pytest.param(39 * DAY_MS, True, id="day 39 at day 1, stamped by its sender"),
    ],
)
async def test_one_wrong_clock_in_a_backlog_of_forty_days_makes_nothing_late(
    configured: Settings, wrong_ms: int, stamped: bool
) -> None:
    began = time.time_ns() // 1_000_000
    start = began - 40 * DAY_MS
    times = [start + hour * HOUR_MS for hour in range(960)]
    times[24] = start + wrong_ms
    producer = BatchProducer(configured)
    await producer.start()
    await publish(producer, "page_view", times, stamped=stamped)
    await producer.stop()
    async with running(configured) as telemetry:
        log = await read_log(configured, until_clock=began)
    sent_by = {"topic": KIND_TOPICS["page_view"], "source": "test"}
    ahead = telemetry.registry.get_sample_value("touchline_touchpoints_ahead_total", sent_by)
    assert (ahead or 0) == (0 if stamped else PARTITIONS)
    touchpoints = [record for records in log.values() for record in records if not isinstance(record, Tick)]
    assert len(touchpoints) == PARTITIONS * len(times)
    assert [record for record in touchpoints if record.occurred_at < record.watermark - LATENESS_MS] == []
