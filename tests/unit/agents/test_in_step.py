"""INGEST stays in step: its tasks with one another, and all of them with JOURNEYS."""

from __future__ import annotations

import asyncio
from unittest.mock import patch

from schemas.journey_log import Touchpoint
from schemas.units import DAY_MS, HOUR_MS, SECOND_MS
from streams.agents import backlog, merging
from streams.agents.alignment import FEW, LEAST_SPAN_MS, MOST_SPAN_MS, MOST_WAIT_MS, Alignment
from streams.agents.backlog import MOST_AHEAD, Backlog
from streams.intake.merge import NO_BOUND
from tests.unit.agents.ingest_bench import NOW, PURCHASES, Bench, bench, final_until, sent, until

LONG_AGO = NOW - 90 * DAY_MS


# --- tasks with one another -----------------------------------------------------------------------


def test_a_task_writes_a_little_beyond_what_the_others_have_next() -> None:
    tasks = Alignment()
    tasks.note(0, 1_000)
    assert tasks.until(0, NOW) == NO_BOUND + LEAST_SPAN_MS
    tasks.note(1, 900)
    tasks.note(2, 5_000)
    assert [tasks.until(number, NOW) for number in range(3)] == [
        900 + LEAST_SPAN_MS,
        1_000 + LEAST_SPAN_MS,
        900 + LEAST_SPAN_MS,
    ]


def test_nobody_waits_for_a_task_that_has_nothing_or_has_ended() -> None:
    tasks = Alignment()
    tasks.note(0, 1_000)
    tasks.note(1, 2_000)
    tasks.note(2, NO_BOUND)
    tasks.leave(0)
    assert tasks.until(2, NOW) == 2_000 + LEAST_SPAN_MS
    assert tasks.until(1, NOW) == NO_BOUND + LEAST_SPAN_MS


def test_who_waits_is_woken_once_another_has_moved_or_ended() -> None:
    tasks, woken = Alignment(), []
    for number in range(3):
        tasks.note(number, 1_000)
    tasks.wait(1, NOW, lambda: woken.append(1))
    tasks.move(0, 1_000, 0, is_full=False)
    assert not woken
    tasks.move(0, 2_000, 5, is_full=False)
    tasks.move(0, 3_000, 5, is_full=False)
    assert woken == [1]
    tasks.wait(1, NOW, lambda: woken.append(1))
    tasks.leave(2)
    assert woken == [1, 1]


def test_tasks_may_be_further_apart_while_batches_are_small_and_less_so_while_they_are_full() -> None:
    tasks = Alignment()
    for _ in range(3):
        tasks.move(0, 1_000, FEW - 1, is_full=False)
    assert tasks.span_ms == 8 * LEAST_SPAN_MS
    tasks.move(0, 1_000, FEW, is_full=False)
    tasks.move(0, NO_BOUND, 1, is_full=False)
    assert tasks.span_ms == 8 * LEAST_SPAN_MS
    tasks.move(0, 1_000, 2_000, is_full=True)
    assert tasks.span_ms == 4 * LEAST_SPAN_MS
    for _ in range(40):
        tasks.move(0, 1_000, 1, is_full=False)
    assert tasks.span_ms == MOST_SPAN_MS
    for _ in range(40):
        tasks.move(0, 1_000, 2_000, is_full=True)
    assert tasks.span_ms == LEAST_SPAN_MS


async def test_a_backlog_of_two_tasks_is_written_in_the_order_of_event_time() -> None:
    """The one whose chunk comes first would write all of it at once; nothing may be a day later than what follows."""
    hours = range(40 * 24)
    async with bench(partitions=2) as it:
        it.consumer.unread |= {(PURCHASES, 0), (PURCHASES, 1)}
        await it.ingest.wake_tasks()
        await final_until()
        for partition in (0, 1):
            moments = [LONG_AGO + hour * HOUR_MS for hour in hours if hour % 2 == partition]
            it.give(PURCHASES, *(sent("purchase", at, f"c-{at}") for at in moments), partition=partition, more=True)
        # The last record of a chunk waits for what may come before it.
        await until(lambda: len(written(it)) >= len(hours) - 2)
    for partition in (0, 1):
        latest = 0
        for at in written(it, partition):
            assert at >= latest - DAY_MS
            latest = max(latest, at)


