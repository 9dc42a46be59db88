"""The report's queries on who comes back, campaigns and who is stuck run on real tables; the figures are by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.contract.engine import Engine
from tests.oracle.touchpoints import DAY, HOUR
from tests.unit.sinks.made_up import MadeUp, play
from touchline.report.value import Buyers, Campaign, Cohort, Stuck, Value, Worth
from touchline.report.value_queries import read_value

pytestmark = pytest.mark.embedded

FIRST = int(datetime(2026, 1, 3, tzinfo=UTC).timestamp() * 1000)
FEBRUARY = int(datetime(2026, 2, 2, tzinfo=UTC).timestamp() * 1000)
MARCH = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp() * 1000)


def told(chdb: Engine, folder: Path, shop: MadeUp, until: int, last: int) -> Value:
    """Play a shop until a time, and ask as of its last touchpoint."""
    play(chdb, folder, shop.lines, until=until, time_zone="Asia/Tokyo")

    def ask(sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        lines = chdb.query(sql, parameters, "JSONEachRow").splitlines()
        return [msgspec.json.decode(line, type=dict[str, Any]) for line in lines]

    return read_value(ask, last)


def order(shop: MadeUp, at: int, customer: str, amount: int, currency: str = "EUR", campaign: str = "") -> None:
    shop.add(
        "purchase", at, customer, order_id=f"{customer}-{at}", amount_minor=amount, currency=currency,
        attributes={"campaign": campaign} if campaign else None,
    )  # fmt: skip


def test_cohorts_end_with_the_data_and_buyers_are_those_of_the_last_month(chdb: Engine, tmp_path: Path) -> None:
    """Asked a year later: four bought first in January, one in February, when three of the four came back."""
    shop = MadeUp(seed=1, first=FIRST, days=1)
    for name in "abcd":
        order(shop, FIRST, name, 1000)
    for name in "abc":
        order(shop, FEBRUARY, name, 500)
    order(shop, FEBRUARY, "e", 700)
    order(shop, MARCH, "a", 900)
    order(shop, MARCH, "f", 800, "USD")
    for number in range(3):
        shop.add("page_view", MARCH, f"looks{number}", page="/")

    value = told(chdb, tmp_path, shop, MARCH + 365 * DAY, MARCH)

    assert value.returning.cohorts == [
        Cohort("Mar 2026", "USD", 1, []),
        Cohort("Feb 2026", "EUR", 1, [0.0]),
        Cohort("Jan 2026", "EUR", 4, [0.75, 0.25]),
    ]
    assert value.returning.month == "Mar 2026"
    # Of the others only `a` looked or bought in March; `f` and three who bought nothing were new.
    assert value.returning.existing == Buyers(looked=1, bought=1, revenue={"EUR": 900})
    assert value.returning.new == Buyers(looked=4, bought=1, revenue={"USD": 800})
    assert value.stuck == []
    assert value.worth_most == []


def test_a_campaign_is_told_with_what_those_have_spent_whom_it_brought(chdb: Engine, tmp_path: Path) -> None:
    shop = MadeUp(seed=1, first=FIRST, days=1)
    spend = {"kind": "marketing_spend", "source": "s", "currency": "EUR"}
    for name, amount in (("dear", 5000), ("cheap", 1000)):
        line = {"event_id": name, "occurred_at": FIRST, "spend_id": name, "campaign": name, "amount_minor": amount}
        shop.lines.append({**spend, **line, "period_start": FIRST, "period_end": FIRST + DAY})
    order(shop, FIRST + DAY, "a", 2000, campaign="dear")
    order(shop, FIRST + 2 * DAY, "a", 500)
    order(shop, FIRST + DAY, "b", 3000, campaign="cheap")
    order(shop, FIRST + DAY, "c", 100, "USD", campaign="free")

    value = told(chdb, tmp_path, shop, FIRST + 9 * DAY, FIRST + 2 * DAY)

    assert value.campaigns == [
        Campaign("dear", "EUR", 5000, 1, 2500.0, 0.5),
        Campaign("cheap", "EUR", 1000, 1, 3000.0, 3.0),
        Campaign("free", "USD", 0, 1, 100.0, None),
    ]


def test_who_stands_longer_than_nine_in_ten_is_stuck_and_named_by_what_they_have_bought(
    chdb: Engine, tmp_path: Path
) -> None:
    """Forty opened a case and were answered an hour later; of three who wait, two have waited for a day and more."""
    shop = MadeUp(seed=1, first=FIRST, days=1)
    until = FIRST + 9 * DAY

    def case(customer: str, at: int, phase: str, by: str) -> None:
        shop.add("case_event", at, customer, case_id=f"t{customer}", phase=phase, by=by)

    for number in range(40):
        case(f"went{number}", FIRST, "opened", "customer")
        case(f"went{number}", FIRST + HOUR, "updated", "agent")
    for name, waits in (("poor", DAY), ("rich", 3 * DAY), ("fresh", HOUR // 2)):
        order(shop, until - 5 * DAY, name, {"rich": 900, "poor": 100, "fresh": 5000}[name])
        case(name, until - waits, "opened", "customer")

    value = told(chdb, tmp_path, shop, until, until)

    assert value.stuck == [Stuck("case_event", "opened", 3, 2, usual=3600.0, longest=3 * 86_400.0)]
    assert value.worth_most == [Worth("rich", 900, "EUR"), Worth("poor", 100, "EUR")]
