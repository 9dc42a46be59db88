"""Figures with their 95 % intervals: means, NPS and shares, from sums."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from touchline.report.student import critical_value

RowDict = Mapping[str, Any]
"""A row of a query's result: column to value, as JSON gives it."""

Z_95 = 1.959963984540054
"""The 97.5th percentile of the standard normal: both ends of a 95 % interval."""
LEAST_FOR_INTERVAL = 5
"""Customers from which on a mean has an interval: fewer say nothing about how far they differ."""


@dataclass(frozen=True)
class Estimate:
    """A figure, how many observations it rests on, and its 95 % interval where one can be given."""

    value: float
    n: int
    low: float | None = None
    high: float | None = None


def clustered_mean_estimate(customers: Sequence[tuple[int, float]], half_range: float) -> Estimate | None:
    """Return the mean of all observations with a 95 % interval clustered by customer; None without observations.

    The error is CR2's with Student's t (see docs/metrics.md), and never 0: two more customers are added to the
    variance, `half_range` / 2 above and below the mean. Below `LEAST_FOR_INTERVAL` customers, or where few
    made nearly all observations, there is no interval.

    Args:
        customers: each customer's observations and their sum.
        half_range: half the distance between the least and the greatest value.
    """
    n = sum(count for count, _ in customers)
    if n == 0:
        return None
    mean = sum(total for _, total in customers) / n
    effective = n / design_effect([count for count, _ in customers])
    if len(customers) < LEAST_FOR_INTERVAL or effective < 2:
        return Estimate(mean, n)
    squares = sum((total - count * mean) ** 2 / (1 - count / n) for count, total in customers)
    floor = 2 * (half_range / 2 / len(customers)) ** 2
    half = critical_value(0.05, effective - 1) * math.sqrt(squares / n / n + floor)
    return Estimate(mean, n, mean - half, mean + half)


def design_effect(counts: Sequence[int]) -> float:
    """Return by how much clustering at most inflates a variance, from each customer's observations.

    It is sum of n^2 / sum of n (Kish, "Survey Sampling", 1965, for a correlation of 1 within a customer).
    """
    return sum(n * n for n in counts) / sum(counts) if counts else 1.0


def nps_estimate(n: int, total: int, squares: int, inflation: float = 1.0) -> Estimate | None:
    """Return an NPS with its 95 % interval, adjusted Wald as in the view `rolling_metrics`.

    Args:
        n: answers.
        total: promoters less detractors.
        squares: promoters and detractors.
        inflation: by how much the variance is greater than that of independent answers, at least 1.
    """
    if n == 0:
        return None
    score = total / n
    answers = n / inflation
    centre = score * answers / (answers + 3)
    error = math.sqrt(max((squares / inflation + 1.5) / (answers + 3) - centre * centre, 0.0) / (answers + 3))
    low = max(min(score, centre - Z_95 * error), -1.0)
    high = min(max(score, centre + Z_95 * error), 1.0)
    return Estimate(100 * score, n, 100 * low, 100 * high)


def share_estimate(counted: int, of: int) -> Estimate | None:
    """Return a share with its 95 % interval (Wilson, 1927); None without observations."""
    if of == 0:
        return None
    share = counted / of
    centre = (share + Z_95**2 / (2 * of)) / (1 + Z_95**2 / of)
    half = Z_95 * math.sqrt(share * (1 - share) / of + Z_95**2 / (4 * of * of)) / (1 + Z_95**2 / of)
    return Estimate(share, of, max(centre - half, 0.0), min(centre + half, 1.0))
