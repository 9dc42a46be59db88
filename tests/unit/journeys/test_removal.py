"""Touchpoints that are taken out of a timeline leave nothing: all rows are those of a history without them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.journey_log import Touchpoint
from tests.simulation.arrivals import DAY, HOUR, RULES, as_log
from tests.simulation.journeys_log import Tables, process, process_with_crashes
from tests.simulation.removals import Removal, encode_removal
from tests.unit.journeys.test_displaced import LIMITS, histories, limits
from tests.unit.journeys.test_order import LAGS

ARRIVES_WITHIN = 2 * DAY
PENDING_FOR = 3 * DAY - HOUR
Arrived = Touchpoint | Removal


def arrivals(history: Sequence[Touchpoint], seed: int) -> tuple[list[Arrived], list[Touchpoint]]:
    """Return touchpoints and removals as they arrive, and the touchpoints that stay.

    Some are taken out while they are pending, and some of those come again afterwards.
    """
    rng = random.Random(seed)
    share, again, together = rng.choice((0.1, 0.5, 1.0)), rng.choice((0.0, 0.3)), rng.choice((1, 1, 4))
    events: list[tuple[float, int, Arrived]] = []
    stay: list[Touchpoint] = []
    removed: list[str] = []
    for number, one in enumerate(history):
        at = one.occurred_at + rng.randrange(ARRIVES_WITHIN)
        events.append((at, number, one))
        if rng.random() >= share:
            stay.append(one)
            continue
        removed.append(one.event_id)
        gone_at = rng.choice((at, rng.randrange(at, one.occurred_at + PENDING_FOR)))
        events.append((gone_at, len(history) + number, Removal(one.customer_key, [one.event_id])))
        if rng.random() < again:
            stay.append(one)
            again_at = rng.choice((gone_at, rng.randrange(gone_at, one.occurred_at + PENDING_FOR)))
            events.append((again_at, 2 * len(history) + number, one))
    del removed, together
    return [one for _, _, one in sorted(events, key=lambda event: event[:2])], stay


def log_of(arrived: Sequence[Arrived], lag: int) -> list[bytes]:
    touchpoints = [one for one in arrived if isinstance(one, Touchpoint)]
    records = iter(as_log(touchpoints, lag))
    return [*(encode_removal(one) if isinstance(one, Removal) else next(records) for one in arrived), *records]


def rows(tables: Tables, stay: Iterable[Touchpoint]) -> dict[str, list[dict[str, Any]]]:
    """Return what the views show, but for what tells of arrivals: a touchpoint that left is in another timeline."""
    seen, kept = tables.seen(), {(one.customer_key, one.event_id) for one in stay}
    seen["touchpoints"] = [row for row in seen["touchpoints"] if (row["customer_id"], row["event_id"]) in kept]
    apart = {"hourly_counts", "outcomes", "currencies"}
    return {table: shown for table, shown in seen.items() if shown and table not in apart}


def expected(stay: list[Touchpoint]) -> dict[str, list[dict[str, Any]]]:
    return rows(process(as_log(stay), RULES), stay) if stay else {}


@settings(max_examples=300, deadline=None)
@given(histories(), st.integers(0, 10_000), LAGS, LIMITS)
def test_what_left_has_never_been(history: list[Touchpoint], seed: int, lag: int, changed: dict[str, int]) -> None:
    arrived, stay = arrivals(history, seed)
    with limits(changed):
        assert rows(process(log_of(arrived, lag), RULES), stay) == expected(stay)


@settings(max_examples=200, deadline=None)
@given(histories(), st.integers(0, 10_000), st.lists(st.integers(1, 60)), LAGS, LIMITS)
def test_cuts_and_crashes_change_nothing(
    history: list[Touchpoint], seed: int, cuts: list[int], lag: int, changed: dict[str, int]
) -> None:
    arrived, stay = arrivals(history, seed)
    records = log_of(arrived, lag)
    with limits(changed):
        left = expected(stay)
        assert rows(process(records, RULES, cuts), stay) == left
        assert rows(process_with_crashes(records, RULES, seed, crashes=3), stay) == left
