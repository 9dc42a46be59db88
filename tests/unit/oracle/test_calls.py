"""Calls: their waits, their hang-ups, and ids that are used again."""

from __future__ import annotations

import random

import pytest

from tests.oracle.touchpoints import DAY, HOUR, PHASES, SECOND
from tests.unit.journeys.play import T0, call, played
from tests.unit.oracle.told import Story

TALK = [(0, "queued"), (10 * SECOND, "answered"), (60 * SECOND, "transferred"), (60 * SECOND, "queued")]
"""A call that waits 10 s, talks for 50 s, and is put into another queue."""


def test_a_call_given_up_in_its_second_queue_is_abandoned_in_row_and_rate() -> None:
    story = Story()
    story.call(*TALK, (65 * SECOND, "ended"))

    (row,) = story.abandonments()
    assert (row["subject"], row["started_at"], row["abandoned_at"]) == ("call", 60 * SECOND, 65 * SECOND)
    assert row["waited_seconds"] == 5
    assert story.metric("call_abandonment_rate") == [(0, 1, 1)]
    # Of the first wait: 10 s.
    assert story.metric("speed_of_answer") == [(0, 1, 10)]
    assert story.metric("service_level") == [(0, 1, 1)]
    assert story.metric("experience") == [(1, 1, -0.6)]
    assert story.journey()["outcome"] == "abandoned"


def test_who_talks_and_is_transferred_queued_and_answered_at_one_moment_talks_on() -> None:
    story = Story()
    at_once = [(60 * SECOND, phase) for phase in ("transferred", "queued", "answered")]
    story.call(*TALK[:2], *at_once, (90 * SECOND, "ended"), resolved=False)

    assert story.abandonments() == []
    assert story.metric("experience") == [(1, 1, -0.5)]
    assert story.journey()["outcome"] == "unresolved"


def test_who_waits_and_is_answered_transferred_and_queued_at_one_moment_waits_again() -> None:
    story = Story()
    at_once = [(60 * SECOND, phase) for phase in ("answered", "transferred", "queued")]
    story.call((0, "queued"), *at_once, (90 * SECOND, "ended"), resolved=False)

    assert [(row["started_at"], row["waited_seconds"]) for row in story.abandonments()] == [(60 * SECOND, 30)]
    assert story.metric("speed_of_answer") == [(0, 1, 60)]
    assert story.metric("experience") == [(1, 1, -0.6)]


def test_a_later_wait_of_under_5_s_is_neither_abandoned_nor_a_short_call() -> None:
    story = Story()
    story.call(*TALK, (65 * SECOND - 1, "ended"), resolved=False)

    assert story.abandonments() == []
    assert story.metric("call_abandonment_rate") == [(0, 1, 0)]
    assert story.metric("experience") == [(1, 1, -0.5)]
    assert story.journey()["outcome"] == "unresolved"


def test_a_first_wait_of_under_5_s_is_a_short_call() -> None:
    story = Story()
    story.call((0, "queued"), (5 * SECOND - 1, "ended"))

    assert story.abandonments() == []
    assert story.metric("call_abandonment_rate") == []


@pytest.mark.parametrize("phases", [["queued"], ["queued", "answered", "held"], ["queued", "answered", "queued"]])
def test_a_call_that_ends_resolved_while_it_waits_or_is_held_is_resolved(phases: list[str]) -> None:
    story = Story()
    story.call(*((place * 10 * SECOND, phase) for place, phase in enumerate(phases)), (HOUR, "ended"), resolved=True)

    assert story.abandonments() == []
    assert story.metric("call_abandonment_rate") == [(0, 1, 0)]
    assert story.metric("experience") == [(60, 1, 0.5)]
    assert story.journey()["outcome"] == "resolved"


