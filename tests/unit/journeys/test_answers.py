"""Answers that are stated more than once: the latest statement holds, in the bucket of the first."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.journey_log import Touchpoint
from streams.journeys.rules import Rules
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, Play, changed, played, said, survey

GOOD, BAD = 6_000, -6_000
ONCE: dict[str, Any] = {"samples": []}


def nps(at: int, score: float, question_id: str | None = "q1", phase: str = "answered", **more: Any) -> Touchpoint:
    normalised = round(score * 1_000)
    fields: dict[str, Any] = {
        "question_id": question_id,
        "question_kind": "nps",
        "score": score,
        "normalised": normalised,
    }
    return survey(at, phase, **{**fields, **more})


def csat(at: int, normalised: int, **more: Any) -> Touchpoint:
    return survey(at, "answered", question_kind="csat", score=1 + normalised / 2_500, normalised=normalised, **more)


def superseded(play: Play) -> dict[str, str]:
    """Return by which event each event is superseded."""
    return {row["event_id"]: row["by"] for row in play.tables.seen().get("superseded", [])}


def buckets(play: Play, metric: str) -> list[int]:
    """Return the buckets of a metric's dimension `all`, as ms after `T0`."""
    rows = play.rows("metric_buckets")
    return [row["bucket"] - T0 for row in rows if (row["metric"], row["dimension"]) == (metric, "all")]


def test_an_answer_sent_as_answered_and_again_as_completed_is_one() -> None:
    first, again = nps(0, 9), nps(MINUTE, 9, phase="completed")
    play = played([first, again], until=DAY)

    assert play.metric("nps") == {"n": 1, "numerator": 1, **ONCE}
    assert play.metric("experience") == {"n": 1, "numerator": 8_000, **ONCE}
    assert (play.row("customers")["experience_n"], play.row("customers")["experience_sum"]) == (1, 8_000)
    assert (play.row("journeys")["experience_n"], play.row("journeys")["experience_sum"]) == (1, 8_000)
    assert superseded(play) == {first.event_id: again.event_id}
    assert buckets(play, "nps") == [0]


def test_both_statements_stay_touchpoints_of_the_journey() -> None:
    play = played([nps(0, 9), nps(MINUTE, 9, phase="completed")], until=DAY)

    assert len(play.rows("touchpoints")) == 2
    assert (play.row("journeys")["path"], play.row("journeys")["touchpoints"]) == ("sasc", 2)
    assert play.row("customers")["touchpoints"] == 2


@pytest.mark.parametrize(("first", "second", "counted"), [(9, 3, -1), (3, 9, 1), (10, 8, 0)])
def test_a_corrected_answer_counts_as_corrected_when_it_was_first_given(
    first: float, second: float, counted: int
) -> None:
    play = played([nps(0, first), nps(2 * HOUR, second)], until=DAY)

    assert play.metric("nps") == {"n": 1, "numerator": counted, **ONCE}
    assert buckets(play, "nps") == [0]
    assert play.metric("experience") == {"n": 1, "numerator": round(second * 2_000) - 10_000, **ONCE}
    assert buckets(play, "experience") == [0]
    assert play.row("customers")["last_nps"] == second


def test_the_latest_statement_holds_in_whatever_order_they_arrive() -> None:
    first, latest, between = nps(0, 9), nps(2 * HOUR, 3), nps(HOUR, 10)
    play = Play().send(first).send(latest).send(between).at(DAY)

    assert play.metric("nps") == {"n": 1, "numerator": -1, **ONCE}
    assert set(superseded(play)) == {first.event_id, between.event_id}
    assert play.row("customers")["last_nps"] == 3


def test_a_first_statement_that_arrives_last_moves_the_bucket() -> None:
    play = Play().send(nps(HOUR, 3)).send(nps(0, 9)).at(DAY)

    assert play.metric("nps") == {"n": 1, "numerator": -1, **ONCE}
    assert buckets(play, "nps") == [0]


def test_of_statements_of_one_moment_the_greater_event_id_holds() -> None:
    lower, greater = nps(0, 3, event_id="a"), nps(0, 9, event_id="b")

    for received in ([lower, greater], [greater, lower]):
        play = Play().send(*received).at(DAY)
        assert play.metric("nps") == {"n": 1, "numerator": 1, **ONCE}
        assert superseded(play) == {"a": "b"}


