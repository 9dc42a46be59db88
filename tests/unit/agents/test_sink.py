"""The sink: a chunk is acknowledged when its rows are stored, and only then; ClickHouse is waited for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from schemas import erasures
from schemas.dead_letters import DeadLetter, encode, rfc3339
from schemas.erasures import ERASED, ErasedRows
from schemas.rows import ClockRow, CustomerRow, encode_rows
from schemas.topics import DEAD_LETTERS
from sinks.errors import PermanentWriteError, TransientWriteError
from sinks.memory.writer import MemoryWriter
from sinks.tables import Row
from sinks.writer import Writer
from streams.agents.erased_rows import RowsEraser
from streams.agents.services import Producer, Services
from streams.agents.sink import Sink
from streams.kafka.offsets import Chunk, Fetched, OffsetTracker
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings
from tests.contract.facts_rows import PLAIN
from tests.unit.streams.records import FakeRecord

BIG = 1 << 40


class Server:
    """A memory writer behind a gate, with answers to give before it takes rows."""

    def __init__(self, *answers: Exception) -> None:
        self.tables = MemoryWriter()
        self.answers = list(answers)
        self.writes: list[tuple[str, int]] = []
        self.open = threading.Event()
        self.open.set()

    def write(self, table: str, rows: Sequence[Row]) -> None:
        self.open.wait(10)
        if self.answers:
            raise self.answers.pop(0)
        self.writes.append((table, len(rows)))
        self.tables.write(table, rows)


class Bench:
    def __init__(self, server: Server, **settings: float) -> None:
        self.waits: list[float] = []
        self.told: list[str] = []
        self.telemetry = Telemetry.on(CollectorRegistry())
        services = Services(
            Settings.model_validate({"batch_s": 0.01, **settings}),
            cast(Producer, None),
            self.telemetry,
            sleep=self._sleep,
        )
        self.standing = services.standing
        self.sink = Sink(services, cast(Writer, server))

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.told.append(str(self.standing))


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Sink]:
    writing = asyncio.create_task(bench.sink._write_blocks())
    try:
        yield bench.sink
    finally:
        writing.cancel()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # rows are stored in another thread
            await asyncio.sleep(0.005)


def chunk_of(topic: str, *values: bytes, start: int = 0) -> Chunk:
    tracker = OffsetTracker(topic, 1, start, None, BIG, BIG)
    records = [FakeRecord(start + n, value) for n, value in enumerate(values)]
    (chunk,) = tracker.track(Fetched(records, start + len(values), BIG), BIG)
    return chunk


def clocks(*offsets: int) -> Chunk:
    return chunk_of("facts.clocks.v1", *(encode_rows([ClockRow(o, 5, 5, o, o)]) for o in offsets))


async def test_rows_are_stored_and_only_then_acknowledged() -> None:
    server = Server()
    server.open.clear()
    chunk = clocks(1, 2)
    async with running(Bench(server)) as sink:
        await sink.gather(chunk)
        await asyncio.sleep(0.05)
        assert not chunk.acked
        server.open.set()
        await until(lambda: chunk.acked)
    assert server.tables.rows("clocks") == [[1, 5, 5, 1, 1], [2, 5, 5, 2, 2]]


async def test_a_full_block_is_written_before_its_time() -> None:
    server = Server()
    chunk = clocks(*range(10))
    async with running(Bench(server, batch_s=1000, batch_rows=10)) as sink:
        await sink.gather(chunk)
        await until(lambda: chunk.acked)
    assert server.writes == [("clocks", 10)]


async def test_while_a_block_is_being_written_the_next_is_gathered_whole() -> None:
    server = Server()
    server.open.clear()
    first, *more = (clocks(n) for n in range(5))
    async with running(Bench(server)) as sink:
        await sink.gather(first)
        await until(lambda: not sink._block.chunks)  # the first block is on its way
        for chunk in more:
            await sink.gather(chunk)
        server.open.set()
        await until(lambda: all(chunk.acked for chunk in more))
    assert server.writes == [("clocks", 1), ("clocks", 4)]


async def test_more_than_a_full_block_waits_for_room() -> None:
    server = Server()
    server.open.clear()
    async with running(Bench(server, batch_rows=2)) as sink:
        await sink.gather(clocks(1, 2))
        await until(lambda: not sink._block.chunks)
        await sink.gather(clocks(3, 4))
        waiting = asyncio.create_task(sink.gather(clocks(5)))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        server.open.set()
        await asyncio.wait_for(waiting, 10)


async def test_while_clickhouse_is_away_the_same_rows_are_sent_until_it_takes_them() -> None:
    server = Server(*(TransientWriteError("away") for _ in range(8)))
    bench = Bench(server)
    chunk = clocks(1, 2)
    async with running(bench) as sink:
        await sink.gather(chunk)
        await until(lambda: chunk.acked)
    assert server.writes == [("clocks", 2)]
    assert bench.waits == sorted(bench.waits)
    assert len(bench.waits) == 8
    assert bench.waits[-1] <= 15
    assert bench.telemetry.retries.labels("insert")._value.get() == 8


async def test_tables_already_written_are_not_written_again_by_a_retry() -> None:
    server = Server()
    customer = PLAIN["customers"]
    write = server.write

    def fail_second(table: str, rows: Sequence[Row]) -> None:
        if len(server.writes) == 1 and not bench.waits:
            raise TransientWriteError("away")
        write(table, rows)

    server.write = fail_second  # type: ignore[method-assign]  # the second table fails once
    bench = Bench(server)
    chunk = chunk_of("facts.customers.v1", encode_rows([customer]))
    async with running(bench) as sink:
        await sink.gather(chunk)
        await sink.gather(clocks(1))
        await until(lambda: chunk.acked)
    assert sorted(server.writes) == [("clocks", 1), ("customers", 1)]


async def test_while_clickhouse_takes_no_rows_the_sink_waits_for_it() -> None:
    bench = Bench(Server(TransientWriteError("it is away")))
    chunk = clocks(1)
    async with running(bench) as sink:
        await sink.gather(chunk)
        await until(lambda: chunk.acked)
    assert bench.told == ["waiting for ClickHouse for 0 s: it is away"]
    assert bench.standing.working


async def test_an_insert_without_an_answer_is_a_wait_for_clickhouse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.agents.sink.SLOW_S", 0.01)
    server = Server()
    server.open.clear()
    bench = Bench(server)
    chunk = clocks(1)
    async with running(bench) as sink:
        await sink.gather(chunk)
        await until(lambda: bench.standing.waits("clickhouse"))
        server.open.set()
        await until(lambda: chunk.acked)
        assert bench.standing.working


async def test_rows_that_will_never_be_taken_stop_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    died: list[BaseException] = []
    monkeypatch.setattr("streams.runtime.exit.exit_with", lambda _where, error: died.append(error))
    server = Server(PermanentWriteError("no such table"))
    chunk = clocks(1)
    async with running(Bench(server)) as sink:
        await sink.gather(chunk)
        await until(lambda: bool(died))
    assert isinstance(died[0], PermanentWriteError)
    assert not chunk.acked


async def test_dead_letters_become_rows() -> None:
    server = Server()
    made = encode(
        DeadLetter(
            reason="too_large",
            detail="d",
            stage="ingest",
            topic="t",
            partition=1,
            offset=9,
            at=rfc3339(5000),
            value=b"raw",
        )
    )
    tracker = OffsetTracker(DEAD_LETTERS, 1, 0, None, BIG, BIG)
    (chunk,) = tracker.track(Fetched([FakeRecord(0, made.value, made.key, 0, made.headers)], 1, 1), BIG)
    async with running(Bench(server)) as sink:
        await sink.gather(chunk)
        await until(lambda: chunk.acked)
    assert server.tables.rows("dead_letters") == [["t", 1, 9, "too_large", "d", "ingest", 5000, b"raw", 0]]


async def test_a_refused_message_of_an_input_is_told_among_the_outcomes() -> None:
    server = Server()
    letters = [
        DeadLetter("too_large", "d", "ingest", topic, 1, 9, rfc3339(5000), value=b"raw")
        for topic in ("touchpoints.tweets.v1", "not.ours.v1")
    ]
    tracker = OffsetTracker(DEAD_LETTERS, 1, 0, None, BIG, BIG)
    made = [FakeRecord(n, m.value, m.key, 0, m.headers) for n, m in enumerate(map(encode, letters))]
    (chunk,) = tracker.track(Fetched(made, 2, 2), BIG)
    async with running(Bench(server)) as sink:
        await sink.gather(chunk)
        await until(lambda: chunk.acked)
    assert server.tables.rows("outcomes") == [["tweet", 5000, "refused", "touchpoints.tweets.v1", "1/9", 0]]
    assert server.writes == [("dead_letters", 2), ("outcomes", 1)]


async def test_rows_that_follow_others_are_stored_after_them() -> None:
    server = Server()
    rows = [
        FakeRecord(0, encode_rows([PLAIN["hourly_counts"]]), b"hourly_counts"),
        FakeRecord(1, encode_rows([PLAIN["touchpoints"]])),
        FakeRecord(2, encode_rows([PLAIN["outcomes"]]), b"outcomes"),
    ]
    tracker = OffsetTracker("facts.touchpoints.v1", 1, 0, None, BIG, BIG)
    (chunk,) = tracker.track(Fetched(rows, 3, 3), BIG)
    async with running(Bench(server)) as sink:
        await sink.gather(chunk)
        await until(lambda: chunk.acked)
    assert server.writes == [("touchpoints", 1), ("hourly_counts", 1), ("outcomes", 1)]


async def test_a_message_that_holds_no_rows_is_an_error_and_not_acknowledged() -> None:
    chunk = chunk_of("facts.clocks.v1", b"?")
    async with running(Bench(Server())) as sink:
        with pytest.raises(PermanentWriteError, match=r"facts\.clocks\.v1"):
            await sink.gather(chunk)
    assert not chunk.acked


async def test_a_number_that_no_column_holds_is_stored_as_near_as_can_be_and_counted() -> None:
    server = Server()
    bench = Bench(server)
    chunk = chunk_of("facts.clocks.v1", encode_rows([ClockRow(1, 5, 5, 1 << 63, 1)]))
    async with running(bench) as sink:
        await sink.gather(chunk)
        await until(lambda: chunk.acked)
    assert server.tables.rows("clocks") == [[1, 5, 5, (1 << 63) - 1, 1]]
    assert bench.telemetry.registry.get_sample_value("touchline_trimmed_total", {"what": "columns"}) == 1


class Eraser:
    """Notes what is to be deleted, and what is stored by then."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.told: list[tuple[str, str, int]] = []

    def erase(self, table: str, messages: Sequence[ErasedRows]) -> None:
        self.told += [(table, one.erasure_id, len(self.server.tables.rows(table))) for one in messages]


