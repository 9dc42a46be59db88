"""Intervals of metrics hold the true value where customers answer often, and hardly widen where nobody does."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import Any

import msgspec
import pytest

from sinks.database import select
from tests.contract.engine import Engine
from tests.contract.facts_rows import PLAIN
from tests.oracle.groups import Observed, group_of, mean_interval, nps_interval, share_interval

pytestmark = pytest.mark.embedded

SURVEYS = 400
UNITS = {"nps": 1, "csat": 1, "experience": 10_000}
"""In how many parts of one a row holds an observation."""
ANSWERS: dict[str, Callable[[float], float]] = {
    "nps": lambda chance: -1 if chance < 0.2 else float(chance > 0.5),
    "csat": lambda chance: float(chance > 0.3),
    "experience": lambda chance: round(4 * chance * chance) / 2 - 1,
}
"""What is answered of a chance from 0 to 1."""
TRUTH = {
    "nps": 30.0,
    "csat": 0.7,
    # Of a square that rounds to k quarters: its root lies between those of (k - 1/2) / 4 and (k + 1/2) / 4.
    "experience": sum((k / 2 - 1) * (min(1, (k + 0.5) / 4) ** 0.5 - max(0, (k - 0.5) / 4) ** 0.5) for k in range(5)),
}


@dataclass(frozen=True)
class Shop:
    """How many customers answer, how often each, and how much alike one's answers are, from 0 to 1."""

    customers: int
    times: int
    alike: float


def surveys(metric: str, shop: Shop, often: int = 0) -> list[Observed]:
    """Make surveys up; of each the first customer answers so many times more."""
    rng = random.Random(f"{metric}/{shop}/{often}")
    chance_of, answer = NormalDist().cdf, ANSWERS[metric]
    made: list[Observed] = []
    for number in range(SURVEYS):
        observed = []
        for customer in range(shop.customers):
            mood = rng.gauss() * shop.alike**0.5
            for _ in range(shop.times + (0 if customer else often)):
                chance = chance_of(mood + rng.gauss() * (1 - shop.alike) ** 0.5)
                observed.append((f"{number}/{customer}", answer(chance)))
        made.append(observed)
    return made


def stored(chdb: Engine, metric: str, made: list[Observed], *, grouped: bool = True) -> list[tuple[Any, Any]]:
    """Store the surveys, each as one of a dimension; return the intervals that the view gives.

    Args:
        grouped: whether groups of customers are stored; without them the view takes all observations for independent.
    """
    rows = []
    for number, observed in enumerate(made):
        groups: dict[int, list[int]] = defaultdict(list)
        for customer, value in observed:
            groups[group_of(customer)].append(round(value * UNITS[metric]))
        values = [value for group in groups.values() for value in group]
        kept = sorted(groups) if grouped else []
        row = msgspec.structs.replace(
            PLAIN["metric_buckets"],
            metric=metric,
            dimension_value=f"{number:04}",
            n=len(values),
            numerator=sum(values),
            squares=sum(value * value for value in values),
            groups=kept,
            group_counts=[len(groups[group]) for group in kept],
            group_sums=[sum(groups[group]) for group in kept],
        )
        rows.append(msgspec.structs.astuple(row))
    chdb.write("metric_buckets", rows)
    sql = "SELECT ci_low, ci_high FROM rolling_metrics WHERE grain = '1d' ORDER BY dimension_value"
    return [(low, high) for low, high in select(chdb, sql)]


@pytest.mark.parametrize("metric", UNITS)
@pytest.mark.parametrize("shop", [Shop(8, 3, 0.6), Shop(30, 3, 0.3), Shop(30, 10, 0.9), Shop(100, 4, 0.6)], ids=str)
def test_an_interval_holds_the_true_value_where_customers_answer_often(chdb: Engine, metric: str, shop: Shop) -> None:
    found = stored(chdb, metric, surveys(metric, shop))

    assert sum(low <= TRUTH[metric] <= high for low, high in found) / SURVEYS >= 0.93


@pytest.mark.parametrize("metric", UNITS)
def test_it_does_where_one_customer_gives_a_fifth_of_all_answers(chdb: Engine, metric: str) -> None:
    found = stored(chdb, metric, surveys(metric, Shop(40, 1, 0.9), often=9))

    assert sum(low <= TRUTH[metric] <= high for low, high in found) / SURVEYS >= 0.93


@pytest.mark.parametrize("metric", UNITS)
@pytest.mark.parametrize("customers", [10, 30, 300])
def test_it_hardly_widens_where_nobody_answers_twice(chdb: Engine, metric: str, customers: int) -> None:
    made = surveys(metric, Shop(customers, 1, 0.5))
    wide = [high - low for low, high in stored(chdb, metric, made)]
    chdb.execute("ALTER TABLE touchline.metric_buckets_rows DELETE WHERE 1 SETTINGS mutations_sync = 2")
    narrow = [high - low for low, high in stored(chdb, metric, made, grouped=False)]

    assert 1 <= fmean(wide) / fmean(narrow) < 1.04


@pytest.mark.parametrize(
    ("metric", "interval"), [("nps", nps_interval), ("csat", share_interval), ("experience", mean_interval)]
)
def test_it_is_that_of_observations_and_whose_they_are(
    chdb: Engine, metric: str, interval: Callable[[Observed], tuple[float, float] | None]
) -> None:
    made = [
        *surveys(metric, Shop(300, 3, 0.6))[:10],
        *surveys(metric, Shop(6, 2, 0.6), often=5)[:30],
        *surveys(metric, Shop(20, 1, 0.6))[:10],
        [("one", 1.0)] * 3,
        [("one", 1.0), ("one", 0.0)],
        [("one", 1.0), ("one", 1.0), ("two", 1.0)],
        [("one", 1.0)] * 9,
        [(name, 1.0) for name in ("one", "two", "three", "four", "five", "six")] * 2,
    ]

    for found, observed in zip(stored(chdb, metric, made), made, strict=True):
        assert found == pytest.approx(interval(observed) or (None, None), abs=1e-7)


def test_the_second_computation_counts_one_answer_a_customer_where_all_say_the_same() -> None:
    # By hand: Wilson's interval of one of one.
    assert share_interval([("one", 1.0)] * 9) == pytest.approx((1 / (1 + 1.959963984540054**2), 1))
