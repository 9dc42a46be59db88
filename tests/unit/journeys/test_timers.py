"""Deadlines and clocks: nothing is abandoned before its time, and a touchpoint ahead of its receipt waits for its own.

A cart at 10:00 without an order is abandoned at 10:30; the timers fire when the log's time less five minutes is there.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from schemas.journey_log import Touchpoint
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, Play, cart, order, said, seen_page, times

COMPARED = ("touchpoints", "journeys", "abandonments", "metric_buckets", "customers", "superseded")


def ahead_page(at: int, received: int = 0, **more: Any) -> Touchpoint:
    """Return a page that was received at `received`, and says that it was seen at `at`."""
    return seen_page(at, received_at=T0 + received, **more)


def signals(play: Play) -> int:
    return sum(len(output.signals) for output in play.outputs)


def row_of(play: Play, touchpoint: Touchpoint) -> dict[str, Any]:
    (row,) = (row for row in play.rows("touchpoints") if row["event_id"] == touchpoint.event_id)
    return row


@pytest.mark.parametrize("received", [MINUTE, HOUR])
def test_a_customers_own_later_touchpoint_fires_no_deadline(received: int) -> None:
    play = Play().send(cart(0, "item_added"), ahead_page(HOUR, received))

    assert play.rows("abandonments") == []
    assert signals(play) == 0
    play.at(30 * MINUTE - 1)
    assert play.rows("abandonments") == []
    assert signals(play) == 0


@pytest.mark.parametrize("received", [MINUTE, HOUR])
def test_the_deadline_fires_once_and_is_the_moment_of_abandonment(received: int) -> None:
    play = Play().send(cart(0, "item_added"), ahead_page(HOUR, received)).at(30 * MINUTE).at(2 * HOUR)

    assert times(play.row("abandonments"), "started_at", "abandoned_at") == [0, 30 * MINUTE]
    assert signals(play) == 1
    assert play.metric("cart_abandonment_rate") == {"n": 1, "numerator": 1, "samples": []}


@pytest.mark.parametrize("received", [MINUTE, HOUR])
def test_a_touchpoint_that_waits_has_its_row_at_once(received: int) -> None:
    page = ahead_page(HOUR, received)
    play = Play().send(cart(0, "item_added"), page)

    assert row_of(play, page)["ahead"] is (received == MINUTE)
    assert row_of(play, page)["journey_id"] == ""
    assert play.row("journeys")["touchpoints"] == 1


@pytest.mark.parametrize("received", [MINUTE, HOUR])
def test_a_touchpoint_that_waited_is_in_the_journey_in_its_place(received: int) -> None:
    page, before, after = ahead_page(HOUR, received), said(40 * MINUTE, None), order(70 * MINUTE)
    play = Play().send(cart(0, "item_added"), page, before, after).at(2 * HOUR)

    journey = play.row("journeys")
    assert (journey["touchpoints"], journey["last_touch_at"]) == (4, T0 + 70 * MINUTE)
    assert journey["path"] == "katcvvpp"
    assert row_of(play, page)["journey_id"] == "ann#1"
    assert row_of(play, page)["ahead"] is (received == MINUTE)


def test_a_touchpoint_ahead_is_in_no_journey_before_its_time() -> None:
    page = ahead_page(20 * HOUR)
    play = Play().send(page)

    assert row_of(play, page)["ahead"] is True
    assert row_of(play, page)["journey_id"] == ""
    assert play.rows("journeys") == []
    play.at(20 * HOUR - 6 * MINUTE)
    assert play.rows("journeys") == []
    play.at(20 * HOUR)
    assert times(play.row("journeys"), "started_at") == [20 * HOUR]
    assert row_of(play, page)["journey_id"] == "ann#1"


def test_a_touchpoint_whose_time_has_come_still_waits_for_a_deadline_that_is_not_due() -> None:
    page = ahead_page(32 * MINUTE, MINUTE)
    play = Play().send(cart(0, "item_added"), page).at(28 * MINUTE)

    assert row_of(play, page)["ahead"] is True
    assert row_of(play, page)["journey_id"] == ""
    assert play.rows("abandonments") == []
    play.at(30 * MINUTE)
    assert times(play.row("abandonments"), "abandoned_at") == [30 * MINUTE]
    assert row_of(play, page)["journey_id"] == "ann#1"


def test_ahead_is_later_than_the_receipt_by_more_than_the_timers_delay() -> None:
    within, beyond = ahead_page(5 * MINUTE), ahead_page(5 * MINUTE + 1)
    play = Play().send(within, beyond)

    assert [row_of(play, page)["ahead"] for page in (within, beyond)] == [False, True]
    assert play.row("journeys")["touchpoints"] == 1


def test_honest_touchpoints_are_applied_while_one_ahead_waits() -> None:
    play = Play().send(ahead_page(20 * HOUR)).send(order(MINUTE, 700)).at(HOUR)

    assert play.row("customers")["spend_minor"] == 700
    assert play.row("journeys")["touchpoints"] == 1
    assert play.metric("orders")["n"] == 1
    assert play.at(21 * HOUR).row("journeys")["touchpoints"] == 2


def test_earlier_touchpoints_are_applied_while_one_waits_for_a_deadline() -> None:
    play = Play().send(cart(0, "item_added"), seen_page(HOUR)).send(said(10 * MINUTE, None))

    assert play.row("journeys")["path"] == "katc"
    assert play.at(30 * MINUTE).row("journeys")["path"] == "katcvv"


def test_an_order_before_the_deadline_lets_those_that_wait_go_on() -> None:
    play = Play().send(cart(0, "item_added"), seen_page(HOUR)).send(order(10 * MINUTE, cart_id="k")).at(2 * HOUR)

    assert play.rows("abandonments") == []
    assert play.row("journeys")["touchpoints"] == 3
    assert signals(play) == 0


def test_each_of_several_waits_for_the_deadlines_before_it() -> None:
    play = Play().send(cart(0, "item_added", "k1"), cart(HOUR, "item_added", "k2"), seen_page(2 * HOUR))

    assert [row["subject_id"] for row in play.at(30 * MINUTE).rows("abandonments")] == ["k1"]
    assert play.row("journeys")["touchpoints"] == 2
    assert [row["subject_id"] for row in play.at(90 * MINUTE).rows("abandonments")] == ["k1", "k2"]
    assert play.row("journeys")["touchpoints"] == 3


def test_a_journey_does_not_end_before_its_time_either() -> None:
    play = Play().send(seen_page(0), seen_page(31 * DAY))

    assert [row["outcome"] for row in play.rows("journeys")] == ["open"]
    assert [row["outcome"] for row in play.at(31 * DAY).rows("journeys")] == ["visited", "open"]


def test_a_repeat_of_one_that_waits_is_a_duplicate() -> None:
    page = ahead_page(20 * HOUR)
    play = Play().send(page).send(page).at(21 * HOUR).send(page)

    assert play.counted("duplicates") == 2
    assert play.row("journeys")["touchpoints"] == 1


def test_a_restart_keeps_those_that_wait() -> None:
    made = [cart(0, "item_added"), seen_page(HOUR), ahead_page(20 * HOUR), order(2 * HOUR)]
    straight = Play().send(*made).at(HOUR).at(DAY)
    restarted = Play().send(*made).restarted().at(HOUR).restarted().at(DAY)

    assert {table: restarted.rows(table) for table in COMPARED[1:5]} == {
        table: straight.rows(table) for table in COMPARED[1:5]
    }
    assert restarted.row("journeys")["touchpoints"] == 4


def test_the_order_of_arrival_of_those_that_wait_changes_nothing() -> None:
    made = [cart(0, "item_added"), cart(20 * MINUTE, "item_removed"), ahead_page(20 * HOUR), order(2 * HOUR)]
    made.append(ahead_page(50 * MINUTE, received=MINUTE))
    shown = []

    for received in permutations(made):
        play = Play()
        for touchpoint in received:
            play.send(touchpoint)
        play.at(10 * MINUTE).at(2 * DAY)
        shown.append({table: play.tables.seen().get(table, []) for table in COMPARED})

    assert all(each == shown[0] for each in shown)
    assert shown[0]["journeys"][0]["touchpoints"] == 5
