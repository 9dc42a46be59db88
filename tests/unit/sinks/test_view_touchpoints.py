"""Which of several rows of one touchpoint the views show, and what marks it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations

import msgspec
import pytest

from schemas.rows import TouchpointRow
from sinks.database import select
from tests.contract.engine import Engine
from tests.unit.journeys.play import DAY, Play, changed, order, played, seen_page
from tests.unit.sinks.views import write

pytestmark = pytest.mark.embedded


def rows_of(play: Play, event_id: str) -> list[TouchpointRow]:
    """Return all rows that a touchpoint was given, in the order in which they came."""
    rows = [row for output in play.outputs for row in output.facts["touchpoints"] if isinstance(row, TouchpointRow)]
    return [row for row in rows if row.event_id == event_id]


def test_of_late_rows_with_one_event_id_the_first_that_came_is_shown(chdb: Engine) -> None:
    first = order(6 * DAY, 100)
    others = [changed(first, amount_minor=amount, fingerprint=amount) for amount in (200, 300)]
    rows = rows_of(played([seen_page(0)], until=10 * DAY).send(first, *others), first.event_id)

    assert len(rows) == 3
    for stored in permutations(rows):
        assert shown(chdb, stored) == [[100]]


def test_a_row_that_counts_is_shown_whatever_came_late_before_or_after(chdb: Engine) -> None:
    counted = order(0, 50)
    late = [changed(counted, amount_minor=amount, fingerprint=amount) for amount in (200, 300)]
    # A later touchpoint lets the first one, which then is past the allowed lateness, be folded: its id is forgotten.
    play = Play().send(counted).at(10 * DAY).send(seen_page(10 * DAY)).send(*late)
    rows = rows_of(play, counted.event_id)

    assert len(rows) == 3
    for stored in permutations(rows):
        assert shown(chdb, stored) == [[50]]


def shown(chdb: Engine, rows: Iterable[TouchpointRow]) -> list[list[object]]:
    """Return the amounts in the view after the rows were stored in this order, alone."""
    chdb.execute("TRUNCATE TABLE touchline.touchpoints_rows")
    for row in rows:
        chdb.write("touchpoints", [msgspec.structs.astuple(row)])
    return [list(row) for row in select(chdb, "SELECT value_minor FROM touchpoints")]


def test_a_touchpoint_is_superseded_until_that_is_taken_back(chdb: Engine) -> None:
    write(chdb, "touchpoints")
    write(chdb, "touchpoints", event_id="e2")
    write(chdb, "touchpoints", customer_id="c2", stated_key="c2")
    sql = "SELECT customer_id, event_id FROM touchpoints WHERE superseded"
    seen = [select(chdb, sql)]

    write(chdb, "superseded", version=1)
    seen.append(select(chdb, sql))
    write(chdb, "superseded", version=2, deleted=True)
    seen.append(select(chdb, sql))

    assert seen == [[], [["c1", "e1"]], []]


def test_a_touchpoint_ahead_of_its_receipt_says_so(chdb: Engine) -> None:
    write(chdb, "touchpoints", ahead=True)

    assert select(chdb, "SELECT ahead, superseded FROM touchpoints") == [[True, False]]
