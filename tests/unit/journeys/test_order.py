"""Whatever the order of arrival, the cuts, the repeats and the crashes: the same rows."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.journey_log import Touchpoint
from streams.journeys.rules import Rules
from tests.simulation.journeys_log import Tables, end_of_time, process, process_with_crashes, record_log
from tests.simulation.strategies import MINUTE, START, touchpoint

HOUR = 60 * MINUTE
DAY = 24 * HOUR
GAPS = [0, 1_000, 4_000, 30_000, 10 * MINUTE, 31 * MINUTE, 40 * MINUTE, 9 * HOUR, 2 * DAY, 8 * DAY, 31 * DAY]
LAGS = st.sampled_from([0, 20 * MINUTE, HOUR, 3 * DAY])
RULES = Rules()


@st.composite
def histories(draw: st.DrawFn, max_size: int = 25) -> list[Touchpoint]:
    """Return touchpoints in the order of their times."""
    steps = draw(st.lists(st.tuples(touchpoint, st.sampled_from(GAPS)), min_size=1, max_size=max_size))
    at, history = START, []
    for number, (step, gap) in enumerate(steps):
        at += gap
        history.append(replace(step, event_id=f"e{number:03}", occurred_at=at, fingerprint=number))
    return history


def as_log(received: list[Touchpoint], lag: int = 0) -> list[bytes]:
    """Return their log: the clock is `lag` ms behind the highest time so far, which one ahead does not move.

    So some touchpoints wait for a deadline before them, and those that are ahead wait for their time. At the end the
    clock stops a while after each time at which one was ahead, before a timer of that time may fire.
    """
    clocks, highest = [], START
    for arrived in received:
        if not RULES.is_ahead(arrived):
            highest = max(highest, arrived.occurred_at)
        clocks.append(highest - lag)
    end = max(touchpoint.occurred_at for touchpoint in received) + 200 * DAY
    stops = sorted(ahead.occurred_at + 2 * MINUTE for ahead in received if RULES.is_ahead(ahead))
    return [*record_log(received, clocks), *map(end_of_time, [*stops, end])]


def delayed(history: list[Touchpoint], seed: int, most: int) -> list[Touchpoint]:
    """Return the history as it arrives when each touchpoint is on its way for up to `most` ms."""
    rng = random.Random(seed)
    return sorted(history, key=lambda t: (t.occurred_at + rng.randint(0, most), rng.random()))


def rows(tables: Tables) -> dict[str, list[dict[str, Any]]]:
    return tables.seen()


def rows_but_repeats(tables: Tables) -> dict[str, list[dict[str, Any]]]:
    """Return what touchpoints have brought about, without what says that some came again."""
    seen = tables.seen()
    seen["hourly_counts"] = [count | {"duplicates": 0} for count in seen["hourly_counts"]]
    del seen["outcomes"]
    return seen


@settings(max_examples=150, deadline=None)
@given(histories(), st.integers(0, 10_000), LAGS)
def test_order_of_arrival_within_the_horizon_changes_nothing(history: list[Touchpoint], seed: int, lag: int) -> None:
    shuffled = delayed(history, seed, 3 * DAY - HOUR)

    assert rows(process(as_log(shuffled, lag), RULES)) == rows(process(as_log(history), RULES))


@settings(max_examples=400, deadline=None)
@given(histories(), st.integers(0, 10_000), st.lists(st.integers(1, 25)), LAGS)
def test_where_the_chunks_are_cut_changes_nothing(
    history: list[Touchpoint], seed: int, cuts: list[int], lag: int
) -> None:
    records = as_log(delayed(history, seed, 2 * DAY), lag)

    assert rows(process(records, RULES, cuts)) == rows(process(records, RULES))


@settings(max_examples=400, deadline=None)
@given(histories(), st.integers(0, 10_000), LAGS)
def test_published_twice_changes_nothing(history: list[Touchpoint], seed: int, lag: int) -> None:
    twice = delayed([*history, *history], seed, 2 * DAY)

    assert rows_but_repeats(process(as_log(twice, lag), RULES)) == rows_but_repeats(process(as_log(history), RULES))


@settings(max_examples=40, deadline=None)
@given(histories(max_size=12))
def test_published_again_after_everything_changes_nothing(history: list[Touchpoint]) -> None:
    again = [*history, *history]

    assert rows_but_repeats(process(as_log(again), RULES)) == rows_but_repeats(process(as_log(history), RULES))


@settings(max_examples=150, deadline=None)
@given(histories(), st.integers(0, 10_000), st.integers(1, 5), LAGS)
def test_killed_at_any_write_changes_nothing(history: list[Touchpoint], seed: int, crashes: int, lag: int) -> None:
    records = as_log(delayed(history, seed, 2 * DAY), lag)

    assert rows(process_with_crashes(records, RULES, seed, crashes)) == rows(process(records, RULES))
