"""Whatever the order of arrival, the cuts, the repeats and the crashes: the same rows."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.journey_log import Touchpoint
from tests.simulation.arrivals import DAY, GAPS, HOUR, MINUTE, RULES, START, as_log, delayed
from tests.simulation.journeys_log import Tables, process, process_with_crashes
from tests.simulation.strategies import touchpoint

LAGS = st.sampled_from([0, 20 * MINUTE, HOUR, 3 * DAY])


@st.composite
def histories(draw: st.DrawFn, max_size: int = 25) -> list[Touchpoint]:
    """Return touchpoints in the order of their times."""
    steps = draw(st.lists(st.tuples(touchpoint, st.sampled_from(GAPS)), min_size=1, max_size=max_size))
    at, history = START, []
    for number, (step, gap) in enumerate(steps):
        at += gap
        history.append(replace(step, event_id=f"e{number:03}", occurred_at=at, fingerprint=number))
    return history


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
