"""The regression behind an effect: which days it takes in, and what it controls for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

WINDOW_DAYS = 14
"""Days before and after a change that are compared; without control for a trend, no earlier day counts."""
TREND_DAYS = 28
"""Days of history from which on a trend is controlled for: with less, it cannot be told from a change."""
BASELINE_DAYS = 56
"""The most history that is taken in."""
WEEK_DAYS = 7
_SINGULAR = 1e-10
WEEKDAY_CUSTOMERS = 40
"""Customers from which on weekdays are controlled for: six more parameters of fewer would explain the noise."""


@dataclass(frozen=True)
class Design:
    """A difference as a weighted sum of observations.

    Attributes:
        first_day: the first day that counts.
        controls: any of `trend` and `weekday`.
        parameters: of the regression.
        difference: after less before.
        weights: day to the weight of an observation in the difference.
        fitted: day to the value that the regression gives it.
    """

    first_day: int
    controls: tuple[str, ...]
    parameters: int
    difference: float
    weights: Mapping[int, float]
    fitted: Mapping[int, float]


def choose_design(days: Mapping[int, tuple[int, float]], customers: int) -> Design | None:
    """Return the regression that the history allows; None without observations before and after the change.

    This is an interrupted time series with a common trend (Bernal, Cummins and Gasparrini, "Interrupted
    time series regression for the evaluation of public health interventions", International Journal of
    Epidemiology 46, 2017): the level of each weekday, a straight line, and a step at the change.

    Args:
        days: days since the change to (observations, their sum).
        customers: how many were observed.
    """
    if min(days, default=0) >= 0 or max(days) < 0:
        return None
    before = [day for day in days if day < 0]
    trend = min(before) <= -TREND_DAYS
    weekday = customers >= WEEKDAY_CUSTOMERS and {day % WEEK_DAYS for day in before} == set(range(WEEK_DAYS))
    # Days far apart may leave a control undetermined: the next choice has one less.
    for controls in _choices(trend=trend, weekday=weekday):
        first = -BASELINE_DAYS if "trend" in controls else -WINDOW_DAYS
        kept = {day: sums for day, sums in days.items() if day >= first}
        design = _fit(kept, first, controls) if min(kept) < 0 else None
        if design is not None:
            return design
    return None


def _choices(*, trend: bool, weekday: bool) -> Iterator[tuple[str, ...]]:
    if trend and weekday:
        yield ("trend", "weekday")
    if trend:
        yield ("trend",)
    if weekday:
        yield ("weekday",)
    yield ()


def _fit(days: Mapping[int, tuple[int, float]], first: int, controls: tuple[str, ...]) -> Design | None:
    def row(day: int) -> list[float]:
        level = [float(day % WEEK_DAYS == one) for one in range(WEEK_DAYS)] if "weekday" in controls else [1.0]
        line = [day / WINDOW_DAYS] if "trend" in controls else []
        return [*level, *line, float(day >= 0)]

    rows = {day: row(day) for day in days}
    width = len(next(iter(rows.values())))
    squares = [[sum(days[day][0] * r[i] * r[j] for day, r in rows.items()) for j in range(width)] for i in range(width)]
    sums = [sum(days[day][1] * r[i] for day, r in rows.items()) for i in range(width)]
    step = [0.0] * (width - 1) + [1.0]
    solutions = solve(squares, [sums, step])
    if solutions is None:
        return None
    coefficients, contrast = solutions
    return Design(
        first_day=first,
        controls=controls,
        parameters=width,
        difference=coefficients[-1],
        weights={day: _dot(contrast, r) for day, r in rows.items()},
        fitted={day: _dot(coefficients, r) for day, r in rows.items()},
    )


def solve(matrix: Sequence[Sequence[float]], right_sides: Sequence[Sequence[float]]) -> list[list[float]] | None:
    """Return the solutions of a system of equations, by Gauss and Jordan with partial pivoting.

    None if the matrix, which is symmetric and not negative, is singular.
    """
    size = len(matrix)
    table = [[*matrix[i], *(side[i] for side in right_sides)] for i in range(size)]
    for column in range(size):
        best = max(range(column, size), key=lambda i: abs(table[i][column]))
        table[column], table[best] = table[best], table[column]
        pivot = table[column][column]
        if abs(pivot) <= _SINGULAR * max(1.0, abs(matrix[column][column])):
            return None
        table[column] = [each / pivot for each in table[column]]
        for i in range(size):
            factor = table[i][column]
            if i != column and factor:
                table[i] = [each - factor * top for each, top in zip(table[i], table[column], strict=True)]
    return [[table[i][size + k] for i in range(size)] for k in range(len(right_sides))]


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
