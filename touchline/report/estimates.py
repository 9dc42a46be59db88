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


def nps_estimate(n: int, total: int, squares: int, spread: float) -> Estimate:
    """Return an NPS with its 95 % interval, adjusted Wald as in the view `rolling_metrics`.

    Args:
        n: answers, at least one.
        total: promoters less detractors.
        squares: promoters and detractors.
        spread: how many answers count for one, as those of one customer are alike.
    """
    score = total / n
    added = n / spread + 3
    centre = total / spread / added
    error = math.sqrt(max((squares / spread + 1.5) / added - centre * centre, 0.0) / added)
    low = max(min(score, centre - Z_95 * error), -1.0)
    high = min(max(score, centre + Z_95 * error), 1.0)
    return Estimate(100 * score, n, 100 * low, 100 * high)


def share_estimate(counted: int, of: int, spread: float = 1.0) -> Estimate | None:
    """Return a share with its 95 % interval (Wilson, 1927); None without observations.

    Args:
        spread: how many observations count for one, as those of one customer are alike.
    """
    if of == 0:
        return None
    share, worth = counted / of, of / spread
    centre = (share + Z_95**2 / (2 * worth)) / (1 + Z_95**2 / worth)
    half = Z_95 * math.sqrt(share * (1 - share) / worth + Z_95**2 / (4 * worth * worth)) / (1 + Z_95**2 / worth)
    return Estimate(share, of, max(centre - half, 0.0), min(centre + half, 1.0))
