"""INGEST: what it writes, in which order, and when it acknowledges."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest
from aiokafka.partitioner import DefaultPartitioner
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.registry import FileRegistry, RegistryUnavailableError, Schema, current_schemas
from schemas.errors import UnknownSchemaError
from schemas.journey_log import LogRecord, Tick, decode
from schemas.kinds.page_view import PageView
from schemas.kinds.purchase import Purchase
from schemas.rows import BusinessChangeRow, MarketingSpendRow
from schemas.topics import DEAD_LETTERS, JOURNEYS_LOG, KIND_TOPICS, TOPIC_KINDS
from streams.agents.ingest import Ingest
from streams.agents.services import Services
from streams.agents.validation import TooManyRefusalsError, Validator
from streams.kafka.offsets import Chunk, Fetched, OffsetTracker
from streams.kafka.producer import Batches, Message
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

    async def send(self, batches: Batches) -> None:
        self.batches.append(batches)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        for (topic, partition), messages in batches.items():
            self.acknowledged += [(topic, partition, message) for message in messages]

    def to(self, topic: str) -> list[Message]:
        return [message for name, _, message in self.acknowledged if name == topic]

    def log(self, partition: int = 0) -> list[LogRecord]:
        return [
            decode(message.value or b"")
            for name, number, message in self.acknowledged
            if (name, number) == (JOURNEYS_LOG, partition)
        ]


class FakeConsumer:
    """Delivers chunks with real trackers. An input without a chunk is empty."""

    def __init__(self, partitions: int) -> None:
        self.partitions = set(range(partitions))
        self.trackers: dict[tuple[str, int], OffsetTracker] = {}
        self.unread: set[tuple[str, int]] = set()
        self.queue: asyncio.Queue[Chunk] = asyncio.Queue()

    def assigned(self, topic: str) -> set[int]:
        assert topic in TOPIC_KINDS
        return self.partitions

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
    """An `Ingest` with everything around it. It wakes its tasks and ticks once; then when told to."""

    def __init__(self, *, partitions: int = 1, codec: Any = CODEC, refusals: int = 1000) -> None:
        self.now = NOW
        self.producer = FakeProducer()
        self.consumer = FakeConsumer(partitions)
        self.telemetry = Telemetry.on(CollectorRegistry())
        self.slept: list[float] = []
        settings = Settings(partitions=partitions, epoch=EPOCH, idle_s=IDLE / 1000, max_consecutive_refusals=refusals)
        services = Services(settings, self.producer, self.telemetry, lambda: self.now, for_ever)
        validator = Validator(replace(services, sleep=self._sleep), codec, VaderScorer())
        self.ingest = Ingest(services, validator, self.consumer)
        self.give = self.consumer.give
        self.log = self.producer.log
        self.run: asyncio.Task[None] = asyncio.create_task(self.ingest.run(self.consumer.chunks()))

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


# --- the journeys log ----------------------------------------------------------------------------


async def test_the_topics_are_merged_by_event_time_each_record_with_its_clock() -> None:
    async with bench() as it:
        it.consumer.unread.add((PAGE_VIEWS, 0))
        bought = it.give(PURCHASES, sent("purchase", NOW - 900), sent("purchase", NOW - 100))
        await final_until()
        assert it.log() == [], "page views may still come from before"
        it.consumer.unread.clear()
        seen = it.give(PAGE_VIEWS, sent("page_view", NOW - 950), sent("page_view", NOW - 500))
        await until(lambda: bought.acked and seen.acked)
        times = [record.occurred_at - NOW for record in it.log() if not isinstance(record, Tick)]
        clocks = [record.watermark - NOW for record in it.log()]
        assert times == [-950, -900, -500, -100]
        assert clocks == [-950, -900, -500, -500], "nobody knows yet whether page views are silent"


async def test_a_record_says_where_it_is_from() -> None:
    async with bench(partitions=2) as it:
        chunk = it.give(
            PAGE_VIEWS,
            sent("page_view", customer=None, identifiers={"cookie": "x"}, page="/a"),
            sent("page_view", customer=None, identifiers={"cookie": "x"}, page="/b"),
            partition=1,
        )
        await until(lambda: chunk.acked)
        [second] = [
            record
            for partition in (0, 1)
            for record in it.log(partition)
            if isinstance(record, PageView) and record.page == "/b"
        ]
        assert (second.task, second.source_offset, second.received_at) == (1, 1, NOW - 7)
        assert second.customer_key == "anon:cookie:x"
        assert {message.key for message in it.producer.to(JOURNEYS_LOG) if message.key} == {b"anon:cookie:x"}


async def test_records_go_to_the_partition_that_kafkas_own_partitioner_gives_their_customer_key() -> None:
    customers = [f"kunde-{n}-ä" for n in range(50)]
    async with bench(partitions=4) as it:
        chunk = it.give(PURCHASES, *(sent("purchase", customer=one) for one in customers))
        await until(lambda: chunk.acked)
        found = {
            message.key: partition
            for topic, partition, message in it.producer.acknowledged
            if topic == JOURNEYS_LOG and message.key
        }
        choose = DefaultPartitioner()
        assert found == {one.encode(): choose(one.encode(), [0, 1, 2, 3], []) for one in customers}


async def test_more_than_a_batch_keeps_its_order() -> None:
    async with bench() as it:
        chunk = it.give(PURCHASES, *(sent("purchase", NOW - 5000 + n) for n in range(4500)))
        await until(lambda: chunk.acked)
        written = [record for record in it.log() if isinstance(record, Purchase)]
        assert [record.source_offset for record in written] == list(range(4500))
        assert it.value("touchline_touchpoints_processed_total", stage="ingest") == 4500


async def test_an_input_that_gives_nothing_holds_the_others_only_for_the_idle_time() -> None:
    async with bench() as it:
        it.consumer.unread.add((PAGE_VIEWS, 0))
        chunk = it.give(PURCHASES, sent("purchase"))
        await it.pass_time(IDLE - 1000)
        assert not chunk.acked
        await it.pass_time(1000)
        assert chunk.acked


# --- facts ---------------------------------------------------------------------------------------


async def test_what_is_no_customers_becomes_rows_of_its_table() -> None:
    async with bench(partitions=2) as it:
        change = it.give(KIND_TOPICS["business_change"], sent("business_change"), partition=1)
        spend = it.give(KIND_TOPICS["marketing_spend"], sent("marketing_spend"), partition=1)
        await until(lambda: change.acked and spend.acked)
        [message] = it.producer.to("facts.business_changes.v1")
        _, [row] = msgspec.msgpack.decode(message.value or b"", type=tuple[int, list[BusinessChangeRow]])
        assert (row.change_id, row.name, row.version >> 48) == ("ch-1", "new prices", EPOCH)
        [message] = it.producer.to("facts.marketing_spend.v1")
        _, [spent] = msgspec.msgpack.decode(message.value or b"", type=tuple[int, list[MarketingSpendRow]])
        assert (spent.spend_id, spent.amount_minor, spent.version >> 48) == ("m-1", 5, EPOCH)
        assert it.producer.to(JOURNEYS_LOG) == []


# --- refusals ------------------------------------------------------------------------------------

BAD: dict[str, tuple[str, bytes | None, str]] = {
    "garbage": ("purchase", b"\x17garbage", "undecodable"),
    "nothing": ("purchase", b"", "undecodable"),
    "a tombstone": ("purchase", None, "undecodable"),
    "another kind": ("purchase", sent("page_view"), "undecodable"),
    "cut short": ("purchase", sent("purchase")[:-1], "undecodable"),
    "a fingerprint nobody knows": ("purchase", b"\xc3\x01" + b"\x00" * 8 + b"body", "unknown_schema"),
    "a schema id without a registry": ("purchase", b"\x00\x00\x00\x00\x07body", "unknown_schema"),
    "an empty event_id": ("purchase", sent("purchase", event_id=""), "missing_field"),
    "nobody": ("purchase", sent("purchase", customer="guest"), "no_identity"),
    "before 1990": ("purchase", sent("purchase", 600_000_000_000), "invalid_time"),
    "over a day ahead": ("purchase", sent("purchase", NOW + 86_400_001), "invalid_time"),
    "eleven of ten": ("survey_answer", sent("survey_answer", score=11.0), "invalid_score"),
    "less than nothing": ("purchase", sent("purchase", amount_minor=-1), "invalid_amount"),
    "over 1 MiB": ("page_view", sent("page_view", page="x" * (1 << 20)), "too_large"),
}


@pytest.mark.parametrize(("kind", "value", "reason"), BAD.values(), ids=list(BAD))
async def test_what_is_refused_goes_to_the_dead_letters_as_it_came(kind: str, value: bytes | None, reason: str) -> None:
    async with bench(partitions=2) as it:
        chunk = it.give(KIND_TOPICS[kind], sent(kind), value, sent(kind), partition=1)
        await until(lambda: chunk.acked)
        [(_, partition, letter)] = [one for one in it.producer.acknowledged if one[0] == DEAD_LETTERS]
        assert partition == 1
        assert (letter.key, letter.value) == (b"advice", value)
        assert list(letter.headers[:2]) == [("trace", b"\x00\xff"), ("trace", b"again")]
        about = dict(letter.headers[2:])
        assert about["dlq.reason"] == reason.encode()
        assert about["dlq.topic"] == KIND_TOPICS[kind].encode()
        assert (about["dlq.partition"], about["dlq.offset"], about["dlq.stage"]) == (b"1", b"1", b"ingest")
        assert about["dlq.detail"]
        assert about["dlq.at"] == b"2026-09-21T14:13:20.000Z"  # NOW
        assert sum(len(it.log(number)) for number in (0, 1)) == 2, "the others are taken in"
        assert it.value("touchline_messages_refused_total", reason=reason) == 1
        assert it.value("touchline_messages_received_total", topic=KIND_TOPICS[kind]) == 3


# --- clocks that run ahead -----------------------------------------------------------------------


async def test_a_day_ahead_is_taken_in_and_moves_no_clock() -> None:
    async with bench() as it:
        chunk = it.give(
            PURCHASES,
            sent("purchase", NOW - 50),
            sent("purchase", NOW + DAY),
            sent("purchase", NOW - 40),
        )
        await until(lambda: chunk.acked)
        times = [record.occurred_at - NOW for record in it.log() if isinstance(record, Purchase)]
        assert times == [-50, DAY, -40]
        assert [record.watermark - NOW for record in it.log()] == [-50, -50, -40]
        assert it.value("touchline_touchpoints_ahead_total") == 1


async def test_ahead_is_later_than_received_by_more_than_the_timers_delay() -> None:
    received_at = NOW - 10 * DAY
    async with bench() as it:
        records = [sent("purchase", received_at + ahead_ms) for ahead_ms in (DELAY, DELAY + 1)]
        chunk = it.give(PURCHASES, *records, timestamp=received_at)
        await until(lambda: chunk.acked)
        assert [record.watermark for record in it.log()] == [received_at + DELAY] * 2
        assert it.value("touchline_touchpoints_ahead_total") == 1


async def test_a_producer_that_stamps_its_messages_with_its_own_wrong_clock_is_ahead() -> None:
    async with bench() as it:
        chunk = it.give(PURCHASES, sent("purchase", NOW + DAY), timestamp=NOW + DAY)
        await until(lambda: chunk.acked)
        assert it.value("touchline_touchpoints_ahead_total") == 1


async def test_business_changes_and_spend_that_are_ahead_move_no_clock() -> None:
    async with bench() as it:
        chunks = [it.give(PURCHASES, sent("purchase", NOW - 30), sent("purchase", NOW - 20))]
        chunks += [it.give(KIND_TOPICS[kind], sent(kind, NOW + DAY)) for kind in ("business_change", "marketing_spend")]
        await until(lambda: all(chunk.acked for chunk in chunks))
        await it.ingest.tick()
        assert [record.watermark - NOW for record in it.log()] == [-30, -20, -20], "the last is the tick"
        assert it.value("touchline_touchpoints_ahead_total") == 2
        assert len(it.producer.to("facts.business_changes.v1")) == len(it.producer.to("facts.marketing_spend.v1")) == 1


async def test_a_chunk_of_refusals_only_is_acknowledged_after_its_dead_letters() -> None:
    async with bench() as it:
        it.consumer.unread.add((PAGE_VIEWS, 0))  # the merge waits, the dead letters do not
        it.producer.gate.clear()
        chunk = it.give(PURCHASES, b"bad", b"bad")
        await until(lambda: it.producer.batches)
        await final_until()
        assert not chunk.acked
        it.producer.gate.set()
        await until(lambda: chunk.acked)
        assert len(it.producer.to(DEAD_LETTERS)) == 2


async def test_a_run_of_refusals_stops_the_worker_and_acknowledges_nothing() -> None:
    async with bench(refusals=3) as it:
        good, bad = sent("purchase"), b"bad"
        fine = it.give(PURCHASES, bad, bad, bad, good, bad, bad, good, bad, bad)
        fine_too = it.give(PURCHASES, good, bad, bad)
        await until(lambda: fine.acked and fine_too.acked)
        before = len(it.producer.to(DEAD_LETTERS))
        worse = it.give(PURCHASES, b"bad", b"worse", b"unseen")
        with pytest.raises(TooManyRefusalsError, match=r"4 messages of touchpoints\.purchases\.v1 in a row"):
            await it.run
        assert not worse.acked
        shown = [letter.value for letter in it.producer.to(DEAD_LETTERS)[before:]]
        assert shown == [b"bad", b"worse"], "what it stopped at can be looked at"


# --- acknowledging -------------------------------------------------------------------------------


async def test_a_chunk_is_acknowledged_only_after_kafka_has_all_that_came_of_it() -> None:
    async with bench() as it:
        it.producer.gate.clear()
        chunk = it.give(PURCHASES, sent("purchase"), b"bad")
        await until(lambda: it.producer.batches)
        await final_until()
        assert not chunk.acked
        assert it.consumer.trackers[PURCHASES, 0].to_commit() is None
        it.producer.gate.set()
        await until(lambda: chunk.acked)
        assert it.consumer.trackers[PURCHASES, 0].to_commit() == 2


async def test_a_chunk_with_a_record_that_still_waits_is_not_acknowledged() -> None:
    async with bench() as it:
        first = it.give(PURCHASES, sent("purchase", NOW - 9), sent("purchase", NOW - 5), more=True)
        second = it.give(PAGE_VIEWS, sent("page_view", NOW - 7))
        await until(lambda: second.acked)
        assert first.acked, "its last record was written; it is the next one that is waited for"
        third = it.give(PAGE_VIEWS, sent("page_view", NOW - 4))
        await final_until()
        assert not third.acked


async def test_when_kafka_will_never_take_it_nothing_is_acknowledged_and_the_worker_stops() -> None:
    async with bench() as it:
        it.producer.error = RuntimeError("too large")
        chunk = it.give(PURCHASES, sent("purchase"), b"bad")
        with pytest.raises(RuntimeError, match="too large"):
            await it.run
        assert not chunk.acked


async def test_a_message_that_breaks_its_decoder_is_refused_and_the_error_logged_once() -> None:
    class Broken:
        def decode(self, kind: str, data: bytes) -> dict[str, Any]:
            if data == b"poison":
                raise ZeroDivisionError("by nought")
            return CODEC.decode(kind, data)

    async with bench(codec=Broken()) as it:
        with capture_logs() as logs:
            chunk = it.give(PURCHASES, sent("purchase"), b"poison", b"poison", sent("purchase"))
            await until(lambda: chunk.acked)
        assert len(it.log()) == 2
        letters = [dict(letter.headers) for letter in it.producer.to(DEAD_LETTERS)]
        assert [letter["dlq.reason"] for letter in letters] == [b"undecodable"] * 2
        assert all(b"ZeroDivisionError: by nought" in (letter["dlq.detail"] or b"") for letter in letters)
        [error] = [entry for entry in logs if entry["log_level"] == "error"]
        assert (error["topic"], error["partition"], error["offset"]) == (PURCHASES, 0, 1)
        assert isinstance(error["exc_info"], ZeroDivisionError)


async def test_a_message_that_breaks_its_decoder_while_its_schema_is_learnt_is_refused() -> None:
    class Broken:
        def decode(self, kind: str, data: bytes) -> dict[str, Any]:
            raise RecursionError(kind, data)

    async with bench(codec=Broken()) as it:
        chunk = it.give(PURCHASES, sent_with_id("purchase", 7))
        await until(lambda: chunk.acked)
        [letter] = it.producer.to(DEAD_LETTERS)
        assert dict(letter.headers)["dlq.reason"] == b"undecodable"


async def test_a_lack_of_memory_is_no_fault_of_the_message() -> None:
    class Starved:
        def decode(self, kind: str, data: bytes) -> dict[str, Any]:
            raise MemoryError(kind, data)

    async with bench(codec=Starved()) as it:
        chunk = it.give(PURCHASES, sent("purchase"))
        with pytest.raises(MemoryError):
            await it.run
        assert not chunk.acked


@pytest.mark.parametrize(
    ("timestamp", "received_at"),
    [
        (631_152_000_000, 631_152_000_000),  # 1990-01-01
        (631_151_999_999, NOW),
        (-1, NOW),  # none
        (NOW, NOW),
        (NOW + 1, NOW),  # received after it is read
        (NOW * 1000, NOW),  # microseconds
    ],
)
async def test_a_timestamp_out_of_reach_is_not_believed(timestamp: int, received_at: int) -> None:
    async with bench() as it:
        chunk = it.give(PURCHASES, sent("purchase"), timestamp=timestamp)
        await until(lambda: chunk.acked)
        [record] = it.log()
        assert isinstance(record, Purchase)
        assert record.received_at == received_at


# --- ticks ---------------------------------------------------------------------------------------


async def test_a_tick_tells_every_partition_the_clock_once() -> None:
    async with bench(partitions=3) as it:
        for partition in range(3):
            it.give(PURCHASES, sent("purchase", NOW - 10 * partition), partition=partition)
        await until(lambda: len(it.producer.to(JOURNEYS_LOG)) == 3)
        await it.ingest.tick()
        await it.ingest.tick()
        for partition in range(3):
            ticks = [record for record in it.log(partition) if isinstance(record, Tick)]
            assert ticks == [Tick(0, NOW), Tick(1, NOW - 10), Tick(2, NOW - 20)]
        assert it.value("touchline_watermark_timestamp_seconds", task="1") == (NOW - 10) / 1000


async def test_there_is_no_tick_while_the_clock_is_unknown() -> None:
    async with bench() as it:
        it.consumer.unread.add((PAGE_VIEWS, 0))
        it.give(PURCHASES, sent("purchase"))
        await final_until()
        await it.ingest.tick()
        assert it.producer.batches == []


async def test_a_tick_waits_for_the_records_before_it() -> None:
    async with bench() as it:
        it.producer.gate.clear()
        it.give(PURCHASES, sent("purchase"))
        await until(lambda: it.producer.batches)
        tick = asyncio.create_task(it.ingest.tick())
        await final_until()
        assert len(it.producer.batches) == 1
        it.producer.gate.set()
        await tick
        assert [type(record) for record in it.log()] == [Purchase, Tick]


async def test_empty_partitions_tell_the_wall_clock_after_the_idle_time() -> None:
    async with bench(partitions=2) as it:
        await it.pass_time(IDLE - 1000)
        await it.ingest.tick()
        assert it.log() == []
        await it.pass_time(1000)
        await it.ingest.tick()
        assert it.log(1) == [Tick(0, NOW + IDLE), Tick(1, NOW + IDLE)]


async def test_a_chunk_on_its_way_to_its_task_keeps_the_clock_back() -> None:
    async with bench() as it:
        await it.pass_time(IDLE)
        it.consumer.unread.add((PURCHASES, 0))
        await it.ingest.tick()
        assert it.log() == []


async def test_tasks_whose_partitions_are_not_ours_do_not_tick() -> None:
    async with bench(partitions=2) as it:
        it.consumer.rebalance()
        it.ingest.close_tasks()
        it.consumer.partitions = {1}
        await it.pass_time(2 * IDLE)
        await it.ingest.tick()
        assert it.log(0) == it.log(1) == [Tick(1, NOW + 2 * IDLE)]


# --- rebalances ----------------------------------------------------------------------------------


async def test_what_was_buffered_when_partitions_were_taken_away_is_written_once_when_read_again() -> None:
    async with bench() as it:
        it.consumer.unread.add((PAGE_VIEWS, 0))
        before = it.give(PURCHASES, sent("purchase"))
        await final_until()
        it.consumer.rebalance()
        it.ingest.close_tasks()
        it.consumer.unread.clear()
        await it.ingest.wake_tasks()
        await final_until()
        assert it.producer.batches == []
        again = it.give(PURCHASES, sent("purchase"))
        await until(lambda: again.acked)
        assert not before.acked
        assert len(it.log()) == 1


async def test_a_rebalance_shows_in_the_chunks_too() -> None:
    async with bench() as it:
        it.consumer.unread.add((PAGE_VIEWS, 0))
        it.give(PURCHASES, sent("purchase"))
        await final_until()
        it.consumer.rebalance()
        it.consumer.unread.clear()
        again = it.give(PURCHASES, sent("purchase"))
        await until(lambda: again.acked)
        assert len(it.log()) == 1


async def test_the_watermark_of_a_task_that_is_no_longer_ours_is_not_shown() -> None:
    async with bench() as it:
        it.give(PURCHASES, sent("purchase"))
        await until(it.log)
        await it.ingest.tick()
        it.ingest.close_tasks()
        assert it.telemetry.registry.get_sample_value("touchline_watermark_timestamp_seconds", {"task": "0"}) is None


async def test_what_is_under_way_when_partitions_are_taken_away_is_not_acknowledged() -> None:
    async with bench() as it:
        it.producer.gate.clear()
        chunk = it.give(PURCHASES, sent("purchase"))
        await until(lambda: it.producer.batches)
        it.consumer.rebalance()
        it.ingest.close_tasks()
        it.producer.gate.set()
        await final_until()
        assert not chunk.acked
        assert not it.run.done()


async def test_the_rest_of_what_was_taken_away_is_not_written() -> None:
    async with bench() as it:
        it.producer.gate.clear()
        it.give(PURCHASES, *(sent("purchase", NOW - 5000 + n) for n in range(3000)))
        await until(lambda: it.producer.batches)
        it.ingest.close_tasks()
        it.producer.gate.set()
        await final_until()
        assert len(it.producer.batches) == 1


async def test_a_task_that_was_taken_away_while_its_tick_waited_does_not_tick() -> None:
    async with bench() as it:
        it.producer.gate.clear()
        it.give(PURCHASES, sent("purchase"))
        await until(lambda: it.producer.batches)
        tick = asyncio.create_task(it.ingest.tick())
        await final_until()
        it.ingest.close_tasks()
        it.producer.gate.set()
        await tick
        assert it.log() == []


# --- the schema registry -------------------------------------------------------------------------


class FlakyRegistry:
    """Knows one id, and is away at first."""

    def __init__(self, known: int, failures: int) -> None:
        self.known = known
        self.failures = failures
        self.asked: list[int] = []

    def by_fingerprint(self, fingerprint: bytes) -> Schema:
        return FileRegistry().by_fingerprint(fingerprint)

    def by_id(self, schema_id: int) -> Schema:
        self.asked.append(schema_id)
        if self.failures:
            self.failures -= 1
            raise RegistryUnavailableError("away")
        if schema_id != self.known:
            raise UnknownSchemaError(f"id {schema_id}")
        return current_schemas()["Purchase"]


async def test_a_registry_that_is_away_is_asked_until_it_answers() -> None:
    registry = FlakyRegistry(known=7, failures=3)
    async with bench(codec=Codec(registry)) as it:
        chunk = it.give(PURCHASES, sent_with_id("purchase", 7), sent_with_id("purchase", 7))
        await until(lambda: chunk.acked)
        assert len(it.log()) == 2
        assert it.producer.to(DEAD_LETTERS) == []
        assert registry.asked == [7, 7, 7, 7]
        assert it.slept == [0.2, 0.4, 0.8]
        assert it.value("touchline_retries_total", operation="schema_registry") == 3


async def test_while_the_registry_is_away_the_task_neither_writes_nor_ticks() -> None:
    registry = FlakyRegistry(known=7, failures=10**9)
    async with bench(codec=Codec(registry)) as it:
        await it.pass_time(IDLE)
        it.give(PURCHASES, sent_with_id("purchase", 7, NOW - 50))
        await until(lambda: it.slept)
        tick = asyncio.create_task(it.ingest.tick())
        it.now += 10 * IDLE
        await final_until()
        assert it.producer.batches == []
        registry.failures = 0
        await tick
        await until(lambda: len(it.log()) > 1)
        first = it.log()[0]
        assert not isinstance(first, Tick) or first.watermark <= NOW - 50, "the record was still to come"


async def test_an_id_that_the_registry_does_not_know_is_asked_for_once_a_chunk() -> None:
    registry = FlakyRegistry(known=7, failures=0)
    async with bench(codec=Codec(registry)) as it:
        chunk = it.give(PURCHASES, *[sent_with_id("purchase", 8)] * 5, sent_with_id("purchase", 7))
        await until(lambda: chunk.acked)
        assert len(it.producer.to(DEAD_LETTERS)) == 5
        assert len(it.log()) == 1
        assert sorted(registry.asked) == [7, 8]


async def test_a_chunk_that_is_taken_away_while_the_registry_is_away_is_given_up() -> None:
    registry = FlakyRegistry(known=7, failures=10**9)
    async with bench(codec=Codec(registry)) as it:
        it.give(PURCHASES, sent_with_id("purchase", 7))
        await until(lambda: it.slept)
        it.consumer.rebalance()
        it.ingest.close_tasks()
        again = it.give(PURCHASES, sent("purchase"))
        await until(lambda: again.acked)
        assert len(it.log()) == 1


async def test_a_schema_that_was_met_is_decoded_without_a_detour() -> None:
    class Counting(Codec):
        calls = 0

        def decode(self, kind: str, data: bytes) -> dict[str, Any]:
            self.calls += 1
            return super().decode(kind, data)

    codec = Counting(FlakyRegistry(known=7, failures=0))
    async with bench(codec=codec) as it:
        for _ in range(3):
            chunk = it.give(PURCHASES, sent_with_id("purchase", 7))
            await until(lambda chunk=chunk: chunk.acked)  # type: ignore[misc]  # a default is no argument
        assert codec.calls == 1 + 3


def test_every_input_topic_has_its_record() -> None:
    assert KIND_RECORDS.keys() == KIND_TOPICS.keys()
