"""How often a change by the size that the view calls `detectable` is found: the figures of docs/metrics.md.

    python -m tests.oracle.detectable

For each shape of a shop, the size is the mean `detectable` of shops in which nothing changes. Other shops of that
shape then get a change of the size, every second one for the worse. What is printed last is how likely twenty verdicts,
ten on such changes and ten on none, are right in eighteen or more and false in one at most. The verdicts are those of
the oracle, which tests hold equal to the view's: it takes a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import comb, exp, hypot, inf, pi, sqrt
from random import Random
from statistics import NormalDist, fmean

import click

from bench.changes import Observed
from bench.simulated_shops import SimulatedShops
from bench.verdicts import NULLS, Shop, observe
from tests.oracle.effects import judge
from tests.oracle.verdicts import Cell

LEVEL = 0.2
"""The mean level of customers in a made-up shop."""
SHAPES: dict[str, Shop] = {
    "100 customers": Shop(),
    "100 customers, 28 days of history": Shop(history=28),
    "100 customers, 14 days of history": Shop(history=14),
    "30 customers": Shop(customers=30),
    "400 customers": Shop(customers=400),
    **{
        name: NULLS[name]
        for name in (
            "12 customers who answer daily", "few say most", "linear trend and season", "NPS answers", "heavy tails",
            "ten times as much said after", "a tenth as much said after", "20 answers a side and metric",
            "15 answers a side and metric",
        )
    },
    "one of 4 channels, 400 customers": Shop(customers=400, channels=4),
    "one of 10 channels, 400 customers": Shop(customers=400, channels=10),
}  # fmt: skip
"""The shapes of shops that docs/metrics.md lists."""
FIRST_CHANNEL = "channel 0"
"""The channel in which the change does something, of several."""
Make = Callable[[int, float], Observed]
"""Makes a shop of a number, in which the change adds a difference to the mean."""


@dataclass(frozen=True)
class Found:
    """What the verdicts on shops of a shape say.

    Attributes:
        size: the mean `detectable` where nothing changes.
        wrong: share of these that have a verdict of better or worse.
        found: share of verdicts that are right on a change of the size.
        too_few: share of all that have too few to tell, which are in none of the others.
    """

    size: float
    wrong: float
    found: float
    too_few: float

    @property
    def of_twenty(self) -> float:
        """The chance that of ten such changes and ten of none 18 verdicts are right and one at most is false."""
        return sum(
            _binomial(right, self.found) * _binomial(false, self.wrong)
            for false in range(2)
            for right in range(8 + false, 11)
        )


def _binomial(number: int, share: float) -> float:
    return comb(10, number) * share**number * (1 - share) ** (10 - number)


def maker(shop: Shop, seed: str) -> Make:
    """Return what makes shops of a shape."""
    return lambda number, size: observe(replace(shop, step=step_of(shop, size)), Random(f"{seed}/{number}/{size}"))


def step_of(shop: Shop, size: float) -> float:
    """Return by how much levels have to change for the mean value, cut at its ends, to change by a size."""
    low, high = -2.0, 2.0
    before = _mean(shop, 0.0)
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if _mean(shop, middle) - before < size else (low, middle)
    return low


def _mean(shop: Shop, step: float) -> float:
    of_values = NormalDist(LEVEL + step, hypot(shop.spread, shop.noise))
    if shop.value == "nps":
        return 1 - of_values.cdf(0.5) - of_values.cdf(0)
    if shop.value == "tailed":
        return LEVEL + step
    return of_values.mean + _beyond(of_values, -1, -inf) - _beyond(of_values, 1, inf)


def _beyond(of_values: NormalDist, edge: float, end: float) -> float:
    """Return how far values lie beyond an edge, on average over all of them."""
    z = abs(edge - of_values.mean) / of_values.stdev
    inside = edge > of_values.mean if end > 0 else edge < of_values.mean
    z = z if inside else -z
    return of_values.stdev * (exp(-z * z / 2) / sqrt(2 * pi) - z * (1 - NormalDist().cdf(z)))


def simulated() -> Make:
    """Return what makes shops of `touchline simulate` of 100 customers, all of whose experiences the change moves."""
    made = SimulatedShops()

    def make(number: int, size: float) -> Observed:
        return {
            metric: [cell._replace(value=cell.value + (size if cell.day >= 0 else 0.0)) for cell in cells]
            for metric, cells in made.observe(number, 100).items()
        }

    return make


def measure(make: Make, shops: int, channels: int) -> Found:
    """Return what verdicts on so many shops say, and on as many others with a change of the size."""
    without = [_told(make(number, 0.0), channels) for number in range(shops)]
    sizes = [size for _, size in without if size is not None]
    size = fmean(sizes)
    right, told = 0, 0
    for number in range(shops, 2 * shops):
        sign = (-1) ** number
        verdict, _ = _told(make(number, sign * size), channels)
        right += verdict == ("better" if sign > 0 else "worse")
        told += verdict != "too few to tell"
    wrong = sum(verdict in {"better", "worse"} for verdict, _ in without)
    return Found(size, wrong / len(sizes), right / told, 1 - len(sizes) / shops)


def _told(observed: Observed, channels: int) -> tuple[str, float | None]:
    """Return the verdict on all, or on the first of several channels, and what is `detectable`."""
    return judge(
        {
            metric: [
                Cell(cell.customer_id, cell.day, 1, cell.value)
                for cell in cells
                if channels == 1 or cell.channel == FIRST_CHANNEL
            ]
            for metric, cells in observed.items()
        },
        channels,
    )


@click.command()
@click.option("--shops", default=400, show_default=True, help="How many of each shape.")
@click.option("--seed", default="1", show_default=True)
@click.option("--only", default="", help="Shapes whose name holds this.")
def main(shops: int, seed: str, only: str) -> None:
    """Print a line for each shape of a shop."""
    shapes = {name: (maker(shop, f"{seed}/{name}"), shop.channels) for name, shop in SHAPES.items()}
    shapes["touchline simulate"] = (simulated(), 1)
    click.echo(f"{shops} shops a line\n")
    click.echo(f"{'':<36} {'size':>6} {'found':>7} {'wrong':>6} {'too few':>8} {'of twenty':>9}")
    for name, (make, channels) in shapes.items():
        if only in name:
            one = measure(make, shops, channels)
            click.echo(
                f"{name:<36} {one.size:6.3f} {one.found:7.1%} {one.wrong:6.1%} {one.too_few:8.1%} {one.of_twenty:9.1%}"
            )


if __name__ == "__main__":
    main()
