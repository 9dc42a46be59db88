"""Levels of a metric, worked out hour by hour: its baseline, what is known of it, and its anomalies."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from zoneinfo import ZoneInfo

Sums = tuple[float, float, float]
"""Observations, their total, and their squares, as they are stored."""

Rate = Callable[[float], float]

HISTORY, LEAST = 56, 28
"""Days that an hour is compared with, and how many there have to be."""
BOUND = math.log(2 * 8766)
FLAT = (0.0, 0.0, 0.0)


@dataclass
class Cell:
    """An hour of the clock on the wall: the first of the hours that are so called, and what was observed in them."""

    at: int
    hours: int = 0
    n: float = 0.0
    total: float = 0.0
    squares: float = 0.0


@dataclass(frozen=True)
class Judged:
    """What is said of an hour: its usual rate, whether that is known, and what speaks for a rise and for a fall.

    Attributes:
        at: the first of the hours that are so called, since 1970.
        n, weight, total: what was observed in it, and what its rate is of.
        variance: of the total by chance, if the rate is the usual one.
    """

    at: int
    rate: float
    known: bool
    rise: float
    fall: float
    n: float
    weight: float
    total: float
    variance: float


@dataclass
class Series:
    """The hours of a metric, by day and hour of the day, with what is known of its days."""

    kind: str
    method: str
    days: dict[int, dict[int, Cell]] = field(default_factory=lambda: defaultdict(dict))
    surprises: dict[int, float] = field(default_factory=dict)

    def weight(self, cell: Cell) -> float:
        return cell.hours if self.kind in {"count", "sum"} else cell.n

    def total(self, cell: Cell) -> float:
        return cell.n if self.kind == "count" else cell.total


def judge(
    kind: str, observed: Mapping[int, Sums], end: int, zone: ZoneInfo, method: str = "hour_of_week"
) -> list[Judged]:
    """Return what is to be said of each hour from the first one observed until `end`, hours since 1970."""
    series = Series(kind, method)
    for at in range(min(observed), end):
        local = datetime.fromtimestamp(at * 3600, UTC).astimezone(zone)
        day = local.toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal()
        cell = series.days[day].setdefault(local.hour, Cell(at))
        n, total, squares = observed.get(at, FLAT)
        cell.hours += 1
        cell.n, cell.total, cell.squares = cell.n + n, cell.total + total, cell.squares + squares
    return [one for day in sorted(series.days) for one in _day(series, day)]


def _day(series: Series, day: int) -> Iterator[Judged]:
    past = {before: series.days[before] for before in range(day - HISTORY, day) if before in series.days}
    cells = [cell for of_day in past.values() for cell in of_day.values()]
    n = sum(cell.n for cell in cells)
    weight, total = sum(map(series.weight, cells)), sum(map(series.total, cells))
    mean = total / weight if weight else 0.0
    of_kind = {"sum": total / n if n else 0.0, "duration": mean, "mean": 10_000.0}
    unit = of_kind.get(series.kind, 1.0)
    spread = max(1e-4 * unit * unit, sum(cell.squares for cell in cells) / max(n, 1) - mean * mean)
    middle = _middle(series, past, day, mean)

    def scatter(rate: float) -> float:
        if series.kind in {"count", "sum"}:
            return rate * unit
        return {"share": rate * (1 - rate), "duration": rate * rate}.get(series.kind, spread)

    today = series.days[day]
    rates = {hour: middle(_rate(series, day, hour, mean, unit, scatter)) for hour in today}
    told = [series.surprises[before] for before in past if before in series.surprises]
    excess = max(1.0, median(told) / 0.4549364) if told else 1 / 0.4549364
    information = (n * mean * (1 - mean) if series.kind == "share" else n) / excess
    enough = bool(past) and min(past) <= day - LEAST
    known = information >= 30 and enough and len(told) >= 20
    change = max(math.log(1.5), 5 / math.sqrt(max(1.0, information)))
    for hour, cell in sorted(today.items(), key=lambda item: item[0]):
        rise, fall = _evidence(series, cell, rates[hour], change, unit, spread) if known else (0.0, 0.0)
        rate, weight = rates[hour], series.weight(cell)
        yield Judged(
            cell.at, rate, known, min(BOUND / 2, rise / excess), min(BOUND / 2, fall / excess),
            cell.n, weight, series.total(cell), weight * scatter(rate) * excess,
        )  # fmt: skip
    expected = sum(series.weight(cell) * scatter(rates[hour]) for hour, cell in today.items())
    off = sum(series.total(cell) - series.weight(cell) * rates[hour] for hour, cell in today.items())
    if expected > 0 and n > 0 and enough:
        series.surprises[day] = off * off / expected


def _rate(series: Series, day: int, hour: int, mean: float, unit: float, scatter: Rate) -> float:
    """Return the rate of the hours that one is compared with, none of them far from the others."""
    alike = [
        series.days[before][hour]
        for before in range(day - HISTORY, day)
        if before in series.days and hour in series.days[before]
        and (series.method == "hour_of_day" or (day - before) % 7 == 0)
    ]  # fmt: skip
    counted = series.kind in {"count", "sum"}
    prior = (0.5 * unit / mean if mean > 0 else 0.0) if counted else 10.0
    weight = sum(map(series.weight, alike)) + prior
    if weight <= 0:
        return 0.0
    plain = (sum(map(series.total, alike)) + prior * mean) / weight
    held = prior * mean
    for cell in alike:
        expected = series.weight(cell) * plain
        most = 3 * math.sqrt(max(0.0, series.weight(cell) * scatter(plain))) + unit
        held += expected + max(-most, min(most, series.total(cell) - expected))
    return held / weight


def _middle(series: Series, past: Mapping[int, Mapping[int, Cell]], day: int, mean: float) -> Rate:
    """Return how a rate is moved, so that the series has the rate of its median week."""
    weeks: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for before, cells in past.items():
        of_week = weeks[(day - 1 - before) // 7]
        of_week[0] += sum(map(series.weight, cells.values()))
        of_week[1] += sum(map(series.total, cells.values()))
    full = [(weight, total) for weight, total in weeks.values() if weight > 0]
    if not full:
        return lambda rate: rate
    if series.kind == "share":
        weight, total = (sum(column) for column in zip(*full, strict=True))
        odds = median((t + 0.5) / (w - t + 0.5) for w, t in full) / ((total + 0.5) / (weight - total + 0.5))
        return lambda rate: rate * odds / (1 - rate + rate * odds)
    level = median(total / weight for weight, total in full)
    if series.kind in {"nps", "mean"}:
        return lambda rate: rate + level - mean
    return lambda rate: rate * level / mean if mean else rate


def _evidence(
    series: Series, cell: Cell, rate: float, change: float, unit: float, spread: float
) -> tuple[float, float]:
    """Return the log likelihood ratios of a rise and of a fall."""
    weight, total = series.weight(cell), series.total(cell)
    if series.kind in {"nps", "mean"}:
        step = change / 2 * math.sqrt(spread)
        off = total - weight * rate
        least = weight * step**2 / 2
        return (step * off - least) / spread, (-step * off - least) / spread
    if rate <= 0:
        return 0.0, 0.0
    both = []
    for changed in (math.exp(change), math.exp(-change)):
        if series.kind == "share":
            to = rate * changed / (1 - rate + rate * changed)
            missed = (weight - total) * math.log((1 - to) / (1 - rate)) if weight > total else 0.0
            both.append(total * math.log(to / rate) + missed)
        elif series.kind == "duration":
            both.append(total / rate - total / (rate * changed) - weight * math.log(changed))
        else:
            both.append((total * math.log(changed) - weight * rate * (changed - 1)) / unit)
    return both[0], both[1]


Anomaly = tuple[str, int, int, int | None]
"""Direction, the first hour, the hour after which it is found, and the first hour after it."""


def anomalies(hours: Sequence[Judged]) -> list[Anomaly]:
    """Return the anomalies by their start."""
    found: list[Anomaly] = []
    for direction in ("rise", "fall"):
        level, highest, zero, since = 0.0, 0.0, -1, -1
        top = 0
        open_since: int | None = None
        for place, hour in enumerate(hours):
            level += hour.rise if direction == "rise" else hour.fall
            if open_since is None:
                if level <= 0:
                    level, zero = 0.0, place
                elif level >= BOUND:
                    open_since, since, highest, top = zero + 1, place, level, place
            elif level > highest:
                highest, top = level, place
            elif highest - level >= BOUND:
                found.append((direction, hours[open_since].at, hours[since].at + 1, hours[top + 1].at))
                level, zero, open_since = 0.0, place, None
        if open_since is not None:
            found.append((direction, hours[open_since].at, hours[since].at + 1, None))
    return sorted(found, key=lambda one: one[1])
