"""Views of surveys say what answers do, worked out a second time, and never take a best answer for the worst."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.surveys import read_survey
from sinks.migrate import Declared, migrate
from tests.contract.engine import Engine
from tests.oracle.surveys import (
    contradicts,
    is_favourable,
    question_of,
    response_rows,
    responses,
    score_of,
)
from tests.oracle.touchpoints import DAY, moment
from tests.unit.sinks.made_up import Row, play, rows_of
from tests.unit.sinks.panel import DECLARED, FIRST, RATED, Panel

pytestmark = pytest.mark.embedded

TIMES = ("began_at", "invited_at", "started_at", "completed_at", "abandoned_at")
Z = 1.959963984540054


def test_whatever_is_answered_is_shown_as_it_was_answered(chdb: Engine, tmp_path: Path) -> None:
    panel = Panel(seed=4, first=FIRST, days=50)
    for number in range(250):
        panel.before(f"c{number % 30}")
        panel.response(f"c{number % 30}")
    told = responses(play(chdb, tmp_path, panel.lines, "Asia/Kolkata"))
    found = {row["response_id"]: row for row in rows_of(chdb, "SELECT * FROM survey_responses")}
    expected = {row["response_id"]: row for row in response_rows(told, DECLARED)}
    results = {
        tuple(row[name] for name in ("survey_id", "question", "month", "dimension", "dimension_value")): row
        for row in rows_of(chdb, "SELECT * FROM survey_results")
    }
    answers: dict[tuple[Any, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for response in told:
        for touch in response.answers:
            local = datetime.fromtimestamp(touch.at / 1000, ZoneInfo("Asia/Kolkata"))
            month = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
            dimensions = [*response.dimensions, ("channel", touch.channel), ("about", touch.record.get("about"))]
            score = score_of(touch, DECLARED)
            is_good = score is not None and is_favourable(touch, score)
            for dimension in [("all", ""), *(pair for pair in dimensions if pair[1])]:
                key = (touch.record["survey_id"], question_of(touch), f"{month:%Y-%m-%d %H:%M:%S.000}", *dimension)
                answers[key].append((score, is_good, contradicts(touch, DECLARED)))

    assert found.keys() == expected.keys()
    assert {row["status"] for row in expected.values()} == {"invited", "started", "abandoned", "completed"}
    assert {row["staff"] for row in expected.values()} == {None, "eli", "mia", "leo"}
    assert {key[4] for key in answers if key[3] == "product"} == {"cup", "beans", "kettle"}
    assert {row["followed"] for row in expected.values()} == {None, "purchase", "support_call", "case_event"}
    for name, row in expected.items():
        shown = {key: moment(value) if key in TIMES else value for key, value in found[name].items()}
        assert shown == {key: pytest.approx(value) if isinstance(value, float) else value for key, value in row.items()}
    assert results.keys() == answers.keys()
    assert {enough for row in results.values() for enough in [row["enough"]]} == {True, False}
    for key, of_one in answers.items():
        row, scores = results[key], [score for score, _, _ in of_one if score is not None]
        good = sum(is_good for _, is_good, _ in of_one)
        assert (int(row["answers"]), int(row["n"]), int(row["favourable"])) == (len(of_one), len(scores), good), key
        assert int(row["contradicting"]) == sum(other for _, _, other in of_one), key
        assert row["mean"] == (pytest.approx(fmean(scores)) if scores else None), key
        assert row["share"] == (pytest.approx(good / len(scores)) if scores else None), key
        assert row["enough"] == (len(scores) >= 30), key


def answered(number: int, customer: str, at: int, **said: Any) -> Row:
    answer = {"kind": "survey_answer", "source": "s", "customer_id": customer, "survey_id": "service"}
    question = {
        "phase": "answered",
        "question_id": "overall",
        "question_kind": "rating",
        "scale_min": 1,
        "scale_max": 5,
    }
    event = {"event_id": f"e{number}", "response_id": f"r{number}", "occurred_at": at}
    return {**answer, **question, **event, **said}


def test_an_answer_whose_best_score_is_the_lowest_is_read_as_such_or_not_at_all(chdb: Engine, tmp_path: Path) -> None:
    reverse = {"score": 1, "higher_is_better": False}
    lines = [
        answered(1, "c1", FIRST, score=5),
        answered(2, "c2", FIRST, **reverse),
        answered(3, "c3", FIRST, **reverse, survey_id="own"),
        answered(4, "c4", FIRST, score=2),
    ]
    play(chdb, tmp_path, lines)
    found = rows_of(chdb, "SELECT * FROM survey_results WHERE dimension = 'all' ORDER BY survey_id")
    # One of two: Wilson's interval by hand, with z * z = 3.841459.
    half = Z / (2 + Z * Z) * (2 / 4 + Z * Z / 4) ** 0.5

    assert [(row["survey_id"], row["mean"], row["share"]) for row in found] == [("own", 1, 1), ("service", 0.625, 0.5)]
    assert [int(row["contradicting"]) for row in found] == [0, 1]
    assert (found[1]["ci_low"], found[1]["ci_high"]) == (pytest.approx(0.5 - half), pytest.approx(0.5 + half))


def test_answers_of_one_customer_count_as_fewer_than_as_many_independent_ones(chdb: Engine, tmp_path: Path) -> None:
    scores = {"c1": (5, 5, 5), "c2": (1,), "c3": (5, 1)}
    given = [(customer, score) for customer, of_one in scores.items() for score in of_one]
    play(chdb, tmp_path, [answered(n, customer, FIRST + n, score=score) for n, (customer, score) in enumerate(given)])
    (found,) = rows_of(chdb, "SELECT * FROM survey_results WHERE dimension = 'all'")
    # By hand: the squares 9 + 1 + 4 over 6 answers are 14/6, and 1 + 0.7 * (14/6 - 1) = 29/15. Customers tell of less:
    # 4 of 6 are good, the residuals are 1, -2/3 and -1/3, and 14/9 / (6 * 2/9) * 3/2 = 1.75.
    n, share = 6 / (29 / 15), 4 / 6
    centre, half = (share + Z * Z / 2 / n) / (1 + Z * Z / n), Z / (1 + Z * Z / n)
    half *= (share * (1 - share) / n + Z * Z / 4 / n**2) ** 0.5

    assert (int(found["n"]), found["share"]) == (6, pytest.approx(share))
    assert (found["ci_low"], found["ci_high"]) == (pytest.approx(centre - half), pytest.approx(centre + half))


def test_a_survey_follows_what_came_before_it_within_fourteen_days(chdb: Engine, tmp_path: Path) -> None:
    lines: list[Row] = []
    for number, earlier in enumerate((0, 1, 14 * DAY, 14 * DAY + 1)):
        order = {"kind": "purchase", "source": "s", "order_id": f"o{number}", "amount_minor": 1, "currency": "EUR"}
        at = {"event_id": f"o{number}", "customer_id": f"c{number}", "occurred_at": FIRST - earlier}
        lines += [{**order, **at}, answered(number, f"c{number}", FIRST, score=3)]
    play(chdb, tmp_path, lines)
    found = rows_of(chdb, "SELECT followed_id FROM survey_responses ORDER BY response_id")

    assert [row["followed_id"] for row in found] == [None, "o1", "o2", None]


def test_a_response_is_compared_with_the_customers_last_one_that_has_a_score(chdb: Engine, tmp_path: Path) -> None:
    lines = [
        answered(1, "c1", FIRST, score=2),
        answered(2, "c1", FIRST + DAY, score=None, text="Words.", scale_min=None, scale_max=None),
        answered(3, "c1", FIRST + 2 * DAY, score=5),
        answered(4, "c2", FIRST + 3 * DAY, score=4),
    ]
    play(chdb, tmp_path, [{name: value for name, value in line.items() if value is not None} for line in lines])
    found = rows_of(chdb, "SELECT score_before, score_change FROM survey_responses ORDER BY response_id")

    assert [(row["score_before"], row["score_change"]) for row in found] == [
        (None, None), (0.25, None), (0.25, 0.75), (None, None),
    ]  # fmt: skip


def test_the_questions_that_ship_are_stored_with_their_scales(chdb: Engine) -> None:
    migrate(chdb)
    rows = rows_of(chdb, "SELECT * FROM survey_questions WHERE survey_id = 'service' ORDER BY place")

    assert [row["question_id"] for row in rows] == [*RATED, "did_well", "do_better", "praise", "praise_why"]
    assert {(row["scale_min"], row["scale_max"], row["higher_is_better"]) for row in rows[:8]} == {(1, 5, True)}
    assert {name: int(score) for name, score in rows[0]["answers"].items()} == {
        "excellent": 5, "good": 4, "average": 3, "fair": 2, "poor": 1,
    }  # fmt: skip
    assert {row["scale_min"] for row in rows[8:]} == {None}


TURNED = """
id = "own"
title = "Tell us"
[scale]
scale_min = 1
scale_max = 6
higher_is_better = false
[[question]]
id = "mark"
kind = "rating"
text = "What's our mark?"
"""


def test_questions_of_an_own_questionnaire_hold_until_it_is_taken_away(chdb: Engine, tmp_path: Path) -> None:
    stated = {"survey_id": "own", "question_id": "mark", "scale_max": 6, "higher_is_better": False}
    lines = [
        answered(1, "c1", FIRST, score=1, **stated),
        answered(2, "c2", FIRST, score=6, **stated | {"higher_is_better": True}),
    ]
    play(chdb, tmp_path, lines, declared=Declared(surveys=[read_survey(TURNED)]))
    asked = "SELECT text, scale_max, higher_is_better FROM survey_questions WHERE survey_id = 'own'"
    results = "SELECT n, contradicting, mean FROM survey_results WHERE survey_id = 'own' AND dimension = 'all'"
    own = rows_of(chdb, asked), rows_of(chdb, results)
    migrate(chdb)

    assert own[0] == [{"text": "What's our mark?", "scale_max": 6, "higher_is_better": False}]
    # The second answer takes the worst mark for the best: it is told, and not added up.
    assert [(int(row["n"]), int(row["contradicting"]), row["mean"]) for row in own[1]] == [(1, 1, 1)]
    assert rows_of(chdb, asked) == []
    assert [(int(row["n"]), int(row["contradicting"])) for row in rows_of(chdb, results)] == [(2, 0)]
    assert rows_of(chdb, "SELECT count() AS n FROM survey_questions")[0]["n"] in {12, "12"}
