"""What the documented query on causes names leads to calls: hardly ever a step that leads nowhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.engine import Engine
from tests.oracle.false_causes import FIRST, PLANTED, SHAPES, Maker, causes_of, kind_of, measured, named
from tests.oracle.touchpoints import DAY
from tests.unit.sinks.made_up import play, rows_of
from tests.unit.sinks.test_view_causes_simulated import QUERY, row_of

SHOP = SHAPES["250 customers, 200 planted"]
NOTHING_LEADS = SHAPES["… and three in ten call again"]
SHOPS = 4


@pytest.mark.embedded
def test_the_query_names_what_is_measured(chdb: Engine, tmp_path: Path) -> None:
    play(chdb, tmp_path, Maker(SHOP, "asked").lines, until=FIRST + (SHOP.days + 30) * DAY)

    assert [row_of(row) for row in rows_of(chdb, QUERY)] == named(causes_of(SHOP, "asked"))


def test_planted_steps_are_named_and_few_that_lead_nowhere() -> None:
    found = list(measured(SHOP, map(str, range(SHOPS))))
    counts = sum((kinds for kinds, _, _ in found), Counter[str]())

    assert counts["planted"] >= 0.95 * len(PLANTED) * SHOPS
    assert counts["false"] <= SHOPS


def test_where_nothing_leads_to_calls_one_row_in_twenty_at_most_says_so() -> None:
    """Each interval is one of 95 %, of which one end is looked at; details of one step repeat each other's chance."""
    found = list(measured(NOTHING_LEADS, map(str, range(SHOPS))))

    assert sum(wrong for _, _, wrong in found) <= 0.05 * sum(judged for _, judged, _ in found)
    assert sum(judged for _, judged, _ in found) > 30 * SHOPS


def test_a_named_cause_is_told_by_what_it_is() -> None:
    (planted, _), *_ = PLANTED

    assert kind_of(planted, SHOP) == "planted"
    assert kind_of((planted[0], planted[1], "", ""), SHOP) == "seen at large"
    assert kind_of((planted[0], planted[1], "visit", "done"), SHOP) == "false"
    assert kind_of(planted, replace(SHOP, planted=0)) == "false"
    assert kind_of(("support_call:ended", False, "", ""), SHOP) == "call"
    assert kind_of(("support_call:ended", False, "", ""), replace(SHOP, again=0)) == "false"
