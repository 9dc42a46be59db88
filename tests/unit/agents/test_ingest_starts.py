"""INGEST at a start: what is late is told by the time that a task had reached before it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from schemas.identity_links import IdentitiesStated
from schemas.identity_links import decode as decode_link
from schemas.topics import LINKS
from schemas.watermarks import PartitionTime, TaskWatermark, encode
from tests.unit.agents.ingest_bench import DAY, EPOCH, NOW, PURCHASES, Bench, bench, final_until, sent

FOUR_DAYS_AGO = NOW - 4 * DAY


def reported(watermark: int, *, epoch: int = EPOCH, task: int = 0) -> bytes:
    return encode(TaskWatermark(epoch, task, watermark))


def old(at: int = FOUR_DAYS_AGO, customer: str = "mallory") -> bytes:
    """Return what states Ann's address with a customer, of a time (ms)."""
    return sent("purchase", at, customer, identifiers={"email": "ann@x.com"})


def is_late(it: Bench) -> list[bool]:
    links = [decode_link(message.value or b"") for message in it.producer.to(LINKS)]
    return [link.late for link in links if isinstance(link, IdentitiesStated)]


async def test_an_old_link_is_late_at_once_after_a_start() -> None:
    async with bench(before=[reported(NOW)]) as it:
        it.give(PURCHASES, old())
        it.give(PURCHASES, old(NOW - 2 * DAY, "ann"))
        await final_until()

        assert is_late(it) == [True, False]


async def test_an_old_link_is_late_where_a_chunk_comes_before_the_task_has_begun() -> None:
    async with bench(before=[reported(NOW)]) as it:
        it.ingest.close_tasks()
        it.give(PURCHASES, old())
        await final_until()

        assert is_late(it) == [True]


@pytest.mark.parametrize(
    "before",
    [
        [],
        [reported(NOW, epoch=EPOCH - 1)],
        [reported(NOW, task=1)],
        [encode(PartitionTime(EPOCH, 0, NOW, NOW))],
        [reported(FOUR_DAYS_AGO + DAY)],
    ],
    ids=["nothing was reported", "a rebuild", "another task's time", "a partition's time", "less than lateness ago"],
)
async def test_an_old_link_is_in_time_where_the_task_had_not_come_so_far(before: Sequence[bytes]) -> None:
    async with bench(before=before, partitions=2) as it:
        it.give(PURCHASES, old())
        await final_until()

        assert is_late(it) == [False]


async def test_an_old_link_that_is_read_ahead_is_late_by_what_its_own_input_has_told() -> None:
    """After a rebuild the task's time is behind by years, and thousands of messages are read ahead of it."""
    async with bench() as it:
        new = [sent("purchase", NOW - 9 + n, f"c{n}", identifiers={"email": f"{n}@x.com"}) for n in range(3)]
        it.give(PURCHASES, old(), *new, old(customer="bob"), more=True)
        await final_until()

        assert is_late(it) == [False] * 4 + [True]


async def test_of_all_times_that_a_task_has_reported_the_latest_holds() -> None:
    async with bench(before=[reported(NOW), reported(FOUR_DAYS_AGO)]) as it:
        it.give(PURCHASES, old())
        await final_until()

        assert is_late(it) == [True]


async def test_a_task_that_comes_from_another_worker_goes_on_from_the_time_that_it_had_there() -> None:
    async with bench() as it:
        it.consumer.rebalance()
        it.consumer.partitions = set()
        it.ingest.close_tasks()
        it.before = [reported(NOW)]
        it.consumer.partitions = {0}
        it.give(PURCHASES, old())
        await final_until()

        assert is_late(it) == [True]


async def test_a_task_that_has_started_reports_no_time_before_the_one_that_it_had_reached() -> None:
    async with bench(before=[reported(NOW - DAY)]) as it:
        it.give(PURCHASES, old(NOW - 2 * DAY), old(NOW - 2 * DAY + 1), more=True)
        await final_until()
        await it.ingest.report()
        assert it.reported() == []
        assert it.value("touchline_watermark_timestamp_seconds", task="0") == (NOW - DAY) / 1000

        it.give(PURCHASES, old(NOW - 2), old(NOW - 1), old(NOW))
        await it.pass_time(1_000)
        await it.ingest.report()
        assert [task for task, at in it.reported() if at > NOW - DAY] == [0]


async def test_chunks_of_a_task_that_leaves_while_its_time_is_read_are_left_to_its_next_owner() -> None:
    async with bench() as it:
        it.ingest.close_tasks()
        chunk = it.give(PURCHASES, old())
        it.on_history = it.consumer.rebalance
        await final_until()

        assert it.log() == []
        assert not chunk.acked