def test_a_correction_counts_under_the_channel_and_attributes_of_the_first() -> None:
    first = changed(nps(0, 9, attributes={"region": "eu"}), channel="app")
    play = played([first, nps(HOUR, 3, attributes={"region": "us"})], until=DAY)

    assert play.metric("nps", "channel", "app") == {"n": 1, "numerator": -1, **ONCE}
    assert play.metric("nps", "channel", "survey")["n"] == 0
    assert play.metric("nps", "region", "eu") == {"n": 1, "numerator": -1, **ONCE}
    assert play.metric("nps", "region", "us")["n"] == 0
    assert play.metric("experience", "region", "eu")["n"] == 1
    assert play.metric("experience", "region", "us")["n"] == 0


def test_completed_without_a_question_restates_the_answer_of_its_kind() -> None:
    play = played([nps(0, 9), nps(MINUTE, 3, question_id=None, phase="completed")], until=DAY)

    assert play.metric("nps") == {"n": 1, "numerator": -1, **ONCE}


def test_completed_without_a_question_restates_the_last_answer_of_its_kind() -> None:
    first, last = nps(0, 9, "q1"), nps(MINUTE, 9, "q2")
    completed = nps(2 * MINUTE, 3, question_id=None, phase="completed")
    play = played([first, last, completed], until=DAY)

    assert play.metric("nps") == {"n": 2, "numerator": 0, **ONCE}
    assert superseded(play) == {last.event_id: completed.event_id}


def test_completed_without_a_question_restates_words_of_its_kind_too() -> None:
    words: dict[str, Any] = {"question_kind": "text", "text": "slow", "sentiment": -5_000}
    play = played([survey(0, "answered", question_id="q5", **words), survey(MINUTE, "completed", **words)], until=DAY)

    assert play.metric("sentiment") == {"n": 1, "numerator": -5_000, **ONCE}
    assert play.row("customers")["experience_n"] == 1


def test_completed_with_an_answer_of_another_kind_is_an_answer_of_its_own() -> None:
    completed = changed(csat(MINUTE, 10_000), phase="completed")
    play = played([nps(0, 9), completed], until=DAY)

    assert play.metric("nps")["n"] == 1
    assert play.metric("csat") == {"n": 1, "numerator": 1, **ONCE}
    assert superseded(play) == {}


def test_answers_without_question_ids_are_told_apart_by_their_kind() -> None:
    play = played([nps(0, 9, None), csat(MINUTE, 2_500), nps(2 * MINUTE, 3, None), csat(3 * MINUTE, 7_500)], until=DAY)

    assert play.metric("nps") == {"n": 1, "numerator": -1, **ONCE}
    assert play.metric("csat") == {"n": 1, "numerator": 1, **ONCE}


def test_a_correction_of_an_earlier_answer_is_not_the_journeys_last_experience() -> None:
    play = played([nps(0, 9), said(HOUR, -5_000), nps(2 * HOUR, 8)], until=DAY)

    row = play.row("journeys")
    assert (row["experience_first"], row["experience_last"]) == (6_000, -5_000)
    assert (row["experience_sum"], row["experience_n"]) == (1_000, 2)


def test_words_that_say_nothing_take_the_experience_of_those_before_them_away() -> None:
    def words(at: int, sentiment: int | None) -> Touchpoint:
        return survey(at, "answered", question_id="q", question_kind="text", text="words", sentiment=sentiment)

    row = played([words(0, 5_000), words(HOUR, None)], until=DAY).row("journeys")

    assert (row["experience_first"], row["experience_last"], row["experience_n"]) == (None, None, 0)


def test_where_the_first_answer_loses_its_experience_the_next_is_the_journeys_first() -> None:
    def words(at: int, response: str, sentiment: int | None) -> Touchpoint:
        fields: dict[str, Any] = {"question_id": "q", "question_kind": "text", "text": "words", "sentiment": sentiment}
        return survey(at, "answered", response, **fields)

    made = [words(0, "a", 5_000), words(HOUR, "b", -2_000), said(2 * HOUR, 1_000), words(3 * HOUR, "c", 3_000)]
    made += [words(4 * HOUR, "a", None), words(5 * HOUR, "c", None)]
    row = played(made, until=DAY).row("journeys")

    assert (row["experience_first"], row["experience_last"]) == (-2_000, 1_000)
    assert (row["experience_sum"], row["experience_n"]) == (-1_000, 2)


