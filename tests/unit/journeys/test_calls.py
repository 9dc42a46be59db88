"""Support calls, by the contract's definition, with expectations worked out by hand."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.unit.journeys.play import DAY, SECOND, call, order, played, times

NOTHING = {"n": 0, "numerator": 0, "samples": []}


def test_a_caller_who_gives_up_in_the_queue() -> None:
    play = played([call(0, "queued"), call(45 * SECOND, "ended")], until=DAY)

    row = play.row("abandonments")
    assert (row["subject"], row["status"], row["waited_ms"]) == ("call", "abandoned", 45 * SECOND)
    assert times(row, "started_at", "abandoned_at") == [0, 45 * SECOND]
    assert play.metric("call_abandonment_rate") == {"n": 1, "numerator": 1, "samples": []}
    assert play.metric("service_level") == {"n": 1, "numerator": 0, "samples": []}
    assert play.metric("experience")["numerator"] == -6_000


@pytest.mark.parametrize(("waited", "abandoned"), [(4_999, 0), (5_000, 1)])
def test_a_short_call_is_neither_offered_nor_abandoned(waited: int, abandoned: int) -> None:
    play = played([call(0, "queued"), call(waited, "ended")], until=DAY)

    assert len(play.rows("abandonments")) == abandoned
    assert play.metric("call_abandonment_rate")["n"] == abandoned


def test_a_short_wait_given_up_leaves_the_service_level_alone() -> None:
    play = played([call(0, "queued"), call(12 * SECOND, "ended")], until=DAY)

    assert play.metric("service_level") == NOTHING


def test_an_answered_call() -> None:
    made = [call(0, "queued"), call(20 * SECOND, "answered"), call(80 * SECOND, "ended", resolved=True)]

    play = played(made, until=DAY)

    assert play.rows("abandonments") == []
    assert play.metric("speed_of_answer") == {
        "n": 1,
        "numerator": 20_000,
        "samples": [20_000],
    }
    assert play.metric("service_level") == {"n": 1, "numerator": 1, "samples": []}
    assert play.metric("hold_time") == {"n": 1, "numerator": 0, "samples": [0]}
    assert play.metric("experience")["numerator"] == 5_000


def test_an_answer_after_twenty_seconds_misses_the_service_level() -> None:
    play = played([call(0, "queued"), call(20_001, "answered")], until=DAY)

    assert play.metric("service_level") == {"n": 1, "numerator": 0, "samples": []}


def test_music_before_the_answer_is_a_hold_too() -> None:
    made = [call(0, "queued"), call(5 * SECOND, "held"), call(25 * SECOND, "answered")]

    assert played(made, until=DAY).metric("hold_time")["samples"] == [20_000]

    again = [*made, call(30 * SECOND, "held"), call(31 * SECOND, "resumed")]
    assert played(again, until=DAY).metric("hold_time") == {
        "n": 1,
        "numerator": 21_000,
        "samples": [21_000],
    }


def test_holds_add_up() -> None:
    made = [
        call(0, "queued"),
        call(5 * SECOND, "answered"),
        call(10 * SECOND, "held"),
        call(40 * SECOND, "resumed"),
        call(50 * SECOND, "held"),
        call(70 * SECOND, "transferred"),
        call(90 * SECOND, "ended"),
    ]

    play = played(made, until=DAY)

    assert play.metric("hold_time") == {"n": 1, "numerator": 50_000, "samples": [50_000]}
    assert play.rows("abandonments") == []


def test_a_caller_who_gives_up_on_hold() -> None:
    made = [call(0, "queued"), call(5 * SECOND, "answered"), call(10 * SECOND, "held"), call(190 * SECOND, "ended")]

    play = played(made, until=DAY)

    row = play.row("abandonments")
    assert (row["subject"], row["waited_ms"]) == ("hold", 180 * SECOND)
    assert times(row, "started_at", "abandoned_at") == [10 * SECOND, 190 * SECOND]
    assert play.metric("hold_time")["numerator"] == 180_000
    assert play.metric("call_abandonment_rate") == {"n": 1, "numerator": 0, "samples": []}
    assert play.metric("experience")["numerator"] == -8_000


def test_phases_that_arrive_out_of_order_give_the_same() -> None:
    made = [call(0, "queued"), call(30 * SECOND, "answered"), call(60 * SECOND, "ended")]

    play = played(reversed(made), until=DAY)

    assert play.rows("abandonments") == []
    assert play.metric("speed_of_answer")["samples"] == [30_000]
    assert play.counted("recomputations") == 2


def test_an_order_within_thirty_days_recovers_a_call() -> None:
    play = played([call(0, "queued"), call(45 * SECOND, "ended"), order(2 * DAY)], until=3 * DAY)

    row = play.row("abandonments")
    assert (row["status"], row["recovered_at"] - row["abandoned_at"]) == ("recovered", 2 * DAY - 45 * SECOND)


def test_two_holds_are_summed_in_whatever_order_the_phases_arrive() -> None:
    made = [
        call(0, "queued"),
        call(10 * SECOND, "answered"),
        call(20 * SECOND, "held"),
        call(23 * SECOND, "resumed"),
        call(30 * SECOND, "held"),
        call(31 * SECOND, "resumed"),
    ]

    for received in permutations(made):
        play = played(received, until=DAY)

        assert play.metric("hold_time") == {"n": 1, "numerator": 4_000, "samples": [4_000]}
        assert play.metric("speed_of_answer")["samples"] == [10_000]
