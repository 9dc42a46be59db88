"""Figures with their 95 % intervals: NPS and shares, from sums."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RowDict = Mapping[str, Any]
"""A row of a query's result: column to value, as JSON gives it."""

Z_95 = 1.959963984540054
"""The 97.5th percentile of the standard normal: both ends of a 95 % interval."""


@dataclass(frozen=True)
class Estimate:
    """A figure, how many observations it rests on, and its 95 % interval where one can be given."""

    value: float
    n: int
    low: float | None = None
    high: float | None = None


def nps_estimate(n: int, total: int, squares: int) -> Estimate | None:
    """Return an NPS with its 95 % interval, adjusted Wald as in the view `rolling_metrics`.

    Args:
        n: answers.
        total: promoters less detractors.
        squares: promoters and detractors.
    """
    if n == 0:
        return None
    score = total / n
    centre = total / (n + 3)
    error = math.sqrt(max((squares + 1.5) / (n + 3) - centre * centre, 0.0) / (n + 3))
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
