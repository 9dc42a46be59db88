"""INGEST on a bench of its own: a fake producer and consumer, and records to give it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from prometheus_client import CollectorRegistry

from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.registry import FileRegistry
from schemas.erasures import Erasure
from schemas.erasures import encode as encode_erasure
from schemas.journey_log import Tick, Touchpoint, decode
from schemas.topics import JOURNEYS_LOG, KIND_TOPICS, WATERMARKS
from schemas.watermarks import TaskWatermark
from schemas.watermarks import decode as decode_watermark
from streams.agents.identities import open_identities
from streams.agents.ingest import Ingest
from streams.agents.services import Services
from streams.agents.validation import Validator
from streams.kafka.offsets import Chunk, Fetched, OffsetTracker, Record
from streams.kafka.producer import Batches, Ends, Message
from streams.runtime.telemetry import Telemetry
from streams.sentiment import VaderScorer
from streams.settings import Settings
from tests.unit.schemas.records import confluent_message

NOW = 1_790_000_000_000
DAY = 86_400_000
DELAY = 300_000
IDLE = 5_000
EPOCH = 3
PURCHASES, PAGE_VIEWS = KIND_TOPICS["purchase"], KIND_TOPICS["page_view"]
CODEC = Codec(FileRegistry())

RECORDS: dict[str, dict[str, Any]] = {
    "case_event": {"phase": "updated", "by": "agent"},
    "tweet": {"post_id": "p", "text": ""},
    "purchase": {"order_id": "o-1", "amount_minor": 1000, "currency": "EUR"},
    "page_view": {"page": "/"},
    "survey_answer": {
        "response_id": "r-1",
        "survey_id": "s-1",
        "phase": "answered",
        "question_kind": "nps",
        "score": 9.0,
    },
    "business_change": {"change_id": "ch-1", "name": "new prices", "effective_at": NOW},
    "marketing_spend": {
        "spend_id": "m-1",
        "period_start": NOW - 1000,
        "period_end": NOW,
        "amount_minor": 5,
        "currency": "EUR",
    },
}


@dataclass
class SourceRecord:
    value: bytes | None
    offset: int
    timestamp: int = NOW - 7
    key: bytes | None = b"advice"
    headers: Sequence[tuple[str, bytes | None]] = (("trace", b"\x00\xff"), ("trace", b"again"))


def said(kind: str, occurred_at: int = NOW, customer: str | None = "c-1", **more: Any) -> dict[str, Any]:
    record = {"event_id": f"{kind}-{occurred_at}", "occurred_at": occurred_at, "source": "shop"}
    if kind not in ("business_change", "marketing_spend"):
        record["customer_id"] = customer
    return {**record, **RECORDS[kind], **more}


def sent(kind: str, occurred_at: int = NOW, customer: str | None = "c-1", **more: Any) -> bytes:
    return CODEC.encode(KIND_RECORDS[kind], said(kind, occurred_at, customer, **more))


def sent_with_id(kind: str, schema_id: int, occurred_at: int = NOW) -> bytes:
    return confluent_message(CODEC, KIND_RECORDS[kind], said(kind, occurred_at), schema_id)


class FakeProducer:
    """Keeps what is sent; acknowledges at once, or when its gate is opened, or never."""

    def __init__(self) -> None:
        self.batches: list[Batches] = []
        self.acknowledged: list[tuple[str, int, Message]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def send(self, batches: Batches) -> Ends:
        self.batches.append(batches)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        for (topic, partition), messages in batches.items():
            self.acknowledged += [(topic, partition, message) for message in messages]
        return {place: sum(known[:2] == place for known in self.acknowledged) for place in batches}

    def to(self, topic: str) -> list[Message]:
        return [message for name, _, message in self.acknowledged if name == topic]

    def log(self, partition: int = 0) -> list[Tick | Touchpoint]:
        found = [
            decode(message.value or b"")
            for name, number, message in self.acknowledged
            if (name, number) == (JOURNEYS_LOG, partition)
        ]
        return [record for record in found if isinstance(record, Tick | Touchpoint)]

    def reported(self) -> list[tuple[int, int]]:
        """Return the tasks' watermarks: each task's number and how far it has come."""
        records = [decode_watermark(message.value or b"") for message in self.to(WATERMARKS)]
        assert {record.epoch for record in records} <= {EPOCH}
        return [(record.task, record.watermark) for record in records if isinstance(record, TaskWatermark)]


class FakeConsumer:
    """Delivers chunks with real trackers. An input without a chunk is empty."""

    def __init__(self, partitions: int, inputs: Mapping[str, int] = MappingProxyType({})) -> None:
        self.count = partitions
        self.partitions = set(range(partitions))
        self.inputs = inputs
        self.trackers: dict[tuple[str, int], OffsetTracker] = {}
        self.unread: set[tuple[str, int]] = set()
        self.queue: asyncio.Queue[Chunk] = asyncio.Queue()
        self.paused: dict[tuple[str, int], str] = {}

    def pause(self, topic: str, partition: int, note: str) -> None:
        self.paused[topic, partition] = note

    def resume(self, topic: str, partition: int) -> None:
        del self.paused[topic, partition]

    def assigned(self, topic: str) -> set[int]:
        """Return those that go with the log partitions that are ours; an input has as many as these, or its own."""
        count = self.inputs.get(topic, self.count)
        return {number for number in range(count) if number % self.count in self.partitions}

    def caught_up(self, topic: str, partition: int) -> bool:
        tracker = self.trackers.get((topic, partition))
        return (topic, partition) not in self.unread and (tracker is None or tracker.caught_up)

    def give(
        self, topic: str, *values: bytes | None, partition: int = 0, more: bool = False, timestamp: int = NOW - 7
    ) -> Chunk:
        place = (topic, partition)
        if place not in self.trackers:
            self.trackers[place] = OffsetTracker(*place, 0, None, max_records=10**6, max_bytes=10**9)
        tracker = self.trackers[place]
        records = [SourceRecord(value, tracker.position + i, timestamp) for i, value in enumerate(values)]
        position = tracker.position + len(records)
        [chunk] = tracker.track(Fetched(records, position, position + more), 10**9)
        self.queue.put_nowait(chunk)
        return chunk

    def rebalance(self) -> None:
        for tracker in self.trackers.values():
            tracker.close()
        self.trackers.clear()
        self.paused.clear()

    async def chunks(self) -> AsyncIterator[Chunk]:
        while True:
            chunk = await self.queue.get()
            chunk.begin()
            yield chunk


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # what is waited for is no event, but any condition
            await asyncio.sleep(0.001)


async def final_until() -> None:
    """Let everything that can go on go on."""
    for _ in range(50):
        await asyncio.sleep(0)


async def for_ever(_seconds: float) -> None:
    await asyncio.Event().wait()


class Bench:
    """An `Ingest` with everything around it. It wakes its tasks and reports once; then when told to.

    Args:
        before: the reports in `journeys.watermarks.v1` at the start.
    """

    def __init__(
        self,
        *,
        partitions: int = 1,
        codec: Any = CODEC,
        refusals: int = 1000,
        pause_s: float = 60,
        hold_s: float = 3600,
        schema_wait_s: float = 60,
        phone_region: str = "",
        placeholders: str = "",
        topics: str = "",
        inputs: Mapping[str, int] = MappingProxyType({}),
        at_the_start: Mapping[str, int] = MappingProxyType({}),
        before: Sequence[bytes] = (),
    ) -> None:
        self.now = NOW
        self.before = before
        self.on_history: Callable[[], None] = lambda: None
        self.producer = FakeProducer()
        self.consumer = FakeConsumer(partitions, inputs)
        self.telemetry = Telemetry.on(CollectorRegistry())
        self.slept: list[float] = []
        settings = Settings(
            partitions=partitions,
            epoch=EPOCH,
            idle_s=IDLE / 1000,
            max_consecutive_refusals=refusals,
            pause_s=pause_s,
            pause_hold_s=hold_s,
            schema_wait_s=schema_wait_s,
            phone_region=phone_region,
            placeholders=placeholders,
            topics=topics,
        )
        services = Services(
            settings, self.producer, self.telemetry, lambda: self.now, for_ever, input_partitions=at_the_start
        )
        self.services = services
        validator = Validator(replace(services, sleep=self._sleep), codec, VaderScorer(), open_identities(services))
        self.erased: asyncio.Queue[Erasure] = asyncio.Queue()
        self.ingest = Ingest(services, validator, self.consumer, self._news(), self._history)
        self.give = self.consumer.give
        self.log = self.producer.log
        self.reported = self.producer.reported
        self.run: asyncio.Task[None] = asyncio.create_task(self.ingest.run(self.consumer.chunks()))

    async def _news(self) -> AsyncIterator[Sequence[Record]]:
        """Give the erasures as they come."""
        while True:
            yield [SourceRecord(encode_erasure(await self.erased.get()), 0)]

    async def _history(self) -> AsyncIterator[Sequence[Record]]:
        """Give what was reported before the start, and since."""
        values = [*self.before, *(message.value for message in self.producer.to(WATERMARKS))]
        self.on_history()
        yield [SourceRecord(value, offset) for offset, value in enumerate(values)]

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0.001)

    async def pass_time(self, ms: int) -> None:
        """Let time pass as for a worker that is awake."""
        for _ in range(ms // 1000):
            self.now += 1000
            await self.ingest.wake_tasks()
            await final_until()

    def value(self, name: str, **labels: str) -> float:
        return self.telemetry.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def bench(**kwargs: Any) -> AsyncIterator[Bench]:
    it = Bench(**kwargs)
    await final_until()
    try:
        yield it
    finally:
        it.run.cancel()
        await asyncio.gather(it.run, return_exceptions=True)