async def test_a_task_with_old_records_does_not_hold_up_those_of_another_for_ever() -> None:
    async with bench(partitions=2) as it:
        it.give(PURCHASES, sent("purchase", NOW - SECOND_MS), partition=0)
        it.give(PURCHASES, *(sent("purchase", LONG_AGO + n, f"c-{n}") for n in range(5_000)), partition=1)
        await until(lambda: len(written(it)) == 5_001)


def test_who_has_waited_long_enough_writes_a_batch_and_then_waits_as_long_again() -> None:
    tasks = Alignment()
    tasks.note(0, 1_000)
    tasks.note(1, 90_000)
    for waited in (0, 1, MOST_WAIT_MS - 1):
        tasks.wait(1, NOW + waited, lambda: None)
        tasks.move(1, 90_000, 0, is_full=False)
        assert tasks.until(1, NOW + waited) == 1_000 + tasks.span_ms
    late = NOW + MOST_WAIT_MS
    assert tasks.until(1, late) == NO_BOUND
    tasks.move(1, 95_000, 1, is_full=False)
    assert tasks.until(1, late) == 1_000 + tasks.span_ms
    tasks.wait(1, late, lambda: None)
    assert tasks.until(1, late + MOST_WAIT_MS) == NO_BOUND
    tasks.leave(1)
    assert tasks.until(1, late + MOST_WAIT_MS) == 1_000 + tasks.span_ms


async def test_old_records_without_an_end_hold_up_another_task_for_seconds_and_not_for_good() -> None:
    """A hostile publisher, or an import: one partition gets the next old record before the last has been waited for."""
    async with bench(partitions=2) as it:
        it.consumer.unread.add((PURCHASES, 1))
        it.give(PURCHASES, sent("purchase", LONG_AGO, "old"), partition=1, more=True)
        await final_until()
        it.give(PURCHASES, *(sent("purchase", NOW - SECOND_MS, f"c-{n}") for n in range(10)), partition=0)
        await final_until()
        seconds = 0
        while NOW - SECOND_MS not in written(it):
            assert seconds <= MOST_WAIT_MS // SECOND_MS + 1
            seconds += 1
            it.give(PURCHASES, sent("purchase", LONG_AGO + seconds, "old"), partition=1, more=True)
            await it.pass_time(SECOND_MS)
        assert seconds > 1
        await until(lambda: written(it).count(NOW - SECOND_MS) == 10)


def written(it: Bench, *partitions: int) -> list[int]:
    """Return when what was written to partitions of the log happened, in the order of each; by default to all."""
    records = [record for number in partitions or range(it.consumer.count) for record in it.log(number)]
    return [record.occurred_at for record in records if isinstance(record, Touchpoint)]


# --- all of them with JOURNEYS --------------------------------------------------------------------


def test_what_is_to_be_applied_counts_where_journeys_has_begun() -> None:
    log = Backlog()
    log.grow(0, 100)
    log.grow(1, 50)
    assert log.records == 0
    log.shrink(0, 30)
    log.shrink(1, 60)
    assert log.records == 70
    log.grow(0, 90)
    assert log.records == 70
    log.forget()
    assert log.records == 0


async def test_whoever_waits_goes_on_once_there_is_room() -> None:
    log = Backlog()
    log.shrink(0, 0)
    log.grow(0, MOST_AHEAD)
    await log.wait_for_room()
    log.grow(0, MOST_AHEAD + 1)
    waiting = asyncio.create_task(log.wait_for_room())
    await final_until()
    assert not waiting.done()
    log.shrink(0, 1)
    await waiting


async def test_whoever_waits_goes_on_once_partitions_are_assigned_anew() -> None:
    log = Backlog()
    log.shrink(0, 0)
    log.grow(0, MOST_AHEAD + 1)
    waiting = asyncio.create_task(log.wait_for_room())
    await final_until()
    log.forget()
    await waiting


async def test_ingest_writes_no_more_than_journeys_can_take() -> None:
    most, batch = 20, 8
    with patch.object(backlog, "MOST_AHEAD", most), patch.object(merging, "MAX_BATCH", batch):
        async with bench() as it:
            it.services.backlog.shrink(0, 0)
            it.give(PURCHASES, *(sent("purchase", LONG_AGO + n, f"c-{n}") for n in range(100)))
            await until(lambda: len(written(it)) > most)
            await final_until()
            assert len(written(it)) <= most + batch
            it.services.backlog.shrink(0, 1_000)
            await until(lambda: len(written(it)) == 100)
