"""Dear recomputations are put off and begin at checkpoints: the rows are those of a plain recomputation at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas import journey_log
from schemas.journey_log import LogRecord, Moved, Tick, Touchpoint
from streams.journeys import machine, step_limits
from streams.journeys.partition import Partition
from tests.simulation.arrivals import DAY, GAPS, HOUR, MINUTE, RULES, START, as_log, delayed
from tests.simulation.journeys_log import Changelog, Tables, end_of_time, process, process_with_crashes, record_log
from tests.simulation.strategies import touchpoint
from tests.unit.journeys.play import T0, cart, order, said, seen_page
from tests.unit.journeys.test_order import LAGS

NEVER_DEAR = 1 << 40
LIMITS = st.fixed_dictionaries(
    {
        "AT_ONCE": st.sampled_from([-1, 4]),
        "PAID": st.sampled_from([1, 3, 6]),
        "STEP_WORK": st.sampled_from([1, 2, 5, 100]),
        "DISPLACED_MS": st.sampled_from([MINUTE, 9 * HOUR, 30 * DAY]),
        "DISPLACED_SHARE": st.just(1),
        "CHECKPOINT_BEFORE": st.sampled_from([0, 1, 3]),
    }
)
"""Limits so low that histories of a few touchpoints meet them."""
PLAIN = {"AT_ONCE": NEVER_DEAR, "STEP_WORK": NEVER_DEAR, "CHECKPOINT_BEFORE": NEVER_DEAR}
"""Every late touchpoint is put in its place at once, and everything is applied again from the snapshot."""


@contextmanager
def limits(changed: dict[str, int]) -> Iterator[None]:
    with ExitStack() as stack:
        # So few carts, calls and surveys are kept that some are forgotten.
        stack.enter_context(patch.object(machine.drop_oldest, "__defaults__", (1,)))
        for name, value in changed.items():
            stack.enter_context(patch.object(step_limits, name, value))
        yield


def rows(tables: Tables) -> dict[str, list[dict[str, Any]]]:
    """Return what the views show; a table is not there that had only rows that were taken back."""
    return {table: shown for table, shown in tables.seen().items() if shown}


@st.composite
def histories(draw: st.DrawFn) -> list[Touchpoint]:
    """Return touchpoints in the order of their times, of one customer mostly, so that many meet."""
    steps = draw(st.lists(st.tuples(touchpoint, st.sampled_from([*GAPS[:7], *GAPS])), min_size=3, max_size=40))
    at, history = START, []
    for number, (step, gap) in enumerate(steps):
        at += gap
        history.append(replace(step, event_id=f"e{number:03}", occurred_at=at, fingerprint=number, customer_key="ann"))
    return history


def time_leaps() -> list[Touchpoint]:
    """Return touchpoints of which the last come months later, and so make the cart's bucket final at once."""
    later, last = 88 * DAY + 10 * MINUTE, 96 * DAY + 10 * MINUTE
    brand: dict[str, Any] = {"author": "brand", "post_id": "u", "in_reply_to": "t"}
    steps = [
        said(0, 0), said(10 * MINUTE, 0), cart(10 * MINUTE, "created", value=900),
        said(later, 0), order(later, 0, order_id="o"), order(later, 0, order_id="o"), said(later, 0),
        said(later, None, received_at=2 * START, **brand),
        said(last, 0), order(last, 0, order_id="o", received_at=2 * START), said(last, None, **brand),
    ]  # fmt: skip
    return [
        replace(
            step,
            event_id=f"e{number:03}",
            occurred_at=START + step.occurred_at - T0,
            received_at=2 * START if step.received_at == 2 * START else START,
            fingerprint=number,
            customer_key="ann",
        )
        for number, step in enumerate(steps)
    ]


LEAP = {"AT_ONCE": -1, "PAID": 1, "STEP_WORK": 3, "DISPLACED_MS": MINUTE, "DISPLACED_SHARE": 1, "CHECKPOINT_BEFORE": 0}


@settings(max_examples=300, deadline=None)
@given(histories(), st.integers(0, 10_000), LAGS, LIMITS, st.integers(1, 9))
@example(time_leaps(), 1, 0, LEAP, 7)
def test_rows_are_those_of_plain_recomputations(
    history: list[Touchpoint], seed: int, lag: int, changed: dict[str, int], chunk: int
) -> None:
    repeated = history[:: chunk + 1]
    records = as_log(delayed([*history, *repeated], seed, 3 * DAY - HOUR), lag)
    cuts = list(range(0, len(records), chunk))
    with limits(PLAIN):
        plain = rows(process(records, RULES, cuts))

    with limits(changed):
        assert rows(process(records, RULES, cuts)) == plain