def test_an_answer_that_gets_an_experience_later_has_it_where_it_was_first_stated() -> None:
    def words(at: int, response: str, sentiment: int | None) -> Touchpoint:
        fields: dict[str, Any] = {"question_id": "q", "question_kind": "text", "text": "words", "sentiment": sentiment}
        return survey(at, "answered", response, **fields)

    made = [words(0, "a", None), words(HOUR, "b", -2_000), words(2 * HOUR, "a", 4_000)]
    row = played(made, until=DAY).row("journeys")

    assert (row["experience_first"], row["experience_last"]) == (4_000, -2_000)


def test_answers_without_an_experience_do_not_hide_the_first_one() -> None:
    made = [survey(i * MINUTE, "answered", f"r{i}", question_id="q", text="words") for i in range(70)]
    score = survey(2 * HOUR, "answered", "s", question_kind="csat", score=4.0, normalised=7_500)
    made += [score, *(survey(3 * HOUR + i, "answered", f"t{i}", question_id="q", text="words") for i in range(70))]
    row = played(made, until=DAY).row("journeys")

    assert (row["experience_first"], row["experience_last"], row["experience_n"]) == (5_000, 5_000, 1)


def test_completed_without_a_question_restates_the_answer_that_was_stated_last() -> None:
    made = [nps(0, 9, "q1"), nps(MINUTE, 9, "q2"), nps(2 * MINUTE, 8, "q1")]
    completed = nps(3 * MINUTE, 3, question_id=None, phase="completed")
    play = played([*made, completed], until=DAY)

    assert play.metric("nps") == {"n": 2, "numerator": 0, **ONCE}
    assert superseded(play)[made[2].event_id] == completed.event_id


def test_two_questions_of_one_kind_are_two_answers() -> None:
    play = played([nps(0, 9, "q1"), nps(MINUTE, 3, "q2")], until=DAY)

    assert play.metric("nps") == {"n": 2, "numerator": 0, **ONCE}


def test_one_question_in_two_responses_is_two_answers() -> None:
    play = played([nps(0, 9, response_id="r1"), nps(MINUTE, 9, response_id="r2")], until=DAY)

    assert play.metric("nps") == {"n": 2, "numerator": 2, **ONCE}


def test_words_without_a_score_do_not_restate_a_score() -> None:
    words = survey(HOUR, "answered", question_id="q1", question_kind="nps", text="slow", sentiment=-5_000)
    score = nps(0, 9)
    play = played([score, words], until=DAY)

    assert play.metric("nps") == {"n": 1, "numerator": 1, **ONCE}
    assert play.row("customers")["last_nps"] == 9
    assert play.metric("sentiment") == {"n": 1, "numerator": -5_000, **ONCE}
    assert score.event_id not in superseded(play)


def test_last_nps_is_of_the_answer_that_was_first_given_last() -> None:
    made = [nps(0, 9, response_id="r1"), nps(HOUR, 3, response_id="r2"), nps(2 * HOUR, 10, response_id="r1")]

    assert played(made, until=DAY).row("customers")["last_nps"] == 3


@pytest.mark.parametrize("score", [6.5, 8.5])
def test_half_points_stay_as_they_are(score: float) -> None:
    play = played([nps(0, score)], until=DAY)

    assert play.row("customers")["last_nps"] == score
    # Above 6 and below 9 is neither a detractor nor a promoter.
    assert play.metric("nps") == {"n": 1, "numerator": 0, **ONCE}


def test_one_bad_answer_sent_four_times_changes_a_happy_customer_as_once() -> None:
    happy = [said(i * HOUR, GOOD) for i in range(6)]
    bad = [nps(10 * HOUR + i * MINUTE, 2) for i in range(4)]
    four, once = played([*happy, *bad], until=DAY), played([*happy, bad[0]], until=DAY)

    assert four.rows("sentiment_shifts") == once.rows("sentiment_shifts") == []
    assert four.row("customers")["status"] == once.row("customers")["status"] == "active"
    assert four.metric("nps") == once.metric("nps")
    assert four.at(60 * DAY).row("customers")["status"] == "inactive"


def test_the_answers_of_one_response_are_one_observation_of_the_detector() -> None:
    happy = [said(i * HOUR, GOOD) for i in range(6)]
    bad = [csat(10 * HOUR + i * MINUTE, 0, question_id=f"q{i}") for i in range(6)]

    assert played([*happy, *bad], until=DAY).rows("sentiment_shifts") == []


