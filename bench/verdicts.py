"""How often the verdict on a change that does nothing is wrong: the figures of docs/metrics.md.

    python -m bench.verdicts
    python -m bench.verdicts --simulated 200

The verdicts are those of the view `change_effects`, in an embedded ClickHouse. Every shop is made up anew: customers
with a level of their own, some of whom say much more than others, seen for some days before a change and 14 after it.
"""

from __future__ import annotations

import math
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

import click

from bench.changes import DAYS, OTHERS, SURVEYS, Cell, Observed, looks
from bench.simulated_shops import SimulatedShops
from sinks.database import Database
from sinks.migrate import migrate
from sinks.open import open_database

Value = Literal["score", "nps", "tailed"]


@dataclass(frozen=True)
class Shop:
    """What a made-up shop is like.

    Attributes:
        customers: how many it has.
        activity: shape of the gamma distribution of how much a customer says: the smaller, the more unequal.
        rate: observations that a common customer makes in a day, over both metrics.
        spread: standard deviation between customers' levels.
        noise: standard deviation between one customer's observations.
        history: days before the change.
        step: what the change adds to every level.
        trend: what a day adds.
        season: how far the best weekday lies above the mean, and the worst below it.
        growth: how many times as much is said after the change.
        value: how a level becomes a value: a score in [-1, 1], an NPS answer, or a score with rare extremes.
        channels: among how many the customers are divided, each to one; the change does something in the first alone.
    """

    customers: int = 100
    activity: float = 2.0
    rate: float = 0.1
    spread: float = 0.2
    noise: float = 0.3
    history: int = 56
    step: float = 0.0
    trend: float = 0.0
    season: float = 0.0
    growth: float = 1.0
    value: Value = "score"
    channels: int = 1


NULLS: dict[str, Shop] = {
    "nothing changes": Shop(),
    "14 days of history": Shop(history=14),
    "30 customers": Shop(customers=30),
    "12 customers who answer daily": Shop(customers=12, rate=1.0, spread=0.4, noise=0.15),
    "12 customers who answer daily, trend": Shop(customers=12, rate=1.0, spread=0.4, noise=0.15, trend=0.2 / 28),
    "few say most": Shop(customers=200, activity=0.15, spread=0.4, noise=0.15),
    "weekly season": Shop(customers=300, season=0.3),
    "linear trend, +0.2 in 28 days": Shop(customers=300, trend=0.2 / 28),
    "linear trend and season": Shop(customers=300, trend=0.2 / 28, season=0.3),
    "NPS answers": Shop(value="nps"),
    "heavy tails": Shop(value="tailed", noise=0.05),
    "ten times as much said after": Shop(growth=10.0),
    "a tenth as much said after": Shop(customers=300, growth=0.1),
    "20 answers a side and metric": Shop(customers=40, rate=0.0714, history=14),
    "15 answers a side and metric": Shop(customers=40, rate=0.0536, history=14),
    "10 answers a side and metric": Shop(customers=40, rate=0.0357, history=14),
    "5 answers a side and metric": Shop(customers=40, rate=0.0179, history=14),
    "3 answers a side and metric": Shop(customers=40, rate=0.0107, history=14),
    "1 answers a side and metric": Shop(customers=40, rate=0.0036, history=14),
}
"""Shops in which the change does nothing."""

LIMITS: dict[str, Shop] = {
    "linear trend, 14 days of history": replace(NULLS["linear trend, +0.2 in 28 days"], history=14),
}
"""Shops in which the change does nothing and the verdict cannot know it."""


