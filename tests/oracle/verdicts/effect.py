"""The effect of a change on one metric: a difference, and its error clustered by customer."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tests.oracle.verdicts.design import WINDOW_DAYS, Design, choose_design


class Cell(NamedTuple):
    """What one customer contributed on one day.

    Attributes:
        customer_id: whose observations they are.
        day: whole days since the change, rounded down: -1 is the last day before it.
        n: observations.
        total: the sum of their values.
    """

    customer_id: str
    day: int
    n: int
    total: float


@dataclass(frozen=True)
class Effect:
    """A difference after a change, and what is known of its error.

    Attributes:
        value: after less before, with trend and weekday taken out where `controls` says so.
        error: its standard error.
        freedom: degrees of freedom of the error.
        customers_before, customers_after: those who were observed.
        effective_before, effective_after: how many equally active customers would say as much.
        influence: customer to their part of (value - true value) / error.
        controls: any of `trend` and `weekday`.
    """

    value: float
    error: float
    freedom: float
    customers_before: int
    customers_after: int
    effective_before: float
    effective_after: float
    influence: Mapping[str, float]
    controls: tuple[str, ...]


@dataclass(frozen=True)
class _Side:
    """The customers on one side of a change: their observations and their influence on the difference."""

    counts: Mapping[str, int]
    influence: Mapping[str, float]
    weight: float

    @property
    def effective(self) -> float:
        """Kish's effective sample size, of customers: (sum of n)^2 / sum of n^2."""
        squares = sum(n * n for n in self.counts.values())
        return sum(self.counts.values()) ** 2 / squares if squares else 0.0

    def variance(self) -> float:
        return sum(each * each for each in self.influence.values())

    def floor(self, half_range: float) -> float:
        """Return the variance that two more customers add, one above and one below the mean by `half_range` / 2.

        Equal values so never give an error of 0. The mean stays where it is, and the error only grows
        (after Agresti and Coull, "Approximate is better than exact", The American Statistician 52, 1998).
        """
        return 2 * (half_range / 2 * self.weight / len(self.counts)) ** 2


def estimate_effect(cells: Sequence[Cell], half_range: float) -> Effect | None:
    """Return the effect of a change on a metric; None without two customers before it and two after it.

    The difference is that of least squares over all observations. Its variance is clustered by customer:
    the sum over customers of their squared influence, each corrected for its own leverage as in CR2 (Bell
    and McCaffrey, "Bias reduction in standard errors for linear regression with multi-stage samples",
    Survey Methodology 28, 2002). A customer seen before and after is one cluster. Degrees of freedom are
    Welch's, with the effective number of customers on each side (Carter, Schnepel and Steigerwald, "Asymptotic
    behavior of a t-test robust to cluster heterogeneity", Review of Economics and Statistics 99, 2017).

    Args:
        cells: observations around the change; a customer and day may come more than once.
        half_range: half the distance between the metric's least and greatest value.
    """
    design = choose_design(_by_day(cells), _customers(cells))
    if design is None:
        return None
    kept = [cell for cell in cells if cell.day >= design.first_day]
    before = _side([cell for cell in kept if cell.day < 0], design)
    after = _side([cell for cell in kept if cell.day >= 0], design)
    if min(len(before.counts), len(after.counts)) < 2 or min(before.effective, after.effective) <= 1:
        return None
    joint = _sum(before.influence, after.influence)
    floor = before.floor(half_range) + after.floor(half_range)
    lost = design.parameters - 2
    customers = len(joint)
    if customers <= lost:
        return None
    scale = customers / (customers - lost)
    error = math.sqrt(scale * sum(each * each for each in joint.values()) + floor)
    return Effect(
        value=design.difference,
        error=error,
        freedom=_welch(before, after, half_range),
        customers_before=len(before.counts),
        customers_after=len(after.counts),
        effective_before=before.effective,
        effective_after=after.effective,
        influence={customer: each / error for customer, each in joint.items()},
        controls=design.controls,
    )


def counted_before(cells: Sequence[Cell]) -> list[Cell]:
    """Return what counts of the time before a change: eight weeks where a trend can be told, else two."""
    design = choose_design(_by_day(cells), _customers(cells))
    first = -WINDOW_DAYS if design is None else design.first_day
    return [cell for cell in cells if first <= cell.day < 0]


def _by_day(cells: Sequence[Cell]) -> dict[int, tuple[int, float]]:
    days: dict[int, tuple[int, float]] = {}
    for cell in cells:
        n, total = days.get(cell.day, (0, 0.0))
        days[cell.day] = (n + cell.n, total + cell.total)
    return days


def _customers(cells: Sequence[Cell]) -> int:
    return len({cell.customer_id for cell in cells})


def _side(cells: Sequence[Cell], design: Design) -> _Side:
    counts: dict[str, int] = defaultdict(int)
    influence: dict[str, float] = defaultdict(float)
    weight = 0.0
    for cell in cells:
        per_observation = design.weights[cell.day]
        counts[cell.customer_id] += cell.n
        influence[cell.customer_id] += per_observation * (cell.total - cell.n * design.fitted[cell.day])
        weight += abs(per_observation) * cell.n
    total = sum(counts.values())
    corrected = {
        customer: each / math.sqrt(max(1 - counts[customer] / total, 1 / total)) for customer, each in influence.items()
    }
    return _Side(counts, corrected, weight)


def _welch(before: _Side, after: _Side, half_range: float) -> float:
    variances = [side.variance() + side.floor(half_range) for side in (before, after)]
    parts = [variance**2 / (side.effective - 1) for variance, side in zip(variances, (before, after), strict=True)]
    return sum(variances) ** 2 / sum(parts)


def _sum(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {key: one.get(key, 0.0) + other.get(key, 0.0) for key in one.keys() | other.keys()}
