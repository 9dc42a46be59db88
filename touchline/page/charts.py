"""Charts as plain figures: what a template draws as SVG. All lengths are in the SVG's own units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT = 320.0, 120.0
LEFT, RIGHT, TOP, BOTTOM = 50.0, 6.0, 8.0, 18.0
"""Room for what stands on the axes."""
MOST_TICKS = 4


@dataclass(frozen=True)
class Scale:
    """Maps values to places on a line, evenly."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """Return where a value stands; what has no extent stands in the middle."""
        if self.high == self.low:
            return (self.start + self.end) / 2
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 2)


@dataclass(frozen=True)
class Tick:
    """A value that an axis names, and where."""

    place: float
    value: float


@dataclass(frozen=True)
class Observation:
    """A value at a time, epoch ms, and the band in which it is usual."""

    at: int
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Dot:
    """A value that is drawn on its own."""

    x: float
    y: float


@dataclass(frozen=True)
class LineChart:
    """A line with a band.

    Attributes:
        lines: paths of the values without a gap.
        dots: values that have none beside them, which a path would not show.
        bands: outlines of where the values are usual.
        ticks: of the upright axis.
        first_at, last_at: the ends of the other axis, epoch ms.
    """

    lines: tuple[str, ...] = ()
    dots: tuple[Dot, ...] = ()
    bands: tuple[str, ...] = ()
    ticks: tuple[Tick, ...] = ()
    first_at: int = 0
    last_at: int = 0
    width: float = WIDTH
    height: float = HEIGHT


@dataclass(frozen=True)
class Bar:
    """An upright bar, and the time, epoch ms, and the value it stands for."""

    x: float
    y: float
    width: float
    height: float
    at: int
    value: float


@dataclass(frozen=True)
class BarChart:
    """Bars beside each other, one a day."""

    bars: tuple[Bar, ...] = ()
    ticks: tuple[Tick, ...] = ()
    width: float = field(default=2 * WIDTH)
    height: float = HEIGHT


def ticks_between(low: float, high: float, most: int = MOST_TICKS) -> list[float]:
    """Return round values from low to high, a step of 1, 2 or 5 times a power of ten apart."""
    if high <= low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(times * power for times in (1, 2, 5, 10) if times * power >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


def unit_of(seconds: float) -> float:
    """Return the seconds of the unit in which a person would say a length of time."""
    return next((unit for unit in (86_400.0, 3_600.0, 60.0) if seconds >= 1.5 * unit), 1.0)


def line_chart(
    observations: Sequence[Observation], *, unit: float = 1.0, width: float = WIDTH, height: float = HEIGHT
) -> LineChart:
    """Return the chart of values in order of time; a missing value is a gap in the line.

    Args:
        observations: the values.
        unit: what the axis names whole numbers of.
        width: of the chart.
        height: of it.
    """
    told = [one for one in observations if one.value is not None]
    if not told:
        return LineChart(width=width, height=height)
    ends = [number for one in observations for number in (one.value, one.low, one.high) if number is not None]
    low, high = min(ends), max(ends)
    if low == high:
        low, high = low - 1, high + 1
    up = Scale(low, high, height - BOTTOM, TOP)
    along = Scale(observations[0].at, observations[-1].at, LEFT, width - RIGHT)
    runs = _runs(observations, [one.value is not None for one in observations])
    banded = _runs(observations, [one.low is not None and one.high is not None for one in observations])
    return LineChart(
        lines=tuple(
            _path([(along.place(one.at), up.place(one.value or 0.0)) for one in run]) for run in runs if len(run) > 1
        ),
        dots=tuple(Dot(along.place(run[0].at), up.place(run[0].value or 0.0)) for run in runs if len(run) == 1),
        bands=tuple(_band(run, along, up) for run in banded if len(run) > 1),
        ticks=tuple(Tick(up.place(unit * one), unit * one) for one in ticks_between(low / unit, high / unit)),
        first_at=observations[0].at,
        last_at=observations[-1].at,
        width=width,
        height=height,
    )


def bar_chart(values: Sequence[tuple[int, float]], *, width: float = 2 * WIDTH, height: float = HEIGHT) -> BarChart:
    """Return the chart of values of 0 or more by their times, epoch ms, one beside the other."""
    if not values:
        return BarChart(width=width, height=height)
    top = max((value for _, value in values), default=0.0) or 1.0
    up = Scale(0, top, height - BOTTOM, TOP)
    step = (width - LEFT - RIGHT) / len(values)
    bars = tuple(
        Bar(
            x=round(LEFT + number * step, 2),
            y=up.place(value),
            width=round(step * 0.8, 2),
            height=round(height - BOTTOM - up.place(value), 2),
            at=at,
            value=value,
        )
        for number, (at, value) in enumerate(values)
    )
    return BarChart(bars, tuple(Tick(up.place(value), value) for value in ticks_between(0, top)), width, height)


def _runs(observations: Sequence[Observation], told: Sequence[bool]) -> list[list[Observation]]:
    """Return the longest stretches of observations that are told, in order."""
    runs: list[list[Observation]] = []
    before = False
    for one, is_told in zip(observations, told, strict=True):
        if is_told and before:
            runs[-1].append(one)
        elif is_told:
            runs.append([one])
        before = is_told
    return runs


def _path(places: Sequence[tuple[float, float]]) -> str:
    return "M" + " L".join(f"{x:g},{y:g}" for x, y in places)


def _band(run: Sequence[Observation], along: Scale, up: Scale) -> str:
    upper = [(along.place(one.at), up.place(one.high or 0.0)) for one in run]
    lower = [(along.place(one.at), up.place(one.low or 0.0)) for one in reversed(run)]
    return _path([*upper, *lower]) + " Z"
