"""The views of cohorts, departures, campaigns and of where customers stand, worked out a second time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from schemas.loyalty import read_loyalty
from sinks.migrate import Declared
from tests.contract.engine import Engine
from tests.oracle.cohorts import COHORT_KEY, cohorts
from tests.oracle.compare import World, unequal
from tests.oracle.departures import CAMPAIGN_KEY, campaign_value, departures
from tests.oracle.loyalty import Rules, loyalty
from tests.oracle.standing import standing
from tests.oracle.touchpoints import DAY
from tests.unit.sinks.made_up import Row, play, rows_of
from tests.unit.sinks.regulars import FIRST, Regulars

pytestmark = pytest.mark.embedded

ZONE = ZoneInfo("Asia/Kolkata")
RULES = Rules(margin=0.4, lapsed=2.5)
CUSTOMERS = 200


class Shop(NamedTuple):
    """What was made up, and what is said of its customers."""

    chdb: Engine
    world: World
    spend: list[Row]
    said: list[Row]

    def differences(self, view: str, key: tuple[str, ...], expected: list[Row]) -> list[str]:
        return list(unequal(view, key, rows_of(self.chdb, f"SELECT * FROM {view}"), expected))


def month_of(at: int) -> int:
    begins = datetime.fromtimestamp(at / 1000, ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return int(begins.timestamp() * 1000)


@pytest.fixture
def shop(chdb: Engine, tmp_path: Path) -> Shop:
    made = Regulars(7, FIRST, days=40)
    for number in range(CUSTOMERS):
        made.buys(f"c{number}", made.random.choice((0, 0, 1, 2, 3, 5)))
        made.lives(f"c{number}", CUSTOMERS)
    made.spends()
    latest = max(line["occurred_at"] for line in made.lines)
    made.add("page_view", latest, "seldom", page="/", action="invoice_viewed")
    declared = Declared(loyalty=read_loyalty("margin=0.4,lapsed=2.5"))
    world = replace(play(chdb, tmp_path, made.lines, "Asia/Kolkata", declared), views={"sentiment_shifts": []})
    spend = [line for line in made.lines if line["kind"] == "marketing_spend"]
    nobody: dict[str, float | None] = dict.fromkeys((line["event_id"] for line in made.lines), None)

    def local_day(at: int) -> int:
        return datetime.fromtimestamp(at / 1000, ZONE).toordinal()

    return Shop(chdb, world, spend, list(loyalty(world, nobody, spend, RULES, local_day)))


def test_what_becomes_of_those_who_came_in_one_month(shop: Shop) -> None:
    expected = list(cohorts(shop.world, month_of))

    assert shop.differences("cohorts", COHORT_KEY, expected) == []
    # Nothing of the above holds by there being nothing.
    assert {row["currency"] for row in expected} == {"", "EUR", "USD", "GBP"}
    assert {row["existing"] for row in expected} == {row["enough"] for row in expected} == {True, False}
    assert any(row["cohort"] is None for row in expected)
    assert any((row["months_since"] or 0) < 0 for row in expected)
    assert any(row["retention"] == 0 and row["visited"] == 0 for row in expected)
    for row in rows_of(shop.chdb, "SELECT * FROM cohorts WHERE retention IS NOT NULL"):
        assert 0 <= row["ci_low"] <= row["retention"] <= row["ci_high"] <= 1


def test_a_cohort_is_kept_count_of_in_each_month_until_now(chdb: Engine, tmp_path: Path) -> None:
    def at(day: str) -> int:
        return int(datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp() * 1000)

    def bought(customer: str, day: str, amount: int) -> Row:
        return {
            "kind": "purchase", "event_id": f"{customer}{day}", "occurred_at": at(day), "source": "s",
            "customer_id": customer, "order_id": f"{customer}{day}", "amount_minor": amount, "currency": "EUR",
        }  # fmt: skip

    def looked(customer: str, day: str) -> Row:
        view = {"kind": "page_view", "source": "s", "page": "/"}
        return {**view, "event_id": f"v{customer}{day}", "occurred_at": at(day), "customer_id": customer}

    lines = [
        bought("a", "2026-01-10", 100), bought("a", "2026-01-20", 150), bought("b", "2026-01-31", 300),
        looked("c", "2026-01-31"), looked("a", "2026-02-01"), bought("b", "2026-02-02", 700), looked("d", "2026-02-05"),
        bought("c", "2026-04-01", 50),
    ]  # fmt: skip
    play(chdb, tmp_path, lines, until=at("2026-04-15"))
    days = "toString(toDate(cohort)), toString(toDate(month))"
    columns = f"{days}, customers, visited, bought, orders, revenue_minor, retention"
    found = [list(row.values()) for row in rows_of(chdb, f"SELECT {columns} FROM cohorts ORDER BY cohort, month")]

    assert found == [
        ["2026-01-01", "2026-01-01", 2, 2, 2, 3, 550, 1],
        ["2026-01-01", "2026-02-01", 2, 2, 1, 1, 700, 0.5],
        ["2026-01-01", "2026-03-01", 2, 0, 0, 0, 0, 0],
        ["2026-01-01", "2026-04-01", 2, 0, 0, 0, 0, 0],
        ["2026-04-01", "2026-01-01", 1, 1, 0, 0, 0, None],
        ["2026-04-01", "2026-04-01", 1, 1, 1, 1, 50, 1],
        [None, "2026-02-01", 0, 1, 0, 0, 0, None],
    ]


def test_what_was_lost_with_whom_and_what_they_went_through_before(shop: Shop) -> None:
    expected = list(departures(shop.world, shop.said, RULES))

    assert shop.differences("departures", ("customer_id",), expected) == []
    # Nothing of the above holds by there being nothing.
    assert len(expected) > 10
    for name in ("bad_before", "good_before", "yearly_minor", "worst_step", "was_loyal", "nps_group"):
        assert len({row[name] for row in expected}) > 1, name


def test_what_went_before_is_of_the_last_thirty_days(chdb: Engine, tmp_path: Path) -> None:
    def ended(event: str, at: int, *, well: bool) -> Row:
        said = {"kind": "support_call", "source": "s", "phase": "ended", "resolved": well, "customer_id": "c"}
        return {**said, "event_id": event, "call_id": event, "occurred_at": at}

    def bought(day: int, action: str = "placed") -> Row:
        said = {"kind": "purchase", "source": "s", "customer_id": "c", "amount_minor": 1000, "currency": "EUR"}
        name = f"{action}-{day}"
        return {**said, "event_id": name, "order_id": f"o-{day}", "action": action, "occurred_at": FIRST + day * DAY}

    lines = [
        bought(0), bought(10), bought(20), bought(20, "refunded"),
        ended("too early", FIRST + 20 * DAY - 1, well=False),
        ended("well", FIRST + 30 * DAY, well=True),
        ended("badly", FIRST + 50 * DAY, well=False),
    ]  # fmt: skip
    play(chdb, tmp_path, lines, until=FIRST + 60 * DAY)
    assert rows_of(chdb, "SELECT * FROM departures") == []  # silent for 40 days: four times their rhythm
    play(chdb, tmp_path, lines, until=FIRST + 61 * DAY)
    (row,) = rows_of(chdb, "SELECT * FROM departures")

    assert (row["good_before"], row["bad_before"]) == (1, 2)
    assert row["bad_steps"] == ["purchase:refunded", "support_call:ended"]
    # Both weigh as much: the first of them is named.
    assert (row["worst_step"], row["worst_event_id"]) == ("purchase:refunded", "refunded-20")
    # Three days with an order, ten days apart, are less than a quarter: 2,000 in 90 days.
    assert (row["value_minor"], row["yearly_minor"]) == (2000, pytest.approx(2000 * 365 / 90))


def test_a_year_is_told_by_what_was_brought_in_a_quarter_at_least(chdb: Engine, tmp_path: Path) -> None:
    days = {"hasty": (0, 1), "weekly": tuple(range(0, 105, 7)), "once": (0,)}
    lines: list[Row] = [
        {
            "kind": "purchase", "source": "s", "customer_id": customer, "event_id": f"{customer}-{day}",
            "order_id": f"{customer}-{day}", "action": "placed", "amount_minor": 1000, "currency": "EUR",
            "occurred_at": FIRST + day * DAY,
        }
        for customer, ordered in days.items()
        for day in ordered
    ]  # fmt: skip
    play(chdb, tmp_path, lines, until=FIRST + 3000 * DAY)
    rows = {row["customer_id"]: row["yearly_minor"] for row in rows_of(chdb, "SELECT * FROM departures")}

    # Two orders on two days are no 365,000 a year. Fifteen weeks, an order each: 1,000 a week.
    assert rows == {
        "hasty": pytest.approx(2000 * 365 / 90),
        "weekly": pytest.approx(1000 * 365 / 7),
        "once": None,
    }


def test_campaigns_are_worth_what_the_customers_whom_they_brought_are(shop: Shop) -> None:
    expected = list(campaign_value(shop.world, shop.said, shop.spend, RULES))

    assert shop.differences("campaign_value", CAMPAIGN_KEY, expected) == []
    # Nothing of the above holds by there being nothing.
    assert {row["campaign"] for row in expected} == {"spring", "radio", "free", "unheard"}
    assert {row["cost_per_customer_minor"] is None for row in expected} == {True, False}
    assert {row["value_to_cost"] is None for row in expected} == {True, False}


def test_customers_stand_where_their_last_touchpoint_is_and_longer_than_others_did(shop: Shop) -> None:
    expected = list(standing(shop.world))

    assert shop.differences("standing", ("journey_id",), expected) == []
    # Nothing of the above holds by there being nothing.
    assert {row["enough"] for row in expected} == {row["stuck"] for row in expected} == {True, False}


def test_who_waits_longer_than_nine_in_ten_did_is_stuck(chdb: Engine, tmp_path: Path) -> None:
    """Of 40 others n went on after n minutes: nine in ten of them within 36.1."""
    now = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000)

    def cart(customer: str, action: str, before: timedelta) -> Row:
        said = {"kind": "cart_event", "source": "s", "customer_id": customer, "cart_id": customer, "action": action}
        at = now - before // timedelta(milliseconds=1)
        return {**said, "event_id": f"{customer}-{action}", "occurred_at": at, "value_minor": 1, "currency": "EUR"}

    lines = []
    for minutes in range(1, 41):
        lines.append(cart(f"other{minutes}", "checkout_started", timedelta(days=40)))
        lines.append(cart(f"other{minutes}", "ordered", timedelta(days=40) - timedelta(minutes=minutes)))
    lines.append(cart("waits", "checkout_started", timedelta(minutes=36)))
    lines.append(cart("stuck", "checkout_started", timedelta(minutes=37)))
    lines.append(cart("gone", "checkout_started", timedelta(days=30)))
    play(chdb, tmp_path, lines, until=now)
    found = {row["customer_id"]: row for row in rows_of(chdb, "SELECT * FROM standing")}

    assert {name: row["stuck"] for name, row in found.items()} == {"waits": False, "stuck": True}
    assert found["stuck"]["step"] == "cart_event:checkout_started"
    assert (found["stuck"]["waiting_seconds"], found["stuck"]["went_on"]) == (37 * 60, 40)
    assert found["stuck"]["usual_seconds_p50"] == 20.5 * 60
    assert found["stuck"]["usual_seconds_p90"] == pytest.approx(36.1 * 60)
