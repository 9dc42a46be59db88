"""Surveys, by the contract's definition, with expectations worked out by hand."""

from __future__ import annotations

import pytest

from schemas.journey_log import Touchpoint
from tests.unit.journeys.play import DAY, HOUR, changed, played, survey, times


def answer(at: int, kind: str, score: float, normalised: int) -> Touchpoint:
    return survey(at, "answered", question_kind=kind, score=score, normalised=normalised)


def test_a_response_not_completed_within_seven_days_of_its_last_answer() -> None:
    made = [survey(0, "started"), survey(2 * HOUR, "answered")]

    play = played(made, until=7 * DAY + 2 * HOUR)

    row = play.row("abandonments")
    assert (row["subject"], row["status"]) == ("survey", "abandoned")
    assert times(row, "started_at", "abandoned_at") == [0, 7 * DAY + 2 * HOUR]
    assert play.metric("survey_abandonment_rate") == {"n": 1, "numerator": 1, "samples": []}


def test_to_open_a_response_again_is_no_answer() -> None:
    play = played([survey(0, "started"), survey(DAY, "answered"), survey(6 * DAY, "started")], until=9 * DAY)

    assert times(play.row("abandonments"), "started_at", "abandoned_at") == [0, 8 * DAY]


def test_a_start_and_an_answer_of_one_moment_are_in_that_order() -> None:
    made = [
        changed(survey(0, "answered", event_id="a"), channel="app"),
        changed(survey(0, "started", event_id="b"), channel="web"),
    ]

    assert played(made, until=DAY).row("journeys")["channels"] == ["web", "app"]


def test_a_completed_response_is_not() -> None:
    play = played([survey(0, "started"), survey(6 * DAY, "completed")], until=20 * DAY)

    assert play.rows("abandonments") == []
    assert play.metric("survey_abandonment_rate") == {"n": 1, "numerator": 0, "samples": []}


def test_a_completion_within_thirty_days_recovers() -> None:
    play = played([survey(0, "started")], until=8 * DAY)
    play.send(survey(20 * DAY, "completed")).at(20 * DAY)

    row = play.row("abandonments")
    assert (row["status"], row["recovered_at"] - row["started_at"]) == ("recovered", 20 * DAY)
    # The contract leaves what was recovered out of the carts' rate alone.
    assert play.metric("survey_abandonment_rate")["numerator"] == 1


def test_an_invitation_alone_starts_nothing() -> None:
    play = played([survey(0, "invited")], until=30 * DAY)

    assert play.metric("survey_abandonment_rate")["n"] == 0


@pytest.mark.parametrize(("score", "counted"), [(10, 1), (9, 1), (8, 0), (7, 0), (6, -1), (0, -1)])
def test_nps_counts_promoters_less_detractors(score: int, counted: int) -> None:
    play = played([answer(0, "nps", score, score * 1_000)], until=DAY)

    assert play.metric("nps") == {"n": 1, "numerator": counted, "samples": []}
    assert play.row("customers")["last_nps"] == score


@pytest.mark.parametrize(
    ("kind", "normalised", "favourable"),
    [("csat", 7_500, 1), ("csat", 7_499, 0), ("ces", 6_667, 1), ("ces", 5_000, 0)],
)
def test_csat_and_ces_count_the_favourable(kind: str, normalised: int, favourable: int) -> None:
    play = played([answer(0, kind, 4, normalised)], until=DAY)

    assert play.metric(kind) == {"n": 1, "numerator": favourable, "samples": []}


def test_a_score_is_an_experience_on_the_linear_scale() -> None:
    play = played([answer(0, "csat", 2, 2_500)], until=DAY)

    assert play.row("touchpoints")["experience"] == -5_000