def observe(shop: Shop, random: Random) -> dict[str, list[Cell]]:
    """Return what was observed in a shop: metric to its cells, two metrics, each half of the observations."""
    metrics: dict[str, list[Cell]] = {SURVEYS: [], OTHERS: []}
    for number in range(shop.customers):
        level = random.gauss(0.2, shop.spread)
        rate = shop.rate * random.gammavariate(shop.activity, 1 / shop.activity) / len(metrics)
        channel = number % shop.channels
        name = f"channel {channel}" if shop.channels > 1 else ""
        for cells in metrics.values():
            for day in _days(shop, rate, random):
                mean = level + shop.trend * day + shop.season * math.cos(math.tau * day / 7)
                mean += shop.step if day >= 0 and channel == 0 else 0.0
                cells.append(Cell(f"c{number}", day, _value(shop, mean, random), name))
    return metrics


def _days(shop: Shop, rate: float, random: Random) -> Iterator[int]:
    """Return the days of one customer's observations: a Poisson process."""
    for first, last, intensity in ((-shop.history, 0, rate), (0, DAYS, rate * shop.growth)):
        at = first + random.expovariate(intensity)
        while at < last:
            yield math.floor(at)
            at += random.expovariate(intensity)


def _value(shop: Shop, mean: float, random: Random) -> float:
    value = random.gauss(mean, shop.noise)
    if shop.value == "nps":
        return float((value > 0.5) - (value < 0))
    if shop.value == "tailed" and random.random() < 0.02:
        value += random.choice((-3, 3))
    return value if shop.value == "tailed" else max(-1.0, min(1.0, value))


@dataclass(frozen=True)
class Rates:
    """Shares of the shops: called better or worse on the last day, and ever in 14 daily looks; too few to tell."""

    at_end: float
    ever: float
    too_few: float


def measure(database: Database, shop: Shop, shops: int, seed: str) -> Rates:
    """Return how often the verdict on `shops` shops of a kind claims a difference."""
    return rates_of(database, (observe(shop, Random(f"{seed}/{number}")) for number in range(shops)))


def rates_of(database: Database, observed: Iterable[Observed]) -> Rates:
    """Return how often the verdict on shops, each given as what was observed, claims a difference."""
    counts: dict[str, int] = defaultdict(int)
    shops = 0
    for each in looks(database, observed, range(1, DAYS + 1)):
        shops += 1
        answers = {day: look.verdict for day, look in each.items()}
        counts["end"] += answers[DAYS] in {"better", "worse"}
        counts["ever"] += any(answer in {"better", "worse"} for answer in answers.values())
        counts["few"] += answers[DAYS] == "too few to tell"
    return Rates(*(counts[name] / shops for name in ("end", "ever", "few")))


@click.command()
@click.option("--shops", default=400, show_default=True, help="How many of each kind.")
@click.option("--seed", default="1", show_default=True)
@click.option("--only", default="", help="Kinds whose name holds this.")
@click.option("--simulated", default=0, show_default=True, help="So many shops of `touchline simulate` instead.")
def main(shops: int, seed: str, only: str, simulated: int) -> None:
    """Print the shares of wrong verdicts."""
    with tempfile.TemporaryDirectory(prefix="touchline-verdicts-") as folder, ExitStack() as opened:
        database = open_database(f"chdb://{folder}")
        opened.callback(database.close)
        migrate(database)
        if simulated:
            _print_simulated(database, simulated)
        else:
            _print_table(database, shops, seed, only)


def _print_simulated(database: Database, shops: int) -> None:
    made = SimulatedShops()
    rates = rates_of(database, (made.observe(number, 100) for number in range(1, shops + 1)))
    print(f"{shops} simulated shops without a change: {rates.at_end:.1%} wrong on day 14, {rates.ever:.1%} ever")


def _print_table(database: Database, shops: int, seed: str, only: str) -> None:
    print(f"{shops} shops a line; shares with a verdict of better or worse\n")
    print(f"{'nothing changed':<44} {'on day 14':>9} {'ever in 14 looks':>17} {'too few':>8}")
    for name, shop in {**NULLS, **LIMITS}.items():
        if only in name:
            rates = measure(database, shop, shops, seed)
            print(f"{name:<44} {rates.at_end:9.1%} {rates.ever:17.1%} {rates.too_few:8.1%}", flush=True)


if __name__ == "__main__":
    main()
