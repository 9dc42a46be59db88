"""Student's t distribution: tail probabilities and quantiles, without a library for numbers."""

from __future__ import annotations

import math

_PRECISION = 1e-14
_TINY = 1e-300
_MOST_STEPS = 10_000


def two_sided_p(statistic: float, freedom: float) -> float:
    """Return the probability that |T| reaches |statistic|.

    P(|T| >= t) is the regularised incomplete beta function I_x(v / 2, 1 / 2) at x = v / (v + t * t)
    (Abramowitz and Stegun 26.7.1).

    Args:
        statistic: the value of T.
        freedom: degrees of freedom, above 0, not necessarily whole.

    Raises:
        ValueError: freedom is not above 0.
    """
    if freedom <= 0:
        raise ValueError(f"degrees of freedom must be above 0, not {freedom}")
    square = statistic * statistic
    return _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + square), square / (freedom + square))


def critical_value(level: float, freedom: float) -> float:
    """Return the t that |T| reaches with probability `level`, by bisection.

    Args:
        level: the two-sided probability, above 0 and below 1.
        freedom: degrees of freedom, above 0.

    Raises:
        ValueError: level or freedom is out of its range.
    """
    if not 0 < level < 1:
        raise ValueError(f"a level lies between 0 and 1, not {level}")
    low, high = 0.0, 1.0
    while two_sided_p(high, freedom) > level and high < _MOST_STEPS**4:
        low, high = high, 2 * high
    while high - low > 1e-10 * high:
        middle = (low + high) / 2
        if two_sided_p(middle, freedom) > level:
            low = middle
        else:
            high = middle
    return high


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """Return I_x(a, b); `rest` is 1 - x, given apart as the difference loses digits near x = 1."""
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    front = math.exp(logarithm)
    # The fraction converges fast on this side of the mean; the other side is its mirror image.
    if x < (a + 1) / (a + b + 2):
        return front * _continued_fraction(a, b, x) / a
    return 1 - front * _continued_fraction(b, a, rest) / b


def _continued_fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of DLMF 8.17.22 by Lentz's method (Thompson and Barnett, 1986)."""
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _MOST_STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
