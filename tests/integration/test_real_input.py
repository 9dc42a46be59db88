"""Real data through the whole pipeline: a shop's purchases to the cent, an airline's tweets to the letter."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.integration import kept

pytestmark = pytest.mark.embedded

TWEETS = Path(__file__).parents[3] / "shared" / "data" / "airline_tweets.csv"
NOON_MS = 12 * 3_600_000
DAY_MS = 86_400_000


class Sale(NamedTuple):
    """A line of the purchases' file; `at` is in ms since the year 1."""

    customer: str
    day: str
    at: int
    cents: int


def cdnow() -> Path:
    """Return the file that the package `lifetimes` carries, or skip; in CI, fail."""
    spec = find_spec("lifetimes")
    if spec is None or not spec.submodule_search_locations:
        reason = "the data is not installed: pip install --no-deps lifetimes"
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return Path(spec.submodule_search_locations[0]) / "datasets" / "CDNOW_master.txt"


def sales(file: Path) -> Iterator[Sale]:
    """Give the file's purchases; within a day they are a millisecond apart."""
    places = Counter[str]()
    for line in file.read_text().splitlines()[1:]:
        customer, digits, _discs, dollars = line.split()
        day = f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"
        yield Sale(
            customer,
            day,
            date.fromisoformat(day).toordinal() * DAY_MS + NOON_MS + places[day],
            int(Decimal(dollars) * 100),
        )
        places[day] += 1


def example(name: str, *arguments: object) -> None:
    command = [sys.executable, "-m", f"examples.{name}", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, timeout=kept.PATIENCE_S)


def placed(bought: list[Sale]) -> int:
    """Return how many orders they are: one of nothing is a cancelled one, as the contract has it."""
    return sum(sale.cents > 0 for sale in bought)


class Shop(NamedTuple):
    """The purchases of each customer in order, and their rows in the database."""

    customers: dict[str, list[Sale]]
    views: dict[str, list[dict[str, Any]]]

    @property
    def all(self) -> list[Sale]:
        """All purchases."""
        return [sale for sales in self.customers.values() for sale in sales]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("cdnow")
    customers = defaultdict[str, list[Sale]](list)
    for sale in sorted(sales(cdnow()), key=lambda sale: sale.at):
        customers[sale.customer].append(sale)
    example("cdnow", "--out", folder / "cdnow.jsonl")
    kept.demo(folder / "kept", folder / "cdnow.jsonl")
    views = kept.rows(folder / "kept", "touchpoints", "customers", "journeys", "rolling_metrics")
    return Shop(dict(customers), views)


def test_every_purchase_is_a_touchpoint_of_its_customer(shop: Shop) -> None:
    assert (len(shop.all), len(shop.customers)) == (69_659, 23_570)
    found = Counter(
        (row["customer_id"], row["occurred_at"][:10], row["value_minor"]) for row in shop.views["touchpoints"]
    )
    assert found == Counter((sale.customer, sale.day, sale.cents) for sale in shop.all)
    assert len({row["event_id"] for row in shop.views["touchpoints"]}) == len(shop.all)
    assert {(row["kind"], row["action"], row["currency"]) for row in shop.views["touchpoints"]} == {
        ("purchase", "placed", "USD")
    }


def test_every_customer_has_bought_and_spent_what_the_file_says(shop: Shop) -> None:
    parts = ("touchpoints", "purchases", "spend_minor", "refunded_minor")
    found = {row["customer_id"]: tuple(row[part] for part in parts) for row in shop.views["customers"]}

    assert found == {
        name: (len(bought), placed(bought), sum(sale.cents for sale in bought), 0)
        for name, bought in shop.customers.items()
    }


def test_journeys_are_cut_where_a_customer_was_silent_for_thirty_days(shop: Shop) -> None:
    expected: dict[str, tuple[str, str, int, int, str]] = {}
    for name, bought in shop.customers.items():
        cuts = [0, *(i for i in range(1, len(bought)) if bought[i].at - bought[i - 1].at >= 30 * DAY_MS), len(bought)]
        for number, (begin, end) in enumerate(pairwise(cuts), 1):
            part = bought[begin:end]
            cents = sum(sale.cents for sale in part)
            outcome = "purchased" if placed(part) else "visited"
            expected[f"{name}#{number}"] = (part[0].day, part[-1].day, placed(part), cents, outcome)

    assert {
        row["journey_id"]: (
            row["started_at"][:10],
            row["last_touch_at"][:10],
            row["purchases"],
            row["revenue_minor"],
            row["outcome"],
        )
        for row in shop.views["journeys"]
    } == expected


@pytest.mark.parametrize("dimension", ["all", "currency", "channel", "product"])
def test_each_days_orders_and_revenue_are_the_files(shop: Shop, dimension: str) -> None:
    count, cents = Counter[str](), Counter[str]()
    for sale in shop.all:
        count[sale.day] += placed([sale])
        cents[sale.day] += sale.cents
    found = {
        (row["metric"], row["bucket"][:10]): (row["n"], row["value"])
        for row in shop.views["rolling_metrics"]
        if row["grain"] == "1d" and row["dimension"] == dimension
    }

    orders = {("orders", day): (n, n) for day, n in count.items()}
    assert found == orders | {("revenue", day): (n, cents[day]) for day, n in count.items()}


def test_every_tweet_is_its_authors_to_the_letter(tmp_path: Path) -> None:
    if not TWEETS.exists():
        pytest.skip(f"the airline tweets are not part of the project, nor beside it: {TWEETS}")
    with TWEETS.open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    example("airline_tweets", "--input", TWEETS, "--out", tmp_path / "tweets.jsonl")

    kept.demo(tmp_path / "kept", tmp_path / "tweets.jsonl")

    views = kept.rows(tmp_path / "kept", "touchpoints", "customers")
    authors = Counter(f"anon:twitter:{row['name'].lower()}" for row in written)
    assert Counter(row["kind"] for row in views["touchpoints"]) == {"tweet": len(written)}
    assert Counter(row["customer_id"] for row in views["touchpoints"]) == authors
    assert {row["customer_id"]: row["touchpoints"] for row in views["customers"]} == dict(authors)
    texts = {row["subject_id"]: (row["text"], row["attributes"]["airline"]) for row in views["touchpoints"]}
    assert texts == {row["row"]: (row["text"], row["airline"]) for row in written}
