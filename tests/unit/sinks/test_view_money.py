"""Money in the views is never added across currencies, with figures worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from sinks.database import select
from sinks.migrate import migrate
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1
from tests.unit.sinks.views import write

pytestmark = pytest.mark.embedded


def earn(chdb: Engine, currency: str, amount: int, metric: str = "revenue", **changes: Any) -> None:
    """Store one purchase as the workers do: its buckets by dimension, and the currency."""
    sums = {"metric": metric, "numerator": amount, "squares": 0, "currency": currency, **changes}
    for dimension, value in (("all", ""), ("channel", "web"), ("region", "eu"), ("currency", currency)):
        write(chdb, "metric_buckets", dimension=dimension, dimension_value=value, **sums)
    write(chdb, "currencies", currency=currency)


def shown(chdb: Engine, metric: str = "revenue", grain: str = "1d") -> dict[tuple[str, str], list[object]]:
    """Return n, numerator and value by dimension and its value."""
    sql = (
        "SELECT dimension, dimension_value, n, numerator, value FROM rolling_metrics "
        f"WHERE metric = '{metric}' AND grain = '{grain}'"
    )
    return {(str(row[0]), str(row[1])): row[2:] for row in select(chdb, sql)}


@pytest.mark.parametrize("grain", ["1m", "1h", "1d"])
@pytest.mark.parametrize("metric", ["revenue", "refunds"])
def test_one_currency_is_the_businesss_own_without_a_setting(chdb: Engine, metric: str, grain: str) -> None:
    earn(chdb, "USD", 1_000, metric)
    earn(chdb, "USD", 500, metric, partition=1)

    assert shown(chdb, metric, grain) == {
        ("all", ""): [2, 1500, 1500],
        ("channel", "web"): [2, 1500, 1500],
        ("region", "eu"): [2, 1500, 1500],
        ("currency", "USD"): [2, 1500, 1500],
    }


@pytest.mark.parametrize("grain", ["1m", "1h", "1d"])
@pytest.mark.parametrize("metric", ["revenue", "refunds"])
def test_of_several_currencies_without_a_setting_the_sum_is_null(chdb: Engine, metric: str, grain: str) -> None:
    earn(chdb, "EUR", 1_000, metric)
    earn(chdb, "USD", 500, metric)

    rows = shown(chdb, metric, grain)

    assert {key: row[1:] for key, row in rows.items()} == {
        ("all", ""): [None, None],
        ("channel", "web"): [None, None],
        ("region", "eu"): [None, None],
        ("currency", "EUR"): [1000, 1000],
        ("currency", "USD"): [500, 500],
    }


def test_a_day_of_one_currency_is_null_too_where_other_days_have_another(chdb: Engine) -> None:
    earn(chdb, "EUR", 1_000)
    earn(chdb, "USD", 500, bucket=MAY_1 + 86_400_000)

    values = select(chdb, "SELECT value FROM rolling_metrics WHERE dimension = 'all' AND grain = '1d'")

    assert values == [[None], [None]]


@pytest.mark.parametrize("grain", ["1m", "1h", "1d"])
@pytest.mark.parametrize("metric", ["revenue", "refunds"])
def test_with_a_setting_only_the_businesss_own_currency_counts(chdb: Engine, metric: str, grain: str) -> None:
    migrate(chdb, currency="EUR")
    earn(chdb, "EUR", 1_000, metric)
    earn(chdb, "USD", 500, metric)

    assert shown(chdb, metric, grain) == {
        ("all", ""): [1, 1000, 1000],
        ("channel", "web"): [1, 1000, 1000],
        ("region", "eu"): [1, 1000, 1000],
        ("currency", "EUR"): [1, 1000, 1000],
        ("currency", "USD"): [1, 500, 500],
    }


def test_money_in_other_currencies_alone_is_not_the_businesss(chdb: Engine) -> None:
    migrate(chdb, currency="EUR")
    earn(chdb, "USD", 500)

    assert shown(chdb) == {("currency", "USD"): [1, 500, 500]}


def test_the_setting_may_change_and_be_taken_away(chdb: Engine) -> None:
    earn(chdb, "EUR", 1_000)
    earn(chdb, "USD", 500)
    seen = []

    for currency in ("EUR", "USD", ""):
        migrate(chdb, currency=currency)
        seen.append(shown(chdb)["all", ""][2])

    assert seen == [1000, 500, None]


def test_orders_count_whatever_their_currency(chdb: Engine) -> None:
    for currency in ("EUR", "USD"):
        write(chdb, "currencies", currency=currency)
    sums = {"metric": "orders", "n": 2, "numerator": 2, "squares": 0}
    write(chdb, "metric_buckets", **sums)
    for currency in ("EUR", "USD"):
        write(
            chdb,
            "metric_buckets",
            **{**sums, "n": 1, "numerator": 1, "dimension": "currency", "dimension_value": currency},
        )

    assert shown(chdb, "orders") == {
        ("all", ""): [2, 2, 2],
        ("currency", "EUR"): [1, 1, 1],
        ("currency", "USD"): [1, 1, 1],
    }


def test_other_metrics_are_no_matter_of_currencies(chdb: Engine) -> None:
    for currency in ("EUR", "USD"):
        write(chdb, "currencies", currency=currency)
    write(chdb, "metric_buckets")

    assert shown(chdb, "nps")["all", ""] == [1, 1, 100]
