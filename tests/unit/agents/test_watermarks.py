"""The aggregator of watermarks: one tick a partition, never ahead of any task, whoever does it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from prometheus_client import CollectorRegistry

from schemas.journey_log import Tick, Touchpoint
from schemas.topics import WATERMARKS
from schemas.watermarks import LinksDecided, PartitionTime, TaskWatermark, encode
from streams.agents.services import Services
from streams.agents.watermarks import UNDECIDED_MAX, WatermarkError, Watermarks
from streams.journeys.partition_clock import PartitionClock
from streams.journeys.rules import Rules
from streams.kafka.offsets import Chunk, Fetched, OffsetTracker, Record
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings
from tests.unit.agents.ingest_bench import FakeProducer, SourceRecord, for_ever, until

EPOCH = 3


class Bench:
    """The aggregator of two partitions, beside what the topic holds already."""

    def __init__(self, *there: Record, subjects: str = "") -> None:
        self.there = [links_read(0), *there]
        self.producer = FakeProducer()
        settings = Settings(partitions=2, epoch=EPOCH, subjects=subjects)
        services = Services(settings, self.producer, Telemetry.on(CollectorRegistry()), sleep=for_ever)
        self.watermarks = Watermarks(services, self._history)

    async def _history(self) -> AsyncIterator[Sequence[Record]]:
        yield self.there

    def chunk(self, *records: Record) -> Chunk:
        tracker = OffsetTracker(WATERMARKS, 0, 0, None, max_records=10**6, max_bytes=10**9)
        [chunk] = tracker.track(Fetched(records, len(records), len(records)), 10**9)
        return chunk

    async def ticks(self, *records: Record) -> list[Tick | Touchpoint]:
        """Return the ticks of partition 1 after some more records have come."""
        if records:
            await self.watermarks.receive(self.chunk(*records))
        await self.watermarks.tick()
        assert self.producer.log(0) == self.producer.log(1)
        return self.producer.log(1)


def tick(watermark: int, settled: int = 0) -> Tick:
    """Return the tick where no link was written."""
    return Tick(watermark, settled, watermark)


def reached(task: int, watermark: int, epoch: int = EPOCH, links_end: int = 0) -> SourceRecord:
    return SourceRecord(encode(TaskWatermark(epoch, task, watermark, links_end)), offset=0)


def links_read(end: int, epoch: int = EPOCH) -> SourceRecord:
    return SourceRecord(encode(LinksDecided(epoch, end)), offset=0)


def timed(partition: int, time: int, epoch: int = EPOCH) -> SourceRecord:
    return SourceRecord(encode(PartitionTime(epoch, partition, time)), offset=0)


async def test_every_partition_gets_the_least_watermark_once() -> None:
    bench = Bench()

    await bench.ticks(reached(0, 700), reached(1, 500))

    assert await bench.ticks() == [tick(500)]
    assert await bench.ticks(reached(1, 900)) == [tick(500), tick(700)]


async def test_there_is_no_tick_before_all_tasks_are_known() -> None:
    assert await Bench().ticks(reached(0, 700)) == []


async def test_the_next_owner_goes_on_from_what_is_in_the_topic() -> None:
    bench = Bench(reached(0, 700), reached(1, 500), reached(1, 600))

    assert await bench.ticks(reached(0, 800)) == [tick(600)]


async def test_a_watermark_read_again_takes_nothing_back() -> None:
    bench = Bench(reached(0, 700), reached(1, 900))

    assert await bench.ticks(reached(1, 400)) == [tick(700)]


async def test_watermarks_of_another_generation_of_the_log_count_for_nothing() -> None:
    assert await Bench(reached(0, 900, epoch=2), reached(1, 900, epoch=2)).ticks(reached(0, 500)) == []


async def test_watermarks_of_tasks_that_are_no_more_count_for_nothing() -> None:
    assert await Bench(reached(2, 100)).ticks(reached(0, 500), reached(1, 600)) == [tick(500)]


async def test_the_settled_time_is_the_least_time_of_all_partitions() -> None:
    bench = Bench(reached(0, 700), reached(1, 900))

    assert await bench.ticks(timed(0, 600)) == [tick(700)]
    assert await bench.ticks(timed(1, 500)) == [tick(700), tick(700, 500)]
    assert await bench.ticks(timed(1, 650), timed(0, 550)) == [tick(700), tick(700, 500), tick(700, 600)]


def read(partition: int, own_time: int, links_end: int = 0) -> SourceRecord:
    """Return what a partition reports that has read all up to its own time, of which not all is decided yet."""
    return SourceRecord(encode(PartitionTime(EPOCH, partition, 0, own_time, links_end)), offset=0)


async def test_with_subjects_a_time_is_decided_when_all_links_are_that_partitions_have_written_up_to_it() -> None:
    bench = Bench(reached(0, 700), reached(1, 700), subjects="case")

    assert await bench.ticks(read(0, 500)) == [Tick(700)]
    assert await bench.ticks(read(1, 600)) == [Tick(700), Tick(700, 0, 500)]
    # The first has read on, and has written a link by then; IDENTITY has not read it.
    assert await bench.ticks(read(0, 650, links_end=1)) == [Tick(700), Tick(700, 0, 500)]
    assert await bench.ticks(links_read(1)) == [Tick(700), Tick(700, 0, 500), Tick(700, 0, 600)]


async def test_with_subjects_nothing_is_decided_that_a_task_has_not_reported() -> None:
    bench = Bench(reached(0, 700), reached(1, 300), subjects="case")

    assert await bench.ticks(read(0, 500), read(1, 600)) == [Tick(300, 0, 300)]


async def test_a_task_and_a_partition_of_one_number_are_two() -> None:
    assert await Bench().ticks(reached(0, 700), timed(1, 800)) == []
    assert TaskWatermark(EPOCH, 0, 1).key != PartitionTime(EPOCH, 0, 1).key


async def test_times_of_another_generation_and_of_partitions_that_are_no_more_count_for_nothing() -> None:
    bench = Bench(timed(0, 900, epoch=2), timed(1, 900, epoch=2), timed(2, 100), timed(0, 500))

    assert await bench.ticks(timed(1, 900, epoch=4)) == []
    assert await bench.ticks(timed(1, 600)) == [tick(0, 500)]


@pytest.mark.parametrize("moves", [1, 20])
async def test_what_a_tick_moves_is_reported_and_that_ends(moves: int) -> None:
    """Both partitions read each tick, and report the time that it gives them, as JOURNEYS does."""
    bench = Bench(reached(0, 1), reached(1, 1))
    clocks = [PartitionClock(2, Rules()) for _ in range(2)]
    seen = 0

    async def pass_a_second(*moved: Record) -> int:
        nonlocal seen
        before, found = seen, await bench.ticks(*moved)
        for tick in found[seen:]:
            for clock in clocks:
                clock.advance(tick)
        seen = len(found)
        await bench.watermarks.receive(bench.chunk(*(timed(number, one.time) for number, one in enumerate(clocks))))
        return seen - before

    # A tick a second while time goes on, one more for the settled time, and then none.
    assert [await pass_a_second(reached(0, 2 + n), reached(1, 2 + n)) for n in range(moves)] == [1] * moves
    written = [await pass_a_second() for _ in range(10)]
    assert written == [1] + [0] * 9
    assert [clock.settled for clock in clocks] == [1 + moves] * 2


async def test_once_the_partition_is_gone_there_are_no_ticks() -> None:
    bench = Bench()
    await bench.watermarks.receive(bench.chunk(reached(0, 500), reached(1, 500)))

    bench.watermarks.close()

    assert await bench.ticks() == []


async def test_a_chunk_is_acknowledged() -> None:
    bench = Bench()
    chunk = bench.chunk(reached(0, 500))

    await bench.watermarks.receive(chunk)

    assert chunk.acked


@pytest.mark.parametrize(
    "value", [None, b"", b"\x91\xa1x", b"\x91\xa1\xff", b"\x91" * 100_000, encode(TaskWatermark(EPOCH, 0, 5))[:-1]]
)
async def test_what_is_no_watermark_names_its_offset_and_the_way_out(value: bytes | None) -> None:
    bench = Bench()

    with pytest.raises(WatermarkError, match=r"offset 7, .* topics --create"):
        await bench.watermarks.receive(bench.chunk(SourceRecord(value, offset=7)))


async def test_ticks_come_by_themselves() -> None:
    bench = Bench(reached(0, 500), reached(1, 600))

    async def chunks() -> AsyncIterator[Chunk]:
        yield bench.chunk(reached(0, 550))
        await asyncio.Event().wait()

    async def no_time(_seconds: float) -> None:
        await asyncio.sleep(0)

    bench.watermarks = Watermarks(
        Services(
            Settings(partitions=2, epoch=EPOCH, subjects=""),
            bench.producer,
            Telemetry.on(CollectorRegistry()),
            sleep=no_time,
        ),
        bench.watermarks._history,
    )
    running = asyncio.create_task(bench.watermarks.run(chunks()))
    await until(lambda: bench.producer.log(1))
    running.cancel()

    assert bench.producer.log(0) == bench.producer.log(1) == [tick(550)]


async def test_a_watermark_is_decided_when_all_links_are_that_were_written_before_it() -> None:
    bench = Bench()

    await bench.ticks(reached(0, 500, links_end=7), reached(1, 500, links_end=4), links_read(6))
    assert await bench.ticks() == [Tick(500, 0, 0)]

    await bench.ticks(reached(0, 600, links_end=9), reached(1, 600, links_end=4), links_read(7))
    assert (await bench.ticks())[-1] == Tick(600, 0, 500)

    assert (await bench.ticks(links_read(9)))[-1] == Tick(600, 0, 600)


async def test_as_long_as_the_log_of_this_epoch_was_not_told_of_the_links_before_it_nothing_is_decided() -> None:
    bench = Bench()
    bench.there = []

    assert await bench.ticks(reached(0, 500), reached(1, 500), links_read(9, epoch=2)) == [Tick(500, 0, 0)]

    assert (await bench.ticks(links_read(0)))[-1] == Tick(500, 0, 500)


async def test_links_read_for_another_generation_of_the_log_decide_nothing() -> None:
    bench = Bench(links_read(9, epoch=2))

    assert await bench.ticks(reached(0, 500, links_end=7), reached(1, 500)) == [Tick(500, 0, 0)]


async def test_however_long_nothing_is_decided_no_more_than_so_many_watermarks_wait() -> None:
    bench = Bench()

    for at in range(1, 3_000):
        await bench.ticks(reached(0, at, links_end=at), reached(1, at))

    assert len(bench.watermarks._undecided) <= UNDECIDED_MAX
    assert (await bench.ticks(links_read(2_999)))[-1] == tick(2_999)