def test_a_response_is_observed_as_the_mean_of_its_scores_at_its_first_answer() -> None:
    happy = [said(i * HOUR, GOOD) for i in range(6)]
    # Normalised 1000 and 3000 are experiences of -8000 and -4000: a mean of -6000. The last response, which completes
    # the evidence with its first answer, says -6000.
    first = [csat((10 + i) * HOUR, (1_000, 1_000, 2_000)[i], question_id="a", response_id=f"r{i}") for i in range(3)]
    second = [csat((10 + i) * HOUR + MINUTE, 3_000, question_id="b", response_id=f"r{i}") for i in range(2)]
    play = played(sorted([*happy, *first, *second], key=lambda t: t.occurred_at), until=2 * DAY)

    row = play.row("sentiment_shifts")
    assert (row["n_before"], row["n_after"], row["before_mean"], row["after_mean"]) == (6, 3, GOOD, BAD)
    assert (row["onset_event_id"], row["onset_at"]) == (first[0].event_id, T0 + 10 * HOUR)
    assert row["direction"] == "worse"


def test_a_response_without_a_score_is_observed_as_the_mean_of_its_texts() -> None:
    happy = [said(i * HOUR, GOOD) for i in range(6)]
    # Means of -6000; the last response completes the evidence with its first answer.
    said_of_each = [(-5_000, -7_000), (-5_000, -7_000), (-6_000, -6_000)]
    texts = [
        survey((10 + i) * HOUR + j, "answered", f"r{i}", question_id=f"q{j}", text="no", sentiment=sentiment)
        for i, pair in enumerate(said_of_each)
        for j, sentiment in enumerate(pair)
    ]
    row = played([*happy, *texts], until=2 * DAY).row("sentiment_shifts")

    assert (row["n_after"], row["after_mean"], row["onset_event_id"]) == (3, BAD, texts[0].event_id)


def test_words_beside_a_score_are_no_part_of_the_responses_mean() -> None:
    happy = [said(i * HOUR, GOOD) for i in range(6)]
    made = [
        touchpoint
        for i in range(3)
        for touchpoint in (
            csat((10 + i) * HOUR, 2_000, question_id="a", response_id=f"r{i}"),
            survey((10 + i) * HOUR + 1, "answered", f"r{i}", question_id="b", text="well", sentiment=9_000),
        )
    ]
    row = played([*happy, *made], until=2 * DAY).row("sentiment_shifts")

    assert (row["n_after"], row["after_mean"]) == (3, BAD)


@pytest.mark.parametrize(("late", "counted"), [(-1, -1), (1, 1)])
def test_three_days_after_the_bucket_a_correction_changes_rows_and_no_metric(late: int, counted: int) -> None:
    # The first statement's minute ends at 10:01.
    correction = nps(3 * DAY + MINUTE + late, 3)
    play = Play().send(nps(0, 9)).at(2 * DAY).send(correction).at(4 * DAY)

    assert play.metric("nps") == {"n": 1, "numerator": counted, **ONCE}
    assert play.metric("experience")["numerator"] == (8_000 if late > 0 else -4_000)
    assert (play.counted("final") > 0) is (late > 0)
    assert play.row("customers")["last_nps"] == 3
    assert play.row("customers")["experience_sum"] == -4_000
    assert play.row("journeys")["experience_sum"] == -4_000
    assert len(superseded(play)) == 1


def test_a_superseded_answer_holds_again_when_a_late_one_is_what_was_restated() -> None:
    first, last = nps(0, 9, "q1"), nps(MINUTE, 9, "q2")
    completed = nps(2 * MINUTE, 3, question_id=None, phase="completed")
    play = Play().send(first, completed)
    assert superseded(play) == {first.event_id: completed.event_id}

    play.send(last)

    assert superseded(play) == {last.event_id: completed.event_id}
    assert play.metric("nps") == {"n": 2, "numerator": 0, **ONCE}


def test_a_restart_keeps_what_was_answered() -> None:
    made = nps(0, 9), nps(HOUR, 3), nps(2 * HOUR, 10)
    play = Play().send(made[0]).restarted().send(made[1]).at(HOUR).restarted().send(made[2]).at(DAY)

    assert play.metric("nps") == {"n": 1, "numerator": 1, **ONCE}
    assert set(superseded(play)) == {made[0].event_id, made[1].event_id}


def test_a_survey_completed_by_a_restatement_is_completed() -> None:
    made = [survey(0, "started"), nps(MINUTE, 9), nps(2 * MINUTE, 9, phase="completed")]
    play = Play(Rules()).send(*made).at(10 * DAY)

    assert play.rows("abandonments") == []
    assert play.metric("survey_abandonment_rate") == {"n": 1, "numerator": 0, **ONCE}