def test_a_held_call_that_is_queued_waits() -> None:
    story = Story()
    story.call((0, "queued"), (SECOND, "answered"), (2 * SECOND, "held"), (5 * SECOND, "queued"), (HOUR, "ended"))

    assert [(row["subject"], row["started_at"]) for row in story.abandonments()] == [("call", 5 * SECOND)]
    assert story.metric("hold_time") == [(0, 1, 3)]


@pytest.mark.parametrize(("ended", "rows"), [(DAY - 1, 1), (DAY, 0)])
def test_a_call_ends_after_24_hours_without_a_hang_up(ended: int, rows: int) -> None:
    story = Story()
    story.call((0, "queued"), (ended, "ended"))

    # The row and the rate say the same; the call was offered either way.
    assert len(story.abandonments()) == rows
    assert story.metric("call_abandonment_rate") == [(0, 1, rows)]


def test_later_phases_of_an_id_that_was_never_hung_up_are_another_call() -> None:
    story = Story()
    story.call((0, "queued"), (SECOND, "answered"), (2 * SECOND, "held"))
    story.call((2 * DAY, "queued"), (2 * DAY + 30 * SECOND, "ended"))

    assert [(row["subject"], row["started_at"]) for row in story.abandonments()] == [("call", 2 * DAY)]
    assert story.metric("call_abandonment_rate") == [(0, 1, 0), (2 * 24 * 60, 1, 1)]
    assert story.metric("speed_of_answer") == [(0, 1, 1)]
    # 30 s of waiting, unanswered.
    assert story.metric("service_level") == [(0, 1, 1), (2 * 24 * 60, 1, 0)]


def test_a_cancelled_order_recovers_no_call() -> None:
    story = Story()
    story.call((0, "queued"), (HOUR, "ended"))
    story.order(2 * HOUR, order="cancelled")
    story.order(3 * HOUR, order="cancelled", amount=0)

    assert [row["recovered_by"] for row in story.abandonments()] == [None]

    story.order(4 * HOUR, order="placed")

    assert [(row["recovered_by"], row["recovered_at"]) for row in story.abandonments()] == [("order", 4 * HOUR)]
    # A recovered call stays in the rate.
    assert story.metric("call_abandonment_rate") == [(0, 1, 1)]


def test_a_completed_survey_is_recovered_by_completion() -> None:
    story = Story()
    story.answer(0, phase="started")
    story.answer(8 * DAY, phase="completed")

    assert [(row["recovered_by"], row["status"]) for row in story.abandonments()] == [("completion", "recovered")]
    assert story.metric("survey_abandonment_rate") == [(0, 1, 1)]


@pytest.mark.parametrize("seed", range(100))
def test_whatever_phases_a_moment_has_the_machine_says_the_same(seed: int) -> None:
    rng = random.Random(seed)
    moments = [rng.sample((*PHASES["support_call"], "queued"), rng.randint(1, 4)) for _ in range(rng.randint(1, 5))]
    phases = [(at * 10 * SECOND, phase) for at, at_once in enumerate(moments) for phase in at_once]
    phases = [*(one for one in phases if one[1] != "ended" or rng.random() < 0.3), (52 * SECOND, "ended")]
    story = Story()
    story.call(*phases, resolved=False)

    made = [
        call(at, phase, event_id=f"e{number:02}", resolved=False if phase == "ended" else None)
        for number, (at, phase) in enumerate(phases)
    ]
    play = played(made, until=DAY)

    rows = [(row["subject"], row["started_at"] - T0, row["abandoned_at"] - T0) for row in play.rows("abandonments")]
    assert rows == [(row["subject"], row["started_at"], row["abandoned_at"]) for row in story.abandonments()]
    for metric, unit in (("experience", 10_000), ("call_abandonment_rate", 1), ("speed_of_answer", 1_000)):
        counted = play.metric(metric)
        expected = [(n, round(numerator * unit)) for _, n, numerator in story.metric(metric) if numerator is not None]
        assert (counted["n"], counted["numerator"]) == (expected[0] if expected else (0, 0))
