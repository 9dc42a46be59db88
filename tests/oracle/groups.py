"""The intervals of `rolling_metrics`, worked out from observations and whose each is.

A view knows 256 groups of customers alone, and so does this: by a checksum of the customer.
"""

from __future__ import annotations

import math
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean, variance

from tests.oracle.shares import ALIKE, FEW, Z, wilson

GROUPS = 256
Observed = Sequence[tuple[str, float]]
"""Whose an observation is, and what it is: 0 or 1 of a share, -1 to 1 of NPS or a mean."""


def share_interval(observed: Observed) -> tuple[float, float]:
    """Return Wilson's interval of a share of as many independent observations as these are worth."""
    values = [value for _, value in observed]
    return wilson(sum(values) / len(values), len(values) / design_effect(observed))


def nps_interval(observed: Observed) -> tuple[float, float]:
    """Return the adjusted Wald interval of NPS, -100 to 100, of as many answers as these are worth and three more."""
    values = [value for _, value in observed]
    worth = len(values) / design_effect(observed)
    weight = worth / len(values)
    added = [(value, weight) for value in values] + [(1, 0.75), (-1, 0.75), (0, 1.5)]
    mean = sum(value * times for value, times in added) / (worth + 3)
    spread = sum(times * (value - mean) ** 2 for value, times in added) / (worth + 3)
    half = Z * math.sqrt(spread / (worth + 3))
    score = sum(values) / len(values)
    return 100 * max(-1, min(score, mean - half)), 100 * min(1, max(score, mean + half))


def of_customers(known: Iterable[tuple[str, int, int]]) -> Observed:
    """Return the observations of customers, of each of whom it is known how many there are, and how many count."""
    return [(name, float(number < counted)) for name, n, counted in known for number in range(n)]


def mean_interval(observed: Observed) -> tuple[float, float] | None:
    """Return Student's interval of a mean, -1 to 1; None of fewer than five observations or four independent ones."""
    values = [value for _, value in observed]
    worth = len(values) / design_effect(observed)
    if len(values) < 5 or worth < 4:
        return None
    # Two more observations, half a point off: their squares are divided by those of what the others are worth.
    error = math.sqrt(variance(values) / worth + 2 * (0.5 / worth) ** 2)
    half = student(worth - 1) * error
    mean = fmean(values)
    return max(-1, mean - half), min(1, mean + half)


def student(freedom: float) -> float:
    """Return the 97.5th percentile of Student's t (Cornish and Fisher, as in Abramowitz and Stegun 26.7.5)."""
    terms = (
        (Z**3 + Z) / 4,
        (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96,
        (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384,
        (79 * Z**9 + 776 * Z**7 + 1482 * Z**5 - 1920 * Z**3 - 945 * Z) / 92_160,
    )
    return Z + sum(term / freedom**power for power, term in enumerate(terms, 1))


def group_of(customer: str) -> int:
    """Return the group of a customer."""
    return zlib.crc32(customer.encode()) % GROUPS


def design_effect(observed: Observed) -> float:
    """Return how many observations count for one, by how much groups of customers differ."""
    groups: dict[int, list[float]] = defaultdict(list)
    for customer, value in observed:
        groups[group_of(customer)].append(value)
    n = len(observed)
    if len(groups) == n:
        return 1
    pairs = sum(len(group) * (len(group) - 1) for group in groups.values())
    # Of pairs of different customers one in 256 is in one group.
    own_pairs = min(max(0, pairs - (n * (n - 1) - pairs) / (GROUPS - 1)), n * (n - 1))
    equal = 1 + own_pairs / n
    mean = sum(value for _, value in observed) / n
    varied = sum((value - mean) ** 2 for _, value in observed)
    alike = ALIKE * min(1, FEW * equal / n)
    seen = equal
    if varied and len(groups) > 1:
        of_groups = sum(sum(value - mean for value in group) ** 2 for group in groups.values())
        seen = of_groups * len(groups) / (len(groups) - 1) / varied
    return max(1 + alike * (equal - 1), seen)
