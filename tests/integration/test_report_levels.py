"""The report's queries on what is not as usual run on real tables; what they find is planted and worked out by hand."""

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
from touchline.report.levels import Levels
from touchline.report.levels_queries import read_levels

pytestmark = pytest.mark.embedded

FIRST = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1000)
DAYS = 80
DROP = 63
"""The day from which on there is one order a day, and no longer four."""


@pytest.fixture
def asked(chdb: Engine, tmp_path: Path) -> Mapping[int, Levels]:
    """Play eleven weeks, and ask on the last day before the drop and on the last of all, both a month later."""
    shop = MadeUp(seed=1, first=FIRST, days=1)
    for day in range(DAYS):
        for number in range(4 if day < DROP else 1):
            at = FIRST + day * DAY + (9 + number) * HOUR
            order = f"{day}-{number}"
            shop.add("purchase", at, f"c{order}", order_id=order, amount_minor=1000 * (number + 1), currency="EUR")
    play(chdb, tmp_path, shop.lines, until=FIRST + (DAYS + 30) * DAY)

    def ask(sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        lines = chdb.query(sql, parameters, "JSONEachRow").splitlines()
        return [msgspec.json.decode(line, type=dict[str, Any]) for line in lines]

    return {day: read_levels(ask, FIRST + day * DAY - HOUR) for day in (DROP, DAYS)}


def test_a_drop_is_told_from_its_day_on_with_what_was_usual_and_not_before(asked: Mapping[int, Levels]) -> None:
    assert asked[DROP].odd == []

    orders = next(one for one in asked[DAYS].odd if one.metric == "orders")
    assert (orders.level, orders.ended_at, orders.currency) == ("worse", None, "")
    # It begins after the last order that came as ever, at noon of the day before.
    assert FIRST + (DROP - 1) * DAY + 12 * HOUR <= orders.since <= FIRST + DROP * DAY + 10 * HOUR
    # Of its days the first had four orders, and each other one.
    assert orders.value == pytest.approx((4 + DAYS - DROP) / (1 + DAYS - DROP))
    assert orders.usual is not None
    assert 3 < orders.usual < 4.2
    assert orders.days == [4.0] * (28 - (DAYS - DROP)) + [1.0] * (DAYS - DROP)


def test_money_is_told_by_currency(asked: Mapping[int, Levels]) -> None:
    (revenue,) = [one for one in asked[DAYS].odd if one.metric == "revenue"]

    assert revenue.currency == "EUR"
    assert revenue.days[-1] == 1000
    assert revenue.days[0] == 1000 + 2000 + 3000 + 4000


def test_every_metric_with_observations_is_counted_once(asked: Mapping[int, Levels]) -> None:
    before, after = asked[DROP], asked[DAYS]

    assert (before.as_usual, before.unknown) == (2, 0)
    assert (after.as_usual, after.unknown, len(after.odd)) == (0, 0, 2)
