"""Touchpoints that are taken out of a timeline leave nothing: all rows are those of a history without them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas import journey_log
from schemas.journey_log import Touchpoint, Withdrawn
from schemas.rows import TouchpointRow
from streams.journeys import record_steps
from streams.journeys.output import Output
from streams.journeys.partition import Partition
from streams.journeys.state import NEVER
from streams.journeys.timeline import step_removal
from tests.simulation.arrivals import DAY, HOUR, MINUTE, RULES, as_log, in_turn
from tests.simulation.journeys_log import (
    Changelog,
    Tables,
    end_of_time,
    process,
    process_with_crashes,
    removal,
)
from tests.unit.journeys.play import SECOND, T0, Play, call, cart, order, seen_page
from tests.unit.journeys.test_displaced import LIMITS, histories, limits
from tests.unit.journeys.test_order import LAGS

ARRIVES_WITHIN = 2 * DAY
PENDING_FOR = 3 * DAY - HOUR
Arrived = Touchpoint | Withdrawn


def arrivals(
    history: Sequence[Touchpoint], seed: int, shares: Sequence[float] = (0.1, 0.5, 1.0)
) -> tuple[list[Arrived], list[Touchpoint]]:
    """Return touchpoints and removals as they arrive, and the touchpoints that stay.

    Some are taken out while they are pending, alone or together; some of those come again, and may be taken out again.

    Half of the seeds say by a touchpoint's watermark when it arrives: the clock of others who are ahead.

    Args:
        shares: what part of them is taken out, one of these.
    """
    rng = random.Random(seed)
    clocked = rng.random() < 0.5
    share, again, together = rng.choice(shares), rng.choice((0.0, 0.3, 0.6)), rng.choice((0.0, 0.7))
    events: list[tuple[int, Arrived]] = []
    stay: list[Touchpoint] = []
    last_at, last = 0, removal(0)
    for one in history:
        at, until = one.occurred_at + rng.randrange(ARRIVES_WITHIN), one.occurred_at + PENDING_FOR
        events.append((at, one))
        is_there = True
        while rng.random() < (share if is_there else again):
            at = rng.choice((at, rng.randrange(at, until)))
            if not is_there:
                events.append((at, one))
            elif last.customer_key == one.customer_key and at < last_at < until and rng.random() < together:
                last.timeline_ids.append(one.event_id)
                at = last_at
            else:
                last_at, last = at, removal(0, one.event_id, customer_key=one.customer_key)
                events.append((at, last))
            is_there = not is_there
        if is_there:
            stay.append(one)
    events.sort(key=lambda event: event[0])
    arrived = [replace(one, watermark=at) if clocked and isinstance(one, Touchpoint) else one for at, one in events]
    return arrived, stay


def log_of(arrived: Sequence[Arrived], lag: int) -> list[bytes]:
    touchpoints = [one for one in arrived if isinstance(one, Touchpoint)]
    told = as_log(touchpoints, lag)
    if touchpoints[0].watermark:
        clocked = in_turn(touchpoints, [one.watermark - lag for one in touchpoints])
        told[: 2 * len(touchpoints)] = [record for records in clocked for record in records]
    rest = iter(told)
    log: list[bytes] = []
    for number, one in enumerate(arrived):
        log += [numbered(one, number)] if isinstance(one, Withdrawn) else [next(rest), next(rest)]
    return [*log, *rest]


def numbered(withdrawn: Withdrawn, number: int) -> bytes:
    return journey_log.encode(replace(withdrawn, number=number))


def rows(tables: Tables, stay: Iterable[Touchpoint]) -> dict[str, list[dict[str, Any]]]:
    """Return what the views show, but for what tells of arrivals: a touchpoint that left is in another timeline."""
    seen, kept = tables.seen(), {(one.customer_key, one.event_id) for one in stay}
    seen["touchpoints"] = [row for row in seen["touchpoints"] if (row["customer_id"], row["event_id"]) in kept]
    apart = {"hourly_counts", "outcomes", "currencies"}
    return {table: shown for table, shown in seen.items() if shown and table not in apart}


def expected(stay: list[Touchpoint]) -> dict[str, list[dict[str, Any]]]:
    return rows(process(as_log(stay), RULES), stay) if stay else {}


@settings(max_examples=150, deadline=None)
@given(histories(), st.integers(0, 10_000), LAGS, LIMITS)
def test_what_left_has_never_been(history: list[Touchpoint], seed: int, lag: int, changed: dict[str, int]) -> None:
    arrived, stay = arrivals(history, seed)
    with limits(changed):
        assert rows(process(log_of(arrived, lag), RULES), stay) == expected(stay)


@settings(max_examples=100, deadline=None)
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


def facts(output: Output) -> dict[str, list[str]]:
    """Return what is sent, with its versions; currencies are said once more after a restart."""
    return {table: sorted(map(repr, rows)) for table, rows in output.facts.items() if rows and table != "currencies"}


def assert_restarts_change_nothing(records: Iterable[bytes]) -> None:
    """Hold what each record brings about against what it brings about right behind a restart."""
    partition, changelog = Partition(0, 1, RULES), Changelog()
    for offset, data in enumerate(records):
        restarted = changelog.restore(0, 1, RULES)
        for either in (partition, restarted):
            either.apply(offset, journey_log.decode(data), data)
        output, again = partition.flush(), restarted.flush()
        assert (output.state, facts(output)) == (again.state, facts(again))
        changelog.entries += output.state


@settings(max_examples=80, deadline=None)
@given(histories(), st.integers(0, 10_000), LAGS, LIMITS)
def test_a_restart_before_any_record_changes_nothing_that_it_brings_about(
    history: list[Touchpoint], seed: int, lag: int, changed: dict[str, int]
) -> None:
    arrived, _ = arrivals(history, seed)
    with limits(changed):
        assert_restarts_change_nothing(log_of(arrived, lag))


@pytest.mark.parametrize("step_work", [1, 2, 3])
@pytest.mark.parametrize("checkpoint_before", [0, 3])
def test_nor_does_one_after_what_waited_before_the_moved_has_been_applied(
    step_work: int, checkpoint_before: int
) -> None:
    """What left has come again and is put in its place behind one that is ahead; meanwhile that one's time comes."""
    first = [seen_page(number * SECOND) for number in range(9)]
    again, ahead = seen_page(HOUR), seen_page(50 * MINUTE, received_at=T0)
    events: list[Arrived] = [*first, again, ahead, removal(0, again.event_id), again]
    clocks = [*range(T0, T0 + 30), *range(T0 + 50 * MINUTE, T0 + 50 * MINUTE + 40)]
    ticks = [end_of_time(clock) for clock in (*clocks, T0 + 9 * HOUR)]
    records = [journey_log.encode(one) for one in events]
    for steps in range(30):
        log = [*records, *ticks[:steps], *ticks[30:]]
        with limits({"STEP_WORK": step_work, "CHECKPOINT_BEFORE": checkpoint_before}):
            assert_restarts_change_nothing(log)