@settings(max_examples=200, deadline=None)
@given(histories(), st.integers(0, 10_000), st.lists(st.integers(1, 40)), LAGS, LIMITS)
def test_cuts_and_crashes_change_nothing(
    history: list[Touchpoint], seed: int, cuts: list[int], lag: int, changed: dict[str, int]
) -> None:
    records = as_log(delayed(history, seed, 2 * DAY), lag)
    with limits(changed):
        whole = rows(process(records, RULES))

        assert rows(process(records, RULES, cuts)) == whole
        assert rows(process_with_crashes(records, RULES, seed, crashes=3)) == whole


def test_a_timer_that_is_due_at_once_is_sent_though_a_recomputation_is_under_way() -> None:
    """The last event of the cart is in order, and its deadline has passed when it arrives: both folds fire it."""
    early, now = T0 + 7 * HOUR, T0 + 30 * HOUR
    first, second = cart(0, "item_added", value=2_500), cart(0, "item_added", value=120_000)
    arrived = [cart(MINUTE, "cleared", value=2_500), first, second, cart(HOUR, "item_removed", value=2_500)]
    records = record_log(arrived, [early, early, early, now])
    with limits({"AT_ONCE": -1, "PAID": 3, "STEP_WORK": 5, "DISPLACED_MS": 9 * HOUR, "CHECKPOINT_BEFORE": 1}):
        tables = process([*records[:3], end_of_time(now), records[3], end_of_time(T0 + 200 * DAY)], RULES)

    (row,) = tables.seen()["abandonments"]
    assert (row["abandoned_at"], row["value_minor"]) == (T0 + HOUR + 30 * MINUTE, 2_500)


@pytest.mark.parametrize("steps", range(14))
def test_what_comes_in_order_is_before_the_timers_that_only_the_amended_fold_has_fired(steps: int) -> None:
    """Two late carts are abandoned one after another; the first one's order comes at any step of that."""
    late = [cart(0, "item_added", "k1", value=1), cart(1_000, "item_added", "k2", value=2)]
    arrived, now = [seen_page(MINUTE), *late, order(20 * MINUTE, cart_id="k1")], T0 + 2 * HOUR
    records = record_log(arrived, [T0 + 2 * MINUTE, now, now, now + steps])
    ticks = [end_of_time(now + step) for step in range(1, steps + 1)]
    with patch.multiple(step_limits, AT_ONCE=-1, PAID=1, STEP_WORK=1):
        tables = process([*records[:3], *ticks, records[3], end_of_time(T0 + 200 * DAY)], RULES)

    assert [row["subject_id"] for row in tables.seen()["abandonments"]] == ["k2"]


def read(partition: Partition, records: Sequence[LogRecord], tables: Tables, changelog: Changelog) -> None:
    """Read a chunk; the worker dies behind the customers' entries, before it has written its position."""
    for record in records:
        partition.apply(partition.offset + 1, record, journey_log.encode(record))
    output = partition.flush()
    tables.write(output)
    changelog.entries += output.customers


def moved_from_a_cookie(at: int) -> Moved:
    """Return the record by which a page that somebody unknown has seen moves to ann."""
    page = replace(seen_page(at, event_id="last", customer_key="anon:cookie:k"), moves=1)
    return Moved("ann", 1, 1, journey_log.encode(page))


@pytest.mark.parametrize("last", [seen_page(4 * DAY, event_id="last"), moved_from_a_cookie(4 * DAY)])
def test_what_became_due_behind_waiting_touchpoints_is_not_due_again_when_their_record_is_read_once_more(
    last: LogRecord,
) -> None:
    """Two pages wait for their time, for more than one step. A late one comes, due at once, and then one in order."""
    now = T0 + 4 * DAY + 5 * MINUTE
    ahead = [seen_page(4 * DAY - 1_000 + n, event_id=f"ahead{n}", received_at=T0) for n in range(2)]
    first: list[LogRecord] = [seen_page(2 * DAY, event_id="first"), *ahead, Tick(now)]
    second = [seen_page(DAY + HOUR // 2, event_id="late"), last]
    partition, tables, changelog = Partition(0, 1, RULES), Tables(), Changelog()

    with patch.object(step_limits, "STEP_WORK", 1):
        read(partition, first, tables, changelog)
        changelog.entries.append(partition.flush().position)
        read(partition, second, tables, changelog)
        again = changelog.restore(0, 1, RULES)
        read(again, second, tables, changelog)
        read(again, [Tick(now + step) for step in range(1, 40)], tables, changelog)

    assert {row["duplicates"] for row in tables.seen()["hourly_counts"]} == {0}
    assert [row["touchpoints"] for row in tables.seen()["customers"]] == [5]
    assert {row["journey_id"] for row in tables.seen()["touchpoints"]} == {"ann#1"}
