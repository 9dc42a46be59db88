"""JOURNEYS reports a partition's time once all that was written up to there is acknowledged."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from schemas import journey_log
from schemas.journey_log import LogRecord, Tick, Touchpoint
from schemas.topics import WATERMARKS
from schemas.watermarks import PartitionTime, TaskWatermark, decode, encode
from streams.agents.services import Services
from streams.agents.watermarks import Watermarks
from streams.journeys.partition_clock import PartitionClock
from streams.journeys.rules import Rules
from streams.kafka.offsets import Fetched, OffsetTracker, Record
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings
from tests.unit.agents.ingest_bench import FakeProducer, SourceRecord, for_ever
from tests.unit.agents.test_journeys import SETTINGS, START, Kafka, Killed, a_log, chunk_of, worker
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, seen_page


def reports(kafka: Kafka) -> list[PartitionTime]:
    found = [decode(message.value or b"") for message in kafka.written[WATERMARKS, 0]]
    return [record for record in found if isinstance(record, PartitionTime)]


def tick(at: int) -> bytes:
    return journey_log.encode(Tick(at, 0, at))


async def test_a_time_is_reported_once_when_all_is_written() -> None:
    kafka = Kafka()
    journeys = worker(kafka)
    entries = [tick(START), tick(START + 5), tick(START + 5)]
    await journeys.times.report()
    assert reports(kafka) == []

    for last in (2, 3):
        await journeys.process(chunk_of(entries, last - 2 if last == 2 else 2, last))
        await journeys.times.report()
        await journeys.times.report()

    assert reports(kafka) == [PartitionTime(SETTINGS.epoch, 0, START + 5, START + 5)]
    assert kafka.written[WATERMARKS, 0][0].key == b"0/journeys/0"


async def test_it_is_reported_up_to_when_all_that_happened_has_taken_effect() -> None:
    """Timers fire five minutes behind, and other partitions may send what happened until the settled time."""
    kafka = Kafka()
    journeys = worker(kafka)
    told = [journey_log.encode(Tick(START + 2 * HOUR, START + at, START)) for at in (MINUTE, HOUR, 3 * HOUR)]

    for first in range(3):
        await journeys.process(chunk_of(told, first, first + 1))
        await journeys.times.report()

    assert [one.done - START for one in reports(kafka)] == [-4 * MINUTE, 55 * MINUTE, 115 * MINUTE]


@pytest.mark.parametrize("killed_at", [0, 1])
async def test_what_is_not_written_is_not_reported(killed_at: int) -> None:
    kafka = Kafka(killed_at=killed_at)
    journeys = worker(kafka)

    with pytest.raises(Killed):
        await journeys.process(chunk_of(a_log(), 0, 10))
    await journeys.times.report()

    assert reports(kafka) == []


async def test_after_a_restart_it_goes_on_from_the_restored_position() -> None:
    kafka = Kafka()
    entries = [tick(START), journey_log.encode(Tick(0))]
    await worker(kafka).process(chunk_of(entries, 0, 1))
    assert reports(kafka) == [], "killed before the report"

    journeys = worker(kafka)
    await journeys.process(chunk_of(entries, 1, 2))
    await journeys.times.report()

    assert [report.time for report in reports(kafka)] == [START]


async def test_a_partition_that_is_no_longer_ours_is_not_reported() -> None:
    kafka, telemetry = Kafka(), Telemetry.on(registry := CollectorRegistry())
    journeys = worker(kafka, telemetry=telemetry)
    await journeys.process(chunk_of([journey_log.encode(Tick(START + HOUR, START))], 0, 1))
    shown = [
        registry.get_sample_value(f"touchline_{name}_time_timestamp_seconds", {"partition": "0"})
        for name in ("partition", "settled")
    ]
    # For three days before it, touchpoints can still move.
    assert shown == [(START + HOUR) / 1000, (START - 3 * DAY) / 1000]

    journeys.retain({1})
    await journeys.times.report()

    assert reports(kafka) == []
    assert registry.get_sample_value("touchline_settled_time_timestamp_seconds", {"partition": "0"}) is None


class Forwarding:
    """Three partitions whose readers forward what is on time to any of them, each as far behind as chance has it.

    The ticks are those of the real aggregator.

    Attributes:
        margins: by how much what is forwarded is later than what is settled, and than what is late, ms.
        undone: by how much what was in order where it came from is later than what is done where it arrives, ms.
    """

    COUNT = 3
    RULES = Rules()

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.producer = FakeProducer()
        settings = Settings(partitions=self.COUNT)
        services = Services(settings, self.producer, Telemetry.on(CollectorRegistry()), sleep=for_ever)
        self.aggregator = Watermarks(services, self.nothing)
        self.logs: list[list[LogRecord]] = [[] for _ in range(self.COUNT)]
        self.clocks = [PartitionClock(self.COUNT, self.RULES) for _ in range(self.COUNT)]
        self.read = [0] * self.COUNT
        self.ticked = 0
        self.watermarks = [T0] * self.COUNT
        self.margins: list[tuple[int, int]] = []
        self.undone: list[int] = []

    async def nothing(self) -> AsyncIterator[Sequence[Record]]:
        yield []

    async def report(self, record: TaskWatermark | PartitionTime) -> None:
        tracker = OffsetTracker(WATERMARKS, 0, 0, None, max_records=10**6, max_bytes=10**9)
        [chunk] = tracker.track(Fetched([SourceRecord(encode(record), offset=0)], 1, 1), 10**9)
        await self.aggregator.receive(chunk)

    async def ingest(self, task: int) -> None:
        """Let a task write a touchpoint, perhaps an old one, and report."""
        self.watermarks[task] += self.rng.choice((0, HOUR, DAY, 9 * DAY))
        back = self.rng.choice((0, HOUR, 3 * DAY - HOUR, 3 * DAY, 8 * DAY))
        at = self.watermarks[task] - back - T0
        self.logs[self.rng.randrange(self.COUNT)].append(seen_page(at, task=task, watermark=self.watermarks[task]))
        await self.report(TaskWatermark(0, task, self.watermarks[task]))

    async def journeys(self, partition: int) -> None:
        """Let a partition read a chunk, write what it forwards, and only then report."""
        clock, forwards = self.clocks[partition], []
        until = min(len(self.logs[partition]), self.read[partition] + self.rng.randint(1, 9))
        for record in self.logs[partition][self.read[partition] : until]:
            clock.advance(record)
            if isinstance(record, Touchpoint) and record.source == "forwarded":
                at = record.occurred_at
                self.margins.append((at - clock.settled_before, at - clock.late_before))
                if record.channel == "in order":
                    self.undone.append(at - clock.done)
            elif isinstance(record, Touchpoint) and record.occurred_at >= clock.late_before:
                order = "in order" if record.occurred_at >= clock.time else "late"
                forwards.append(replace(record, source="forwarded", channel=order, watermark=0))
        self.read[partition] = until
        for forwarded in forwards:
            self.logs[self.rng.randrange(self.COUNT)].append(forwarded)
        await self.report(PartitionTime(0, partition, clock.time))

    async def tick(self) -> None:
        await self.aggregator.tick()
        ticks = self.producer.log()
        for log in self.logs:
            log.extend(ticks[self.ticked :])
        self.ticked = len(ticks)


@pytest.mark.parametrize("seed", range(6))
async def test_what_was_in_order_where_it_was_read_is_not_done_before_it_arrives_where_it_is_forwarded_to(
    seed: int,
) -> None:
    world = Forwarding(seed)
    for _ in range(60):
        for _ in range(world.rng.randint(1, 20)):
            await world.ingest(world.rng.randrange(world.COUNT))
            await world.tick()
            await world.journeys(world.rng.randrange(world.COUNT))

    assert min(world.undone) >= 0
    assert len(world.undone) > 50
    assert min(clock.done for clock in world.clocks) > T0


@pytest.mark.parametrize("seed", range(6))
async def test_what_was_on_time_where_it_was_read_is_not_settled_where_it_is_forwarded_to(seed: int) -> None:
    world = Forwarding(seed)
    for _ in range(150):
        slow = world.rng.randrange(world.COUNT)
        for _ in range(world.rng.randint(1, 20)):
            await world.ingest(world.rng.randrange(world.COUNT))
            await world.tick()
            await world.journeys((slow + world.rng.randint(1, 2)) % world.COUNT)
        await world.journeys(slow)

    assert min(settled for settled, _ in world.margins) >= 0
    # By the partition's own time many of them come too late, and by the settled time they are near.
    assert sum(late < 0 for _, late in world.margins) > 50
    assert max(clock.settled for clock in world.clocks) > T0 + 30 * DAY