async def test_rows_of_who_is_erased_are_deleted_behind_those_before_and_do_not_come_later() -> None:
    server = Server()
    eraser = Eraser(server)
    bench = Bench(server)
    bench.sink._eraser = cast(RowsEraser, eraser)
    customer = cast(CustomerRow, PLAIN["customers"])
    old = encode_rows([replace(customer, customer_id="ann", version=5)])
    new = encode_rows([replace(customer, customer_id="ann", version=7)])
    order = erasures.encode(ErasedRows("order", 0, ["ann"], 7))
    first, behind = (chunk_of("facts.customers.v1", value, start=n) for n, value in enumerate((old, order)))
    behind.records[0].key = ERASED
    async with running(bench) as sink:
        await sink.gather(first)
        await sink.gather(behind)
        await until(lambda: behind.acked)
        assert eraser.told == [("customers", "order", 1)]
        server.tables.close()

        again = chunk_of("facts.customers.v1", old, start=2)
        await sink.gather(again)
        await until(lambda: again.acked)
        assert server.tables.rows("customers") == []

        later = chunk_of("facts.customers.v1", new, start=3)
        await sink.gather(later)
        await until(lambda: later.acked)
        assert len(server.tables.rows("customers")) == 1


async def test_a_message_that_does_not_tell_which_rows_is_an_error() -> None:
    chunk = chunk_of("facts.customers.v1", b"other")
    chunk.records[0].key = ERASED
    async with running(Bench(Server())) as sink:
        with pytest.raises(PermanentWriteError, match="which rows are to be deleted"):
            await sink.gather(chunk)
