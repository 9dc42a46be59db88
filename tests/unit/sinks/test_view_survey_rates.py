"""Views say who answers surveys and who gives up, how customers change, and what is said, worked out a second time."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.surveys import shipped
from tests.contract.engine import Engine
from tests.oracle.groups import mean_interval, of_customers, share_interval
from tests.oracle.shares import interval
from tests.oracle.survey_rates import changes, lengths, question_rates, rates, words
from tests.oracle.surveys import Response, responses
from tests.unit.sinks.made_up import MadeUp, Row, play, rows_of
from tests.unit.sinks.panel import DECLARED, FIRST, Panel

pytestmark = pytest.mark.embedded

ZONE = "Asia/Kolkata"
ASKED = {survey.id: [question.id for question in survey.question] for survey in shipped()}
Z = 1.959963984540054


def month_of(at: int) -> str:
    local = datetime.fromtimestamp(at / 1000, ZoneInfo(ZONE))
    return f"{local.replace(day=1, hour=0, minute=0, second=0, microsecond=0).astimezone(UTC):%Y-%m-%d %H:%M:%S.000}"


def share(counted: int, of: int) -> Any:
    return pytest.approx(counted / of) if of else None


@pytest.fixture
def told(chdb: Engine, tmp_path: Path) -> list[Response]:
    panel = Panel(seed=8, first=FIRST, days=50)
    for number in range(250):
        panel.before(f"c{number % 30}")
        panel.response(f"c{number % 30}")
    return responses(play(chdb, tmp_path, panel.lines, ZONE))


def test_whoever_answers_or_gives_up_is_counted(chdb: Engine, told: list[Response]) -> None:
    expected, asked = rates(told, month_of), lengths(told, ASKED)
    keys = ("survey_id", "month", "dimension", "dimension_value")
    found: dict[tuple[Any, ...], Row] = {
        tuple(row[key] for key in keys): row for row in rows_of(chdb, "SELECT * FROM survey_rates")
    }

    assert found.keys() == expected.keys()
    assert {key[2] for key in expected} == {"all", "channel", "staff", "followed", "product"}
    for key, one in expected.items():
        row = found[key]
        counts = [int(row[name]) for name in ("invited", "responded", "started", "completed", "abandoned")]
        assert counts == [one.invited, one.responded, one.started, one.completed, one.abandoned], key
        assert row["response_rate"] == share(one.responded, one.invited), key
        assert row["completion_rate"] == share(one.completed, one.started), key
        assert row["abandonment_rate"] == share(one.abandoned, one.started), key
        assert (int(row["questions"]), row["enough"]) == (asked[key[0]], one.started >= 30), key
    assert {row["enough"] for row in found.values()} == {True, False}


def test_each_question_says_who_came_to_it_and_who_went(chdb: Engine, told: list[Response]) -> None:
    expected = question_rates(told, ASKED, month_of)
    rows = rows_of(chdb, "SELECT * FROM survey_question_rates")
    found: dict[tuple[Any, ...], Row] = {(row["survey_id"], row["month"], row["question"]): row for row in rows}

    assert found.keys() == expected.keys()
    assert sum(one.gave_up for one in expected.values()) > 20
    for key, one in expected.items():
        row, of = found[key], expected[*key[:2], ""].answered
        assert [int(row[name]) for name in ("started", "answered", "gave_up")] == [of, one.answered, one.gave_up], key
        assert row["answered_share"] == share(one.answered, of), key
        assert row["gave_up_share"] == share(one.gave_up, one.answered), key
        places = ASKED.get(key[0], [])
        assert row["place"] == (places.index(key[2]) + 1 if key[2] in places else None), key
        assert row["enough"] == (of >= 30), key


def test_each_customer_is_compared_with_their_own_last_answer(chdb: Engine, told: list[Response]) -> None:
    expected = changes(told, DECLARED, month_of)
    rows = rows_of(chdb, "SELECT * FROM survey_changes")
    found: dict[tuple[Any, ...], Row] = {(row["survey_id"], row["question"], row["month"]): row for row in rows}

    assert found.keys() == expected.keys()
    for key, differences in expected.items():
        row = found[key]
        counts = [len(differences), sum(one > 5e-5 for one in differences), sum(one < -5e-5 for one in differences)]
        assert [int(row[name]) for name in ("n", "better", "worse")] == counts, key
        assert row["mean_change"] == pytest.approx(fmean(differences), abs=1e-4), key
        assert (row["ci_low"] is None) == (row["ci_high"] is None) == (len(differences) < 5), key


def test_what_is_said_alike_is_one(chdb: Engine, told: list[Response]) -> None:
    expected = {
        (*key, min(one.spellings[said])): (n, sum(one.counts.values()))
        for key, one in words(told, month_of).items()
        for said, n in one.counts.items()
    }
    rows = rows_of(chdb, "SELECT * FROM survey_words")
    found: dict[tuple[Any, ...], Row] = {
        (row["survey_id"], row["question"], row["month"], row["answer"]): row for row in rows
    }

    assert found.keys() == expected.keys()
    assert {key[3].lower().rstrip(".") for key in expected} == {"all of it", "mia", "…"}
    for key, (n, of) in expected.items():
        assert (int(found[key]["n"]), int(found[key]["answers"]), found[key]["share"]) == (n, of, share(n, of)), key


def test_a_change_has_students_interval(chdb: Engine, tmp_path: Path) -> None:
    made = MadeUp(seed=1, first=FIRST, days=1)
    for number, (before, after) in enumerate(((1, 5), (1, 4), (2, 4), (3, 4), (4, 4))):
        for day, score in enumerate((before, after)):
            made.add(
                "survey_answer", FIRST + day * 86_400_000, f"c{number}", response_id=f"r{number}-{day}",
                phase="answered", survey_id="own", question_id="q", question_kind="rating", score=score,
            )  # fmt: skip
    play(chdb, tmp_path, made.lines)
    (row,) = rows_of(chdb, "SELECT * FROM survey_changes")
    # By hand: changes of 1, 0.75, 0.5, 0.25 and 0; Student's t of 4 degrees, 97.5 %: 2.7764. Their mean is 0.5, their
    # squares around it 0.625, and two more changes half a point off add 0.5 / 25 to the error's square.
    margin = 2.7764 * (0.625 / 4 / 5 + 0.5 / 25) ** 0.5

    assert (int(row["n"]), int(row["better"]), int(row["worse"]), row["mean_change"]) == (5, 4, 0, 0.5)
    assert row["ci_low"] == pytest.approx(0.5 - margin, abs=2e-3)
    assert row["ci_high"] == pytest.approx(min(1, 0.5 + margin), abs=2e-3)


def test_intervals_of_rates_take_responses_of_one_customer_for_alike(chdb: Engine, told: list[Response]) -> None:
    of_each = [rates(ones, month_of) for ones in by_customer(told).values()]
    keys = ("survey_id", "month", "dimension", "dimension_value")
    shares = {
        "response": ("invited", "responded"),
        "completion": ("started", "completed"),
        "abandonment": ("started", "abandoned"),
    }

    for row in rows_of(chdb, "SELECT * FROM survey_rates"):
        these = [found[key] for found in of_each if (key := tuple(row[name] for name in keys)) in found]
        for name, (of, counted) in shares.items():
            customers = [(getattr(one, of), getattr(one, counted)) for one in these]
            expected = interval(customers) if any(observations for observations, _ in customers) else (None, None)
            assert (row[f"{name}_low"], row[f"{name}_high"]) == pytest.approx(expected, abs=1e-9), row


def test_intervals_of_questions_take_responses_of_one_customer_for_alike(chdb: Engine, told: list[Response]) -> None:
    of_each = {name: question_rates(ones, ASKED, month_of) for name, ones in by_customer(told).items()}

    for row in rows_of(chdb, "SELECT * FROM survey_question_rates"):
        start, question = (row["survey_id"], row["month"], ""), (row["survey_id"], row["month"], row["question"])
        came = {name: found for name, found in of_each.items() if start in found}
        # Who has not come to a question that no list declares has started all the same.
        of_starts = [
            (name, found[start].answered, found[question].answered if question in found else 0)
            for name, found in came.items()
        ]
        of_answers = [
            (name, found[question].answered, found[question].gave_up)
            for name, found in came.items()
            if question in found
        ]
        answered = share_interval(of_customers(of_starts))
        gave_up = share_interval(of_customers(of_answers)) if int(row["answered"]) else (None, None)
        assert (row["answered_low"], row["answered_high"]) == pytest.approx(answered, abs=1e-9), row
        assert (row["gave_up_low"], row["gave_up_high"]) == pytest.approx(gave_up, abs=1e-9), row


def test_intervals_of_words_take_those_of_one_customer_for_alike(chdb: Engine, told: list[Response]) -> None:
    of_each = {name: words(ones, month_of) for name, ones in by_customer(told).items()}
    said = {
        spelling: key
        for found in of_each.values()
        for one in found.values()
        for key, spellings in one.spellings.items()
        for spelling in spellings
    }

    rows = rows_of(chdb, "SELECT * FROM survey_words")
    for row in rows:
        asked, key = (row["survey_id"], row["question"], row["month"]), said[row["answer"]]
        these = [
            (name, sum(found[asked].counts.values()), found[asked].counts[key])
            for name, found in of_each.items()
            if asked in found
        ]
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(share_interval(of_customers(these)), abs=1e-9), row
    assert any(int(row["n"]) > 1 for row in rows)


def test_intervals_of_changes_take_those_of_one_customer_for_alike(chdb: Engine, tmp_path: Path) -> None:
    made = MadeUp(seed=1, first=FIRST, days=1)
    scores = {f"c{number}": [1 + (number + day * (number % 2)) % 5 for day in range(4)] for number in range(9)}
    for name, of_one in scores.items():
        for day, score in enumerate(of_one):
            made.add(
                "survey_answer", FIRST + day * 3_600_000, name, response_id=f"r{name}-{day}",
                phase="answered", survey_id="own", question_id="q", question_kind="rating", score=score,
            )  # fmt: skip
    play(chdb, tmp_path, made.lines)
    (row,) = rows_of(chdb, "SELECT * FROM survey_changes")
    changed = [(name, (b - a) / 4) for name, of_one in scores.items() for a, b in pairwise(of_one)]

    assert (int(row["n"]), row["mean_change"]) == (27, pytest.approx(fmean(change for _, change in changed)))
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(mean_interval(changed), abs=1e-6)


def by_customer(told: list[Response]) -> dict[str, list[Response]]:
    """Return the responses of each customer."""
    return {name: [one for one in told if one.customer == name] for name in sorted({one.customer for one in told})}


def test_a_survey_that_nobody_began_has_no_rates_but_that_of_its_invitations(chdb: Engine, tmp_path: Path) -> None:
    line: Row = {"kind": "survey_answer", "source": "s", "customer_id": "c", "survey_id": "own", "phase": "invited"}
    play(chdb, tmp_path, [{**line, "event_id": "e", "response_id": "r", "occurred_at": FIRST}])
    (row,) = rows_of(chdb, "SELECT * FROM survey_rates WHERE dimension = 'all'")

    assert (row["response_rate"], row["response_low"]) == (0, 0)
    # Wilson's upper end for 0 of 1: z² / (1 + z²).
    assert row["response_high"] == pytest.approx(Z * Z / (1 + Z * Z))
    assert (row["completion_rate"], row["abandonment_rate"], row["completion_low"]) == (None, None, None)
    assert rows_of(chdb, "SELECT * FROM survey_question_rates") == []
