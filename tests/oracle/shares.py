"""The interval of a share of observations of which one customer may have several, worked out customer by customer."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

Z = 1.959963984540054

ALIKE = 0.7
FEW = 20


def interval(customers: Iterable[tuple[int, int]]) -> tuple[float, float]:
    """Return Wilson's interval of as many independent observations as these are worth.

    Args:
        customers: of each one with observations how many there are, and how many of them count.
    """
    known = [(observations, counted) for observations, counted in customers if observations]
    n, k = sum(observations for observations, _ in known), sum(counted for _, counted in known)
    share = k / n
    return wilson(share, n / _design_effect(known, n, share))


def _design_effect(known: list[tuple[int, int]], n: int, share: float) -> float:
    if all(observations == 1 for observations, _ in known):
        return 1
    equal = sum(observations**2 for observations, _ in known) / n
    if len(known) == 1 or share in {0, 1}:
        return equal
    residuals = sum((counted - share * observations) ** 2 for observations, counted in known)
    variance = len(known) / (len(known) - 1) * residuals / n**2
    alike = ALIKE * min(1, FEW / (n / equal))
    return max(1 + alike * (equal - 1), variance / (share * (1 - share) / n))


def wilson(share: float, n: float) -> tuple[float, float]:
    """Return both ends of Wilson's interval of a share of n."""
    centre = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    margin = Z * sqrt(max(0.0, share * (1 - share)) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return max(0.0, min(share, centre - margin)), min(1.0, max(share, centre + margin))
