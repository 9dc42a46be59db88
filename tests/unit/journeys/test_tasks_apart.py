"""Whichever tasks a customer's touchpoints come through, and however far one task is behind another: the same rows.

So it is when input topics were given more partitions: what a customer did before lies in one of the old partitions,
what it did since in any.
"""

from __future__ import annotations

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.journey_log import LogRecord, Tick, Touchpoint, encode
from streams.journeys.formats import FORMAT
from streams.journeys.partition import POSITION, Partition
from streams.journeys.position import Position
from streams.journeys.rules import Rules
from tests.simulation.arrivals import DAY, RULES, START, as_log
from tests.simulation.journeys_log import Tables, process
from tests.unit.journeys.test_order import histories

TASKS = 6
OLD, NEW = 1, 5
"""Two tasks that a customer's touchpoints come through."""
LATER = START + 1_000 * DAY


def of_task(task: int, touchpoints: list[Touchpoint]) -> list[Touchpoint]:
    """Return the records that a task makes of touchpoints in the order of their times."""
    records, reached = [], 0
    for touchpoint in touchpoints:
        if not RULES.is_ahead(touchpoint):
            reached = max(reached, touchpoint.occurred_at)
        records.append(replace(touchpoint, task=task, watermark=reached))
    return records


def shuffled(first: list[Touchpoint], second: list[Touchpoint], seed: int) -> list[Touchpoint]:
    """Return both in one log; each keeps its order."""
    rng, log = random.Random(seed), []
    left = [first[::-1], second[::-1]]
    while any(left):
        log.append(rng.choice([one for one in left if one]).pop())
    return log


def rows_of(log: list[Touchpoint], ends: list[LogRecord]) -> Tables:
    """Return what a log of several tasks leads to; the tasks that are not in it are idle."""
    partition, tables = Partition(0, TASKS, Rules()), Tables()
    watermarks = [0 if task in (OLD, NEW) else LATER for task in range(TASKS)]
    partition.restore(POSITION, msgspec.msgpack.encode(Position(FORMAT, 0, watermarks, 0, 0)))
    partition.restored()
    for offset, record in enumerate([*log, *ends], start=1):
        partition.apply(offset, record, encode(record))
        tables.write(partition.flush())
    return tables


def ticks(history: list[Touchpoint]) -> list[LogRecord]:
    """Return the ticks with which `as_log` ends, so that all timers fire."""
    ahead = sorted(one.occurred_at + 2 * 60_000 for one in history if RULES.is_ahead(one))
    return [Tick(at, at) for at in [*ahead, max(one.occurred_at for one in history) + 200 * DAY]]


@settings(max_examples=150, deadline=None)
@given(histories(), st.integers(0, 25))
def test_the_newer_touchpoints_may_all_come_before_the_older_ones(history: list[Touchpoint], widened_at: int) -> None:
    before, after = history[:widened_at], history[widened_at:]

    log = [*of_task(NEW, after), *of_task(OLD, before)]

    assert rows_of(log, ticks(history)).seen() == process(as_log(history), RULES).seen()


@settings(max_examples=150, deadline=None)
@given(histories(), st.integers(0, 10_000))
def test_a_customers_touchpoints_may_come_through_any_task(history: list[Touchpoint], seed: int) -> None:
    rng = random.Random(seed)
    through_new = {one.event_id for one in history if rng.random() < 0.5}
    old = [one for one in history if one.event_id not in through_new]
    new = [one for one in history if one.event_id in through_new]

    log = shuffled(of_task(OLD, old), of_task(NEW, new), seed)

    assert rows_of(log, ticks(history)).seen() == process(as_log(history), RULES).seen()
