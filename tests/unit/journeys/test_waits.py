"""Calls that wait more than once, and calls that nobody hangs up, with expectations worked out by hand."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from schemas.journey_log import Touchpoint
from tests.unit.journeys.play import DAY, HOUR, MINUTE, SECOND, T0, Play, call, changed, played, seen_page

RATE = "call_abandonment_rate"
NOTHING = {"n": 0, "numerator": 0, "samples": []}
OFFERED = {"n": 1, "numerator": 0, "samples": []}
LOST = {"n": 1, "numerator": 1, "samples": []}
COMPARED = ("journeys", "abandonments", "metric_buckets", "customers")


def transferred_and_ended(waited: int, **end: Any) -> list[Touchpoint]:
    """Return a call answered after 10 s, put into another queue at 60 s, and ended `waited` ms later."""
    return [
        call(0, "queued"),
        call(10 * SECOND, "answered"),
        call(60 * SECOND, "transferred"),
        call(60 * SECOND, "queued"),
        call(60 * SECOND + waited, "ended", **end),
    ]


def test_a_call_given_up_in_its_second_queue_is_abandoned_in_row_rate_and_outcome() -> None:
    play = played(transferred_and_ended(5 * SECOND), until=DAY)

    row = play.row("abandonments")
    assert (row["subject"], row["status"], row["waited_ms"]) == ("call", "abandoned", 5 * SECOND)
    assert (row["started_at"], row["abandoned_at"]) == (T0 + 60 * SECOND, T0 + 65 * SECOND)
    assert play.metric(RATE) == LOST
    assert play.metric("experience") == {"n": 1, "numerator": -6_000, "samples": []}
    assert play.at(40 * DAY).row("journeys")["outcome"] == "abandoned"


def test_speed_of_answer_and_service_level_are_of_the_first_wait() -> None:
    play = played(transferred_and_ended(5 * SECOND), until=DAY)

    assert play.metric("speed_of_answer") == {"n": 1, "numerator": 10_000, "samples": [10_000]}
    assert play.metric("service_level") == {"n": 1, "numerator": 1, "samples": []}


def test_a_second_answer_changes_neither() -> None:
    made = [*transferred_and_ended(30 * SECOND)[:-1], call(90 * SECOND, "answered"), call(2 * MINUTE, "ended")]
    play = played(made, until=DAY)

    assert play.rows("abandonments") == []
    assert play.metric(RATE) == OFFERED
    assert play.metric("speed_of_answer") == {"n": 1, "numerator": 10_000, "samples": [10_000]}
    assert play.metric("service_level") == {"n": 1, "numerator": 1, "samples": []}
    assert play.metric("hold_time") == {"n": 1, "numerator": 0, "samples": [0]}


def test_only_the_first_wait_can_make_a_short_call() -> None:
    play = played(transferred_and_ended(4_999), until=DAY)

    assert play.rows("abandonments") == []
    assert play.metric(RATE) == OFFERED
    assert play.metric("speed_of_answer")["n"] == 1


def test_the_wait_alone_counts_however_long_the_call_was() -> None:
    made = [call(0, "queued"), call(2 * SECOND, "answered"), call(HOUR, "queued"), call(HOUR + 9 * SECOND, "ended")]
    row = played(made, until=DAY).row("abandonments")

    assert (row["started_at"] - T0, row["waited_ms"]) == (HOUR, 9 * SECOND)


def test_a_third_wait_may_be_given_up_too() -> None:
    made = [*transferred_and_ended(0)[:-1], call(70 * SECOND, "answered"), call(80 * SECOND, "queued")]
    play = played([*made, call(100 * SECOND, "ended")], until=DAY)

    assert play.row("abandonments")["waited_ms"] == 20 * SECOND
    assert play.metric(RATE) == LOST


def test_at_one_moment_the_transfer_comes_before_the_next_queue_in_every_order() -> None:
    made = [
        call(0, "queued", event_id="a"),
        call(10 * SECOND, "answered", event_id="b"),
        call(60 * SECOND, "queued", event_id="c"),
        call(60 * SECOND, "transferred", event_id="d"),
        call(120 * SECOND, "ended", event_id="e"),
    ]

    for received in permutations(made):
        play = Play().send(*received).at(DAY)
        assert play.row("abandonments")["started_at"] == T0 + 60 * SECOND
        assert play.metric(RATE) == LOST


def test_at_one_moment_an_answer_a_transfer_and_the_next_queue_leave_the_caller_waiting() -> None:
    made = [
        call(0, "queued"),
        call(60 * SECOND, "queued", event_id="a"),
        call(60 * SECOND, "answered", event_id="b"),
        call(60 * SECOND, "transferred", event_id="c"),
        call(70 * SECOND, "ended"),
    ]
    play = played(made, until=DAY)

    assert play.row("abandonments")["waited_ms"] == 10 * SECOND
    assert play.metric("speed_of_answer")["samples"] == [60_000]


def test_at_one_moment_a_transfer_a_queue_and_an_answer_leave_who_talked_talking_in_every_order() -> None:
    made = [
        call(0, "queued", event_id="a"),
        call(10 * SECOND, "answered", event_id="b"),
        call(60 * SECOND, "transferred", event_id="c"),
        call(60 * SECOND, "queued", event_id="d"),
        call(60 * SECOND, "answered", event_id="e"),
        call(90 * SECOND, "ended", resolved=False, event_id="f"),
    ]

    for received in permutations(made):
        play = Play().send(*received).at(DAY)
        assert play.rows("abandonments") == []
        assert play.metric(RATE) == OFFERED
        assert play.metric("experience") == {"n": 1, "numerator": -5_000, "samples": []}
        assert play.metric("speed_of_answer")["samples"] == [10_000]


@pytest.mark.parametrize("resolved", [True, False, None])
def test_a_call_that_ends_resolved_while_it_waits_is_not_abandoned(resolved: bool | None) -> None:
    play = played([call(0, "queued"), call(30 * SECOND, "ended", resolved=resolved)], until=DAY)

    assert len(play.rows("abandonments")) == int(resolved is not True)
    assert play.metric(RATE) == (OFFERED if resolved else LOST)
    assert play.metric("experience")["numerator"] == (5_000 if resolved else -6_000)
    assert play.at(40 * DAY).row("journeys")["outcome"] == ("resolved" if resolved else "abandoned")


def test_a_call_that_ends_resolved_while_held_is_not_abandoned() -> None:
    made = [call(0, "queued"), call(5 * SECOND, "answered"), call(10 * SECOND, "held")]
    play = played([*made, call(40 * SECOND, "ended", resolved=True)], until=DAY)

    assert play.rows("abandonments") == []
    assert play.metric("hold_time")["samples"] == [30_000]
    assert play.metric("experience")["numerator"] == 5_000
    assert play.at(40 * DAY).row("journeys")["outcome"] == "resolved"


def test_a_call_that_ends_resolved_in_its_second_queue_is_not_abandoned() -> None:
    play = played(transferred_and_ended(30 * SECOND, resolved=True), until=DAY)

    assert play.rows("abandonments") == []
    assert play.metric(RATE) == OFFERED


def test_a_call_that_nobody_hangs_up_is_neither_abandoned_nor_resolved() -> None:
    play = Play().send(call(0, "queued")).at(2 * DAY)

    assert play.rows("abandonments") == []
    assert play.metric(RATE) == OFFERED
    assert play.metric("experience") == NOTHING
    assert play.at(40 * DAY).row("journeys")["outcome"] == "visited"


def test_a_phase_a_day_later_is_of_another_call() -> None:
    made = [call(0, "queued"), call(DAY + HOUR, "queued"), call(DAY + HOUR + 10 * SECOND, "ended")]
    play = played(made, until=2 * DAY)

    row = play.row("abandonments")
    assert (row["started_at"], row["waited_ms"]) == (T0 + DAY + HOUR, 10 * SECOND)
    assert play.metric(RATE) == {"n": 2, "numerator": 1, "samples": []}


def test_a_hang_up_more_than_a_day_later_ends_nothing() -> None:
    play = played([call(0, "queued"), call(DAY + 1, "ended", resolved=None)], until=2 * DAY)

    assert play.rows("abandonments") == []
    assert play.metric(RATE) == OFFERED


def test_an_id_used_again_is_another_call_with_a_row_of_its_own() -> None:
    second = DAY + HOUR
    made = [call(0, "queued"), call(45 * SECOND, "ended")]
    play = played([*made, call(second, "queued"), call(second + 30 * SECOND, "ended")], until=2 * DAY)

    assert [(row["subject_id"], row["started_at"] - T0) for row in play.rows("abandonments")] == [
        ("c", 0),
        ("c", second),
    ]
    assert play.metric(RATE) == {"n": 2, "numerator": 2, "samples": []}


@pytest.mark.parametrize("waited", [DAY - MINUTE, DAY, DAY + MINUTE, 3 * DAY])
def test_row_and_rate_say_the_same_of_a_very_long_wait(waited: int) -> None:
    play = Play().send(call(0, "queued"))
    for hours in range(6, waited // HOUR, 6):
        play.send(seen_page(hours * HOUR)).at(hours * HOUR)
    play.send(call(waited, "ended")).at(waited + HOUR)

    assert play.metric(RATE)["n"] == 1
    assert len(play.rows("abandonments")) == play.metric(RATE)["numerator"]


def test_row_and_rate_say_the_same_of_a_long_call_given_up_late_in_its_second_queue() -> None:
    made = [call(0, "queued"), call(MINUTE, "answered"), call(23 * HOUR, "queued"), call(25 * HOUR, "ended")]
    play = played(made, until=2 * DAY)

    assert len(play.rows("abandonments")) == play.metric(RATE)["numerator"]


def test_the_order_of_arrival_of_a_calls_phases_changes_nothing() -> None:
    made = [changed(phase, event_id=f"phase {place}") for place, phase in enumerate(transferred_and_ended(7 * SECOND))]
    shown = []
    for received in permutations(made):
        seen = Play().send(*received[:2]).send(*received[2:]).at(DAY).tables.seen()
        shown.append({table: seen.get(table) for table in COMPARED})

    assert all(each == shown[0] for each in shown)


@pytest.mark.parametrize("gap", [0, SECOND])
def test_a_caller_who_is_transferred_from_queue_to_queue_waits_on(gap: int) -> None:
    made = [call(0, "queued"), call(30 * SECOND, "transferred"), call(30 * SECOND + gap, "queued")]
    play = played([*made, call(33 * SECOND, "ended")], until=DAY)

    assert play.row("abandonments")["waited_ms"] == 33 * SECOND
    assert play.metric(RATE) == LOST
    assert play.metric("service_level") == OFFERED


def test_a_short_second_wait_leaves_what_the_end_says_of_the_matter() -> None:
    play = played(transferred_and_ended(SECOND, resolved=False), until=DAY)

    assert play.rows("abandonments") == []
    assert play.metric("experience") == {"n": 1, "numerator": -5_000, "samples": []}
    assert play.at(40 * DAY).row("journeys")["outcome"] == "unresolved"
