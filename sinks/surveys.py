"""Stores the questions of questionnaires, which the views of surveys look up; every `touchline migrate` does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

from schemas.surveys import Survey
from sinks.database import Database, select
from sinks.literals import quoted
from sinks.tables import DATABASE

ROWS_AT_ONCE = 50
"""A statement's length has a limit."""

_Row = tuple[str, str, int, str, str, str, str, int, str]


def store_surveys(database: Database, surveys: Sequence[Survey]) -> str:
    """Store the questions of questionnaires, unless they are there; return the digest under which they are.

    Raises:
        TransientWriteError: the database is out of reach.
        PermanentWriteError: the database refused a statement.
    """
    rows = [row for survey in surveys for row in _rows(survey)]
    digest = hashlib.sha256(repr(rows).encode()).hexdigest()[:16]
    found = select(
        database,
        "SELECT toString(count()) FROM survey_questions_rows FINAL WHERE digest = {digest:String}",
        {"digest": digest},
    )
    if found != [[str(len(rows))]]:
        for start in range(0, len(rows), ROWS_AT_ONCE):
            _insert(database, digest, rows[start : start + ROWS_AT_ONCE])
    return digest


def _rows(survey: Survey) -> Iterator[_Row]:
    for place, question in enumerate(survey.question, start=1):
        scale = survey.scale_of(question)
        bounds = ("", "", 1, "{}")
        if scale is not None:
            answers = json.dumps(scale.answers)
            bounds = (str(scale.scale_min), str(scale.scale_max), int(scale.higher_is_better), answers)
        yield (survey.id, question.id, place, question.kind, question.text, *bounds)


def _insert(database: Database, digest: str, rows: Sequence[_Row]) -> None:
    literals = ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)
    others = ", ".join(f"row.{place}" for place in range(2, len(rows[0]) + 1))
    database.execute(
        f"INSERT INTO {DATABASE}.survey_questions_rows (digest, survey_id, question_id, place, kind, text, scale_min, "
        f"scale_max, higher_is_better, answers) SELECT '{digest}', (arrayJoin([{literals}]) AS row).1, {others}"
    )


def _literal(value: object) -> str:
    return quoted(value) if isinstance(value, str) else str(value)