@contextmanager
def not_pending() -> Iterator[list[str]]:
    """Collect the ids that were to be taken out and were not pending."""
    missing: list[str] = []

    def step(*arguments: Any) -> None:
        missing.extend(step_removal(*arguments))

    with patch.object(record_steps, "step_removal", step):
        yield missing


@settings(max_examples=80, deadline=None)
@given(histories(), st.integers(0, 10_000), LAGS, LIMITS, st.integers(1, 9))
def test_what_left_is_told_of_no_more(
    history: list[Touchpoint], seed: int, lag: int, changed: dict[str, int], chunk: int
) -> None:
    """The row of a touchpoint that left is its new owner's: this timeline must not send it over that one."""
    arrived, _ = arrivals(history, seed)
    partition, gone = Partition(0, 1, RULES), set[str]()
    with limits(changed), not_pending() as missing:
        for offset, data in enumerate(log_of(arrived, lag)):
            record = journey_log.decode(data)
            partition.apply(offset, record, data)
            if isinstance(record, Withdrawn):
                gone.update(record.timeline_ids)
            elif isinstance(record, Touchpoint):
                gone.discard(record.event_id)
            if offset % chunk == 0:
                sent = {
                    row.event_id for row in partition.flush().facts["touchpoints"] if isinstance(row, TouchpointRow)
                }
                assert not sent & gone
    assert missing == []


def test_a_customer_without_touchpoints_has_no_rows_and_no_timers() -> None:
    bought, added = order(HOUR, 900), cart(0, "item_added", value=900)
    play = Play().send(added, bought, call(2 * HOUR, "queued")).at(3 * HOUR)
    timeline = play.partition.customers.timeline("ann")
    hung_up = call(2 * HOUR + MINUTE, "ended")
    play.send(hung_up)
    assert not timeline.is_empty
    assert {row["subject"] for row in play.rows("abandonments")} == {"cart", "call"}

    everything = [row["event_id"] for row in play.rows("touchpoints")]
    play.remove(*everything).at(4 * HOUR)

    seen = play.tables.seen()
    assert [seen[table] for table in ("customers", "journeys", "abandonments", "metric_buckets")] == [[], [], [], []]
    assert timeline.is_empty
    assert timeline.next_timer_at == NEVER
    assert len(play.rows("touchpoints")) == 4
    retracted = [(signal.name, signal.record["retracted"]) for signal in play.outputs[-2].signals]
    assert sorted(retracted) == [("Abandonment", True), ("Abandonment", True), ("FollowUp", True)]


def test_the_caller_is_told_what_is_not_pending() -> None:
    old, new = seen_page(0), seen_page(5 * DAY)
    play = Play().send(old).at(4 * DAY).send(new)

    with not_pending() as missing:
        play.remove(old.event_id, "unknown", new.event_id, new.event_id).remove(new.event_id)

    assert missing == [old.event_id, "unknown", new.event_id]
    assert play.row("customers")["touchpoints"] == 1
    assert not play.partition.customers.timeline("ann").is_empty


def test_what_waited_behind_one_that_left_takes_effect_at_once() -> None:
    ahead, behind = seen_page(HOUR, received_at=T0), seen_page(HOUR + MINUTE)
    play = Play().at(0).send(ahead, behind)
    assert play.rows("journeys") == []

    play.remove(ahead.event_id)

    assert play.row("journeys")["started_at"] == behind.occurred_at


def test_a_touchpoint_that_comes_again_is_as_new() -> None:
    first, second, bought = seen_page(0), seen_page(MINUTE), order(2 * MINUTE, 700)
    play = Play().send(first, second, bought)

    play.remove(second.event_id, bought.event_id).send(bought, bought)

    assert play.counted("duplicates") == 1
    row = play.row("customers")
    assert (row["touchpoints"], row["purchases"], row["spend_minor"]) == (2, 1, 700)
    assert play.metric("revenue")["numerator"] == 700


def test_a_thousand_that_leave_make_no_late_touchpoint_too_late() -> None:
    pages = [seen_page(number * SECOND) for number in range(1_000)]
    play = Play().send(*pages).remove(*(one.event_id for one in pages[:900]))

    play.send(seen_page(950 * SECOND - 1)).at(2 * HOUR)

    assert play.counted("late") == 0
    assert play.row("customers")["touchpoints"] == 101
    assert play.row("journeys")["started_at"] == T0 + 900 * SECOND
