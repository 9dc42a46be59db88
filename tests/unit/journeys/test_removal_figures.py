"""What is left after removals is what an oracle works out from the lines that stay: every row of every view."""

from __future__ import annotations

import json
import random
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import msgspec
import pytest

from schemas.avro.jsonl import parse_line
from schemas.kinds.touchpoint import Touchpoint
from streams.intake.accept import Source, accept
from streams.journeys import step_limits
from streams.sentiment import VaderScorer
from tests.contract.engine import Engine
from tests.integration.kept import VIEWS
from tests.oracle.compare import differences
from tests.oracle.nasty import Nasty
from tests.oracle.owners import CUSTOMER, identities
from tests.oracle.touchpoints import moment
from tests.simulation import arrivals as simulated
from tests.simulation.arrivals import DAY, HOUR
from tests.simulation.journeys_log import process_with_crashes
from tests.unit.journeys.test_removal import arrivals, log_of

pytestmark = pytest.mark.embedded

RULES = replace(simulated.RULES, moved_ms=3 * DAY)
NOW = 20_000 * DAY
LIMITS: list[dict[str, int]] = [
    {},
    {"AT_ONCE": -1, "PAID": 3, "STEP_WORK": 5, "DISPLACED_MS": 9 * HOUR, "CHECKPOINT_BEFORE": 1},
]
"""As they are, and so low that short histories meet them."""


def accepted(lines: list[dict[str, Any]]) -> list[Touchpoint]:
    """Return the touchpoints of lines in the order of their times, without repeats."""
    found: dict[str, Touchpoint] = {}
    scorer = VaderScorer()
    for number, line in enumerate(lines):
        kind, record = parse_line(json.dumps(line).encode())
        made = accept(kind, record, Source(0, "test", 0, number, NOW), now=NOW, scorer=scorer)
        assert isinstance(made, Touchpoint)
        found.setdefault(made.event_id, made)
    return sorted(found.values(), key=lambda one: one.occurred_at)


def rows_of(chdb: Engine, view: str) -> list[dict[str, Any]]:
    told = chdb.query(f"SELECT * FROM {view}", output_format="JSONEachRow")
    return [msgspec.json.decode(line) for line in told.splitlines()]


def of_one_name(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line that links nothing: of all that it states of who it is, the strongest is left.

    One that states nobody, as the brand's answers may, is none: here is no IDENTITY that says whose it is.
    """
    kind, value = identities(line)[0]
    return (
        {**line, "customer_id": value, "identifiers": {}}
        if kind == CUSTOMER
        else {**line, "customer_id": None, "identifiers": {kind: value}}
    )


@pytest.mark.parametrize(("seed", "changed"), list(enumerate(LIMITS)), ids=["usual limits", "low limits"])
def test_every_row_is_what_the_lines_that_stay_hold(chdb: Engine, seed: int, changed: dict[str, int]) -> None:
    lines = [of_one_name(line) for line in Nasty(seed=seed, now=NOW).lines() if identities(line)]
    arrived, stay = arrivals(accepted(lines), seed, shares=(0.4,))
    with ExitStack() as stack:
        for name, value in changed.items():
            stack.enter_context(patch.object(step_limits, name, value))
        tables = process_with_crashes(log_of(arrived, random.Random(seed).choice((0, HOUR))), RULES, seed, crashes=20)
    for table, rows in tables.rows.items():
        chdb.write(table, [tuple(row.values()) for row in rows.values()])

    views = {view: rows_of(chdb, view) for view in VIEWS}
    kept = {one.event_id for one in stay}
    for view, shown in views.items():
        # The rows of touchpoints that left are another timeline's.
        views[view] = [row for row in shown if row.get("event_id", "") in {"", *kept}]
    left = [line for line in lines if line["event_id"] in kept]
    (clock,) = rows_of(chdb, "clocks")

    assert differences(left, views, moment(clock["time"]) or 0)[:20] == []
    assert 0.4 < len(kept) / len(accepted(lines)) < 0.9
    assert {row["subject"] for row in views["abandonments"]} == {"cart", "checkout", "call", "hold", "survey"}
