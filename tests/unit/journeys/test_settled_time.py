"""The partition's own time says what is late; the settled time, which may be far behind it, says what is final."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import journey_log
from schemas.journey_log import Tick, Touchpoint
from streams.journeys.formats import FORMAT
from streams.journeys.partition import POSITION
from streams.journeys.position import Position
from streams.journeys.step_limits import FOLD_AT
from tests.simulation.arrivals import RULES, as_log
from tests.simulation.journeys_log import process, process_with_crashes
from tests.unit.journeys.play import DAY, HOUR, MINUTE, SECOND, T0, Play, changed, order, seen_page
from tests.unit.journeys.test_order import LAGS, histories


def forgotten(play: Play) -> set[bytes]:
    """Return what kinds of entries have been taken out of the changelog."""
    return {key[:1] for output in play.outputs for key, _ in output.forgotten}


def test_late_goes_by_the_partitions_own_time() -> None:
    play = Play().tick(10 * DAY, settled=0)

    play.send(seen_page(7 * DAY - 1), seen_page(7 * DAY))

    assert play.counted("late") == 1
    assert [row["late"] for row in play.rows("touchpoints")] == [True, False]


def test_nothing_is_forgotten_before_the_settled_time_has_passed_it() -> None:
    # Refunds are final as soon as the lateness is over; an hourly count too, and a flush later.
    refund = order(0, action="refunded")
    play = Play().send(refund).tick(50 * DAY, settled=0).tick(50 * DAY, settled=3 * DAY + MINUTE - 1)
    assert forgotten(play) == set()

    play.tick(50 * DAY, settled=3 * DAY + MINUTE)
    assert forgotten(play) == {b"b"}

    play.tick(50 * DAY, settled=3 * DAY + HOUR).tick(50 * DAY, settled=3 * DAY + HOUR)
    assert forgotten(play) == {b"b", b"h"}


def test_touchpoints_are_folded_when_the_settled_time_has_passed_them() -> None:
    play = Play().send(*(seen_page(number * SECOND) for number in range(FOLD_AT + 8)))
    (timeline,) = play.partition.customers._cache.values()

    play.tick(20 * DAY, settled=HOUR).send(seen_page(20 * DAY))
    assert len(timeline.pending) == FOLD_AT + 9

    play.tick(20 * DAY, settled=4 * DAY).send(seen_page(20 * DAY + SECOND))
    assert len(timeline.pending) == 2


def test_the_settled_time_never_goes_back_and_is_never_ahead_of_the_partition() -> None:
    play = Play()
    told = []
    for at, settled in ((5 * DAY, 2 * DAY), (6 * DAY, DAY), (6 * DAY, 9 * DAY), (7 * DAY, 0)):
        play.tick(at, settled)
        told.append((play.clock["time"] - T0, play.clock["settled"] - T0))

    assert told == [(5 * DAY, 2 * DAY), (6 * DAY, 2 * DAY), (6 * DAY, 6 * DAY), (7 * DAY, 7 * DAY)]


def test_a_restart_keeps_it_and_a_position_without_it_waits_for_the_next_tick() -> None:
    play = Play().tick(9 * DAY, settled=8 * DAY).restarted().send(seen_page(9 * DAY))
    assert play.clock["settled"] == T0 + 8 * DAY

    older = msgspec.msgpack.encode([FORMAT, 0, [T0 + 9 * DAY], T0 + 9 * DAY, T0 + 6 * DAY])
    play.partition = type(play.partition)(0, 1, RULES)
    play.partition.restore(POSITION, older)
    play.partition.restored()
    assert msgspec.msgpack.decode(older, type=Position).settled == 0

    play.send(seen_page(9 * DAY - SECOND))
    assert play.clock["settled"] == 0
    assert play.partition._buckets.final_until == T0 + 6 * DAY
    play.tick(9 * DAY, settled=9 * DAY)
    assert play.clock["settled"] == T0 + 9 * DAY


@pytest.mark.parametrize("restarts", [False, True])
def test_what_is_left_of_a_recomputation_ends_when_the_settled_time_alone_leaps(restarts: bool) -> None:
    """A robot's late orders go on in steps; before their buckets are final, all of them are in their places."""
    play = Play().send(*(order(number * SECOND, 1) for number in range(1_000)))
    play.send(*(order(-1 - number, 1) for number in range(20)))
    play.tick(10 * DAY, settled=0)
    assert play.metric("orders")["n"] < 1_020, "the recomputation has ended already"

    if restarts:
        play.restarted()
    play.tick(10 * DAY, settled=10 * DAY)

    assert play.counted("final") == 0
    assert play.metric("orders")["n"] == play.metric("revenue")["numerator"] == 1_020
    assert forgotten(play) >= {b"b"}


def with_settled(log: list[bytes], seed: int) -> list[bytes]:
    """Return a log in which the settled time is behind by as much as chance has it, and stands, and leaps."""
    rng = random.Random(seed)
    settled, told = 0, []
    for data in log:
        record = journey_log.decode(data)
        if not isinstance(record, Tick):
            told.append(data)
        else:
            settled = max(settled, rng.choice((0, settled, record.settled - rng.choice((0, HOUR, 9 * DAY)))))
            told.append(journey_log.encode(Tick(record.watermark, settled)))
    return told


@settings(max_examples=100, deadline=None)
@given(histories(), st.integers(0, 10_000), st.integers(0, 4), LAGS)
def test_however_far_it_is_behind_the_rows_are_the_same(
    history: list[Touchpoint], seed: int, crashes: int, lag: int
) -> None:
    log = as_log(history, lag)

    tables = process_with_crashes(with_settled(log, seed), RULES, seed, crashes)

    assert tables.seen() == process(log, RULES).seen()


def test_a_repeat_is_counted_in_its_hour_until_that_is_settled() -> None:
    page = seen_page(0)
    play = Play().send(page).tick(5 * DAY, settled=0).send(changed(page, source_offset=41))
    assert [row["duplicates"] for row in play.rows("hourly_counts")] == [1]

    play.tick(5 * DAY, settled=4 * DAY).send(changed(page, source_offset=42))

    assert [row["duplicates"] for row in play.rows("hourly_counts")] == [1]
    assert [(row["outcome"], row["event"]) for row in play.rows("outcomes")] == [("duplicate", "0/42")]
