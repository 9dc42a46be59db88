"""Up to when signals were sent: what partitions report, what rebuilds have noted, and what JOURNEYS makes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from schemas import epochs
from schemas.epochs import Signalled
from schemas.topics import SIGNAL_ABANDONMENTS
from schemas.watermarks import PartitionTime, TaskWatermark, encode
from streams.agents.signalled import EpochError, noted_until, reached_until
from streams.kafka.offsets import Record
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings
from tests.unit.agents.test_journeys import DAY_MS, START, Kafka, a_log, process, rows_of, worker
from tests.unit.streams.records import FakeRecord

SETTINGS = Settings(partitions=5, epoch=3)


async def holding(*values: bytes | None) -> AsyncIterator[Sequence[Record]]:
    yield []
    yield [FakeRecord(offset, value) for offset, value in enumerate(values)]


def noted(until: int, epoch: int = 3) -> bytes:
    return epochs.encode(Signalled(epoch, until))


def done(partition: int, until: int, epoch: int = 3) -> bytes:
    return encode(PartitionTime(epoch, partition, until + 9, until + 9, 0, until))


async def test_of_several_rebuilds_the_latest_time_holds_and_other_epochs_count_for_nothing() -> None:
    assert await noted_until(SETTINGS, holding(noted(50), noted(70), noted(60), noted(90, epoch=2))) == 70


async def test_where_nothing_was_noted_all_signals_are_sent() -> None:
    assert await noted_until(SETTINGS, holding()) == 0
    assert await noted_until(SETTINGS, holding(noted(90, epoch=4))) == 0


@pytest.mark.parametrize("value", [b"?", b"", None, msgspec.msgpack.encode(["signalled/2", 3, 7])])
async def test_what_cannot_be_read_stops_a_worker_and_names_the_way_out(value: bytes | None) -> None:
    with pytest.raises(EpochError, match=r"journeys\.epochs\.v1, offset 1, .*touchline topics --create"):
        await noted_until(SETTINGS, holding(noted(5), value))


async def test_an_epoch_has_come_as_far_as_the_last_of_its_partitions() -> None:
    reports = holding(done(0, 40), done(1, 30), done(0, 80), done(1, 70), done(1, 60))

    assert await reached_until(SETTINGS, 2, reports) == 70


@pytest.mark.parametrize(
    "missing", [(), (done(1, 30, epoch=2),), (done(2, 30),), (encode(TaskWatermark(3, 1, 99)),), (b"?",)]
)
async def test_where_one_of_the_partitions_has_not_said_how_far_it_is_nothing_is_known(
    missing: tuple[bytes, ...],
) -> None:
    assert await reached_until(SETTINGS, 2, holding(done(0, 40), *missing)) == 0


async def test_a_report_of_before_reports_said_it_says_that_nothing_is_known() -> None:
    before = msgspec.msgpack.encode(["partition_time/2", 3, 1, 500, 500, 0])

    assert await reached_until(SETTINGS, 2, holding(done(0, 40), before)) == 0


async def test_signals_that_were_sent_before_a_rebuild_are_counted_and_not_written() -> None:
    entries, telemetry, before, after = a_log(), Telemetry.on(CollectorRegistry()), Kafka(), Kafka()
    await process(worker(before), entries, size=25)
    await process(worker(after, telemetry=telemetry, signalled_until=START + DAY_MS), entries, size=25)

    labels, (all_of_them, sent) = {"topic": SIGNAL_ABANDONMENTS}, map(signals_of, (before, after))
    suppressed = telemetry.registry.get_sample_value("touchline_signals_suppressed_total", labels)
    assert suppressed == all_of_them - sent
    assert 0 < sent < all_of_them
    assert rows_of(after) == rows_of(before)


def signals_of(kafka: Kafka) -> int:
    return sum(len(messages) for (topic, _), messages in kafka.written.items() if topic == SIGNAL_ABANDONMENTS)
