"""The report's queries on why customers call and leave run on real tables; what they find is worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.contract.engine import Engine
from tests.oracle.touchpoints import DAY, HOUR, MINUTE
from tests.unit.sinks.made_up import MadeUp, play
from touchline.report.reasons import Reasons
from touchline.report.reasons_queries import read_reasons

pytestmark = pytest.mark.embedded

FIRST = int(datetime(2026, 1, 3, tzinfo=UTC).timestamp() * 1000)
LAST = FIRST + 40 * DAY


@pytest.fixture
def reasons(chdb: Engine, tmp_path: Path) -> Reasons:
    """Ask on day 40 of the data, which a database has that is asked a year later."""
    shop = MadeUp(seed=1, first=FIRST, days=1)
    for number in range(80):
        visit = {"visit": "failed" if number < 40 else "done"}
        shop.add("case_event", FIRST, f"v{number}", case_id=f"t{number}", phase="updated", by="agent", attributes=visit)
        if number < 30 or number > 77:
            for place, phase in enumerate(("queued", "answered", "ended")):
                at = FIRST + DAY + place * MINUTE
                shop.add("support_call", at, f"v{number}", call_id=f"k{number}", phase=phase, agent_id="mara")
    # Bought 6 days apart. On day 40 silent for 10 days; for 15, more than twice as long; for 28, more than four times.
    for customer, last in (("loyal", 30), ("silent", 25), ("left", 12)):
        for day in (last - 12, last - 6, last):
            order = f"{customer}-{day}"
            shop.add("purchase", FIRST + day * DAY, customer, order_id=order, amount_minor=1000, currency="EUR")
    shop.add("page_view", FIRST + 12 * DAY + HOUR, "left", page="/", ok=False)
    shop.add("page_view", LAST, "nobody", page="/")
    play(chdb, tmp_path, shop.lines, until=LAST + 365 * DAY)

    def ask(sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        lines = chdb.query(sql, parameters, "JSONEachRow").splitlines()
        return [msgspec.json.decode(line, type=dict[str, Any]) for line in lines]

    return read_reasons(ask, LAST)


def test_a_botched_visit_is_why_customers_call(reasons: Reasons) -> None:
    first = reasons.causes.first[0]

    assert (first.kind, first.action, first.detail, first.value) == ("case_event", "updated", "visit", "failed")
    # 30 of 40 called, of 43 days of others (three are buyers' first) 2. A call took a minute.
    assert (first.days, first.called) == (40, 30)
    assert first.more == pytest.approx(30 - 40 * 2 / 43)
    assert first.seconds == pytest.approx(60 * (30 - 40 * 2 / 43))


def test_the_loyal_are_told_as_they_were_at_the_last_touchpoint(reasons: Reasons) -> None:
    loyalty = reasons.loyalty

    assert (loyalty.loyal, loyalty.at_risk) == (2, 1)
    assert [(one.customer_id, one.reasons, one.value_minor) for one in loyalty.first] == [
        ("silent", ["at_risk"], 3000),
    ]
    assert not loyalty.is_of_today  # the views are asked a year later


def test_who_left_by_then_is_told_with_what_was_bad(reasons: Reasons) -> None:
    left = reasons.left

    assert (left.customers, left.loyal, left.value_minor) == (1, 1, {"EUR": 3000})
    assert (left.bad, left.other_steps, left.is_of_today) == ([("page_view", "view", 1)], 0, False)
