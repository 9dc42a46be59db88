"""A fact counts once: the statement that holds, in the bucket of the first."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.experience import observations
from tests.oracle.touchpoints import DAY, HOUR, MINUTE
from tests.unit.oracle.told import START, Story


def test_an_answer_stated_again_counts_once_where_it_was_first_stated() -> None:
    story = Story()
    story.answer(0, question_id="q", question_kind="nps", score=3, channel="email")
    story.answer(MINUTE, question_id="q", question_kind="nps", score=9, channel="web")

    # The promoter of minute 1 counts in minute 0, under the channel of the first statement.
    assert story.metric("nps") == story.metric("nps", "channel", "email") == [(0, 1, 1)]
    assert story.metric("nps", "channel", "web") == []
    # 2 * 9/10 - 1.
    assert story.metric("experience") == [(0, 1, 0.8)]
    assert story.superseded() == ["e01"]
    assert story.customer()["experience_mean"] == 0.8
    assert story.customer()["touchpoints"] == story.journey()["touchpoints"] == 2


def test_a_completed_without_question_id_restates_the_last_answer_of_its_kind() -> None:
    story = Story()
    story.answer(0, question_id="q1", question_kind="nps", score=10)
    story.answer(MINUTE, question_id="q2", question_kind="nps", score=10)
    story.answer(2 * MINUTE, phase="completed", question_kind="nps", score=0)

    assert story.metric("nps") == [(0, 1, 1), (1, 1, -1)]
    assert story.superseded() == ["e02"]


def test_a_completed_of_a_kind_that_was_not_answered_is_an_answer_of_its_own() -> None:
    story = Story()
    story.answer(0, question_id="q1", question_kind="csat", score=5)
    story.answer(MINUTE, phase="completed", question_kind="nps", score=10)
    story.answer(MINUTE, response="another", phase="completed", question_kind="csat", score=1)

    assert story.superseded() == []
    assert story.metric("csat") == [(0, 1, 1), (1, 1, 0)]
    assert story.metric("nps") == [(1, 1, 1)]


def test_a_bare_completed_states_no_answer() -> None:
    story = Story()
    story.answer(0, question_kind="nps", score=10)
    story.answer(MINUTE, phase="completed", question_kind="nps")

    assert story.superseded() == []
    assert story.metric("nps") == [(0, 1, 1)]


def test_of_two_statements_of_one_moment_the_greater_event_id_holds() -> None:
    story = Story()
    story.answer(0, question_id="q", question_kind="nps", score=10, event_id="z")
    story.answer(0, question_id="q", question_kind="nps", score=0, event_id="a")

    assert story.superseded() == ["a"]
    assert story.metric("nps") == [(0, 1, 1)]


@pytest.mark.parametrize(("late_ms", "counted"), [(-1, -1), (0, 1)])
def test_a_correction_over_three_days_after_the_first_minute_changes_rows_and_not_metrics(
    late_ms: int, counted: int
) -> None:
    story = Story()
    story.answer(30_000, question_id="q", question_kind="nps", score=10)
    # The first statement's minute ends 60 s after the start.
    story.answer(MINUTE + 3 * DAY + late_ms, question_id="q", question_kind="nps", score=0)

    assert story.metric("nps") == [(0, 1, counted)]
    assert story.customer()["last_nps"] == 0
    assert story.customer()["experience_mean"] == -1
    assert story.superseded() == ["e01"]


def test_the_last_nps_is_of_the_answer_that_was_first_stated_last_and_not_rounded() -> None:
    story = Story()
    story.answer(0, response="early", question_kind="nps", score=3)
    story.answer(MINUTE, response="late", question_kind="nps", score=6.5)
    story.answer(HOUR, response="early", question_kind="nps", score=9)

    assert story.customer()["last_nps"] == 6.5


def test_the_experience_of_a_journey_is_that_of_answers_that_hold_in_the_order_of_first_statements() -> None:
    story = Story()
    story.answer(0, question_id="q1", question_kind="nps", score=0)
    story.answer(1, question_id="q2", question_kind="nps", score=5)
    story.answer(2, question_id="q1", question_kind="nps", score=10)

    row = story.journey()
    # +1 (stated first at 0), then 0.
    assert (row["experience_first"], row["experience_last"], row["experience_mean"]) == (1, 0, 0.5)


@pytest.mark.parametrize(
    ("fields", "share"),
    [
        # (74.9 - 0) / 100 is below 0.75.
        ({"score": 74.9, "scale_min": 0, "scale_max": 100}, 0),
        ({"score": 75, "scale_min": 0, "scale_max": 100}, 1),
        # 1 is the best of 1 to 5: 1 - 0/4.
        ({"score": 1, "higher_is_better": False}, 1),
        # A thumb down and a thumb up.
        ({"score": 0, "scale_min": 0, "scale_max": 1}, 0),
        ({"score": 1, "scale_min": 0, "scale_max": 1}, 1),
    ],
)
def test_scores_are_read_on_their_scale(fields: dict[str, Any], share: int) -> None:
    story = Story()
    story.answer(0, question_kind="csat", **fields)

    assert story.metric("csat") == [(0, 1, share)]


def test_a_response_is_one_observation_of_the_detector() -> None:
    story = Story()
    story.answer(0, question_id="t", question_kind="text", text="fine")
    story.answer(1, question_id="q1", question_kind="nps", score=10)
    story.answer(2, question_id="q2", question_kind="csat", score=1)
    story.answer(HOUR, question_id="q2", question_kind="csat", score=3)
    story.answer(DAY, response="words", question_kind="text", text="bad")
    story.sentiments = {"e01": 0.4, "e05": -0.6}
    history = story.only()

    def series(moment: int) -> dict[str, float]:
        known = [touch for touch in history.touches if touch.at <= START + moment]
        return observations(known, history.answers, history.experiences)

    # The text alone; then +1; then the mean of +1 and -1; after the correction that of +1 and 0.
    assert series(0) == {"e01": 0.4}
    assert series(1) == {"e01": 1}
    assert series(2) == {"e01": 0}
    assert series(DAY) == {"e01": 0.5, "e05": -0.6}
