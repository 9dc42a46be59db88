"""Histories as they arrive: in any order, with a clock that is behind them."""

from __future__ import annotations

import random
from collections.abc import Sequence

from schemas import journey_log
from schemas.journey_log import Tick, Touchpoint
from streams.journeys.rules import Rules
from tests.simulation.journeys_log import end_of_time, record_log

START = 1_700_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
GAPS = [0, 1_000, 4_000, 30_000, 10 * MINUTE, 31 * MINUTE, 40 * MINUTE, 9 * HOUR, 2 * DAY, 8 * DAY, 31 * DAY, 88 * DAY]
"""Between two touchpoints of a history, ms: shorter and longer than deadlines, and almost as long as profiles live."""
RULES = Rules()


def as_log(received: Sequence[Touchpoint], lag: int = 0) -> list[bytes]:
    """Return their log: the clock is `lag` ms behind the highest time so far, which one ahead does not move.

    So some touchpoints wait for a deadline before them, and those that are ahead wait for their time. The settled time
    is a record behind the clock. At the end the clock stops a while after each time at which one was ahead, before a
    timer of that time may fire.
    """
    clocks, highest = [], START
    for arrived in received:
        if not RULES.is_ahead(arrived):
            highest = max(highest, arrived.occurred_at)
        clocks.append(highest - lag)
    log = [record for told in in_turn(received, clocks) for record in told]
    end = max(touchpoint.occurred_at for touchpoint in received) + 200 * DAY
    stops = sorted(ahead.occurred_at + 2 * MINUTE for ahead in received if RULES.is_ahead(ahead))
    return [*log, *map(end_of_time, [*stops, end])]


def in_turn(received: Sequence[Touchpoint], clocks: Sequence[int]) -> list[list[bytes]]:
    """Return the records that each touchpoint brings, with the clock at it: the settled time is a record behind."""
    records = record_log(received, clocks)
    return [[one, journey_log.encode(Tick(0, at))] for one, at in zip(records, [0, *clocks], strict=False)]


def delayed(history: Sequence[Touchpoint], seed: int, most: int) -> list[Touchpoint]:
    """Return the history as it arrives when each touchpoint is on its way for up to `most` ms."""
    rng = random.Random(seed)
    return sorted(history, key=lambda t: (t.occurred_at + rng.randint(0, most), rng.random()))
