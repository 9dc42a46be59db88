"""What customers wrote is read from the tables, with the stars and scores beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sinks.statement import reading_statement
from tests.contract.engine import Engine
from tests.unit.sinks.made_up import MadeUp, play
from touchline.labelled_texts import read_json_lines
from touchline.stored_texts import TEXTS

pytestmark = pytest.mark.embedded

FIRST = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1000)


def test_the_customers_own_texts_are_read_the_newest_first(chdb: Engine, tmp_path: Path) -> None:
    shop = MadeUp(seed=1, first=FIRST, days=1)
    answer = {"survey_id": "s", "phase": "answered", "response_id": "r"}
    shop.add("tweet", FIRST, "k", post_id="p", text="three stars", lang="en", rating=3)
    shop.add("tweet", FIRST + 1, "k", post_id="q", text="no stars")
    shop.add("tweet", FIRST + 2, "k", post_id="b", text="the brand's", author="brand")
    shop.add("case_event", FIRST + 3, "k", case_id="c", phase="opened", by="customer", text="my case")
    shop.add("case_event", FIRST + 4, "k", case_id="c", phase="updated", by="agent", text="the agent's")
    shop.add("survey_answer", FIRST + 5, "k", question_id="1", question_kind="nps", score=2, **answer)
    shop.add("survey_answer", FIRST + 6, "k", question_id="2", question_kind="text", text="beside a two", **answer)
    shop.add("survey_answer", FIRST + 7, "o", question_id="2", question_kind="text", text="beside nothing", **answer)
    play(chdb, tmp_path, shop.lines)

    sql, _ = reading_statement(TEXTS)
    found = read_json_lines(chdb.query(sql, output_format="JSONEachRow").splitlines())

    assert [(each.text, each.lang or None, each.label) for each in found.examples] == [
        ("beside nothing", None, None),
        ("beside a two", None, -1),
        ("my case", None, None),
        ("no stars", None, None),
        ("three stars", "en", 0),
    ]
    assert found.bad == []
