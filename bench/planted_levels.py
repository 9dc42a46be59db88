"""Made-up series of a year, each with one planted anomaly, and how clearly its observations speak for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sinks.database import Database, select

FIRST = int(datetime(2025, 1, 6, tzinfo=UTC).timestamp()) // 3600
SOUGHT = math.log(1.5)
BOUND = math.log(2 * 8766)
"""What a change has to speak for itself: the likelihoods' ratio that chance reaches once a year in two charts."""
METRICS = {"count": "orders", "share": "csat", "nps": "nps", "duration": "speed_of_answer"}
COLUMNS = "metric String, hour Int64, name String, n Int64, numerator Int64, squares Int64"
Hours = NDArray[np.int64]


@dataclass(frozen=True)
class Planted:
    """A planted anomaly.

    Attributes:
        start, end: hours since 1970.
        change: the logarithm by which the rate is changed; of NPS, twice the change of its promoters and detractors.
        evidence: the expected log likelihood ratio of all its observations.
    """

    start: int
    end: int
    change: float
    evidence: float

    @property
    def direction(self) -> str:
        """`rise` or `fall`."""
        return "rise" if self.change > 0 else "fall"

    def hours_worth(self, evidence: float) -> float:
        """Return in how many hours a change of the size that is looked for has so much evidence, and one more."""
        each = self.evidence / (self.end - self.start) * (SOUGHT / self.change) ** 2
        return evidence / each + 1

    def holds(self, start: int, direction: str) -> bool:
        """Return whether an anomaly that was found is the planted one: it may seem to begin up to two weeks before."""
        return direction == self.direction and self.start - 14 * 24 <= start < self.end


def make_up(database: Database, path: Path, count: int, days: int, seed: int) -> dict[str, Planted]:
    """Store series of counts, shares, NPS and durations: two in three with a rhythm, one in three thin, by name."""
    for stored in ("metric_buckets_rows", "clocks_rows"):
        database.execute(f"TRUNCATE TABLE touchline.{stored}")
    random = np.random.default_rng(seed)
    series = {}
    with path.open("w") as file:
        for number in range(count):
            name = f"s{number}"
            kind = ("count", "share", "count", "share", "nps", "duration")[number % 6]
            planted, sums = _series(random, kind, number, days)
            series[name] = planted
            hours = np.flatnonzero(sums[0])
            rows = zip(hours + FIRST, *(column[hours] for column in sums), strict=True)
            file.writelines(
                f"{METRICS[kind]}\t{at}\t{name}\t{n}\t{total}\t{squares}\n" for at, n, total, squares in rows
            )
    database.execute(
        "INSERT INTO touchline.metric_buckets_rows "  # noqa: S608  # of this module's own texts
        "SELECT metric, fromUnixTimestamp64Milli(hour * 3600000, 'UTC'), "
        f"'channel', name, '', 0, n, numerator, squares, [], [], [], [], [], 1 FROM file('{path}', 'TSV', '{COLUMNS}')"
    )
    end = (FIRST + days * 24) * 3_600_000
    at = f"fromUnixTimestamp64Milli({end}, 'UTC')"
    database.execute(f"INSERT INTO touchline.clocks_rows (partition, time, settled, version) SELECT 0, {at}, {at}, 1")
    return series


@dataclass
class Told:
    """What the view says of series: where each planted anomaly that is found seems to start, and what is false.

    Attributes:
        starts: of the series whose planted anomaly is found, in hours since 1970.
        false: how many there are besides, by series and month.
    """

    starts: dict[str, int] = field(default_factory=dict)
    false: dict[tuple[str, int], int] = field(default_factory=dict)


def tell_apart(database: Database, series: Mapping[str, Planted]) -> Told:
    """Return which anomalies that the view has are planted, and how many are not."""
    told = Told()
    for row in select(
        database,
        "SELECT dimension_value, direction, intDiv(toUnixTimestamp(started_at), 3600), "
        "intDiv(toUnixTimestamp(found_at), 3600) FROM metric_anomalies ORDER BY started_at",
    ):
        name, direction, start, found = str(row[0]), str(row[1]), int(str(row[2])), int(str(row[3]))
        if series[name].holds(start, direction):
            told.starts.setdefault(name, start)
        else:
            month = name, found // 730
            told.false[month] = told.false.get(month, 0) + 1
    return told


def _series(random: np.random.Generator, kind: str, number: int, days: int) -> tuple[Planted, tuple[Hours, ...]]:
    hour = np.arange(days * 24)
    rhythm = 1 + 0.6 * np.sin((hour % 24 - 9) * math.tau / 24) if number % 3 else np.ones(days * 24)
    if number % 3 == 1:
        rhythm = rhythm * np.where(hour // 24 % 7 >= 5, 0.4, 1.2)
    a_day = 10 ** (random.uniform(0.5, 1.3) if number % 3 == 2 else random.uniform(1.5, 3.3))
    # One in five has good and bad days besides.
    scatter = 0.15 if number % 5 == 0 else 0.0
    n_expected = a_day / 24 * rhythm * np.clip(1 + scatter * random.standard_normal(days).repeat(24), 0.3, 3)
    start = int(random.integers(120 * 24, (days - 40) * 24))
    end = start + int(random.integers(72, 21 * 24))
    change = float(random.uniform(0.6, 1.2) * random.choice([-1, 1]))
    lift = np.where((hour >= start) & (hour < end), change, 0.0)
    if kind == "count":
        n = random.poisson(n_expected * np.exp(lift))
        sums: tuple[Hours, ...] = (n, n, np.zeros_like(n))
        each = change * math.exp(change) - math.exp(change) + 1
    else:
        sums, each = _values(random, kind, random.poisson(n_expected), lift, change)
    within = float(n_expected[start:end].sum()) / (1 + scatter**2 * a_day * (kind == "count"))
    return Planted(FIRST + start, FIRST + end, change, each * within), sums


def _values(
    random: np.random.Generator, kind: str, n: Hours, lift: NDArray[np.float64], change: float
) -> tuple[tuple[Hours, ...], float]:
    """Return the sums of so many observations an hour, and what each of them says for the change."""
    none = np.zeros_like(n)
    if kind == "share":
        odds = random.uniform(-1.5, 2.0)
        before, after = (1 / (1 + math.exp(-each)) for each in (odds, odds + change))
        says = after * math.log(after / before) + (1 - after) * math.log((1 - after) / (1 - before))
        return (n, random.binomial(n, 1 / (1 + np.exp(-odds - lift))), none), says
    if kind == "nps":
        good = random.binomial(n, 0.45 + 0.25 * lift)
        bad = random.binomial(n - good, (0.3 - 0.25 * lift) / (0.55 - 0.25 * lift))
        return (n, good - bad, good + bad), (0.5 * change) ** 2 / (2 * (0.75 - 0.15**2))
    total = np.where(n > 0, random.gamma(np.maximum(n, 1), 20_000 * np.exp(lift)), 0).astype(np.int64)
    return (n, total, none), math.exp(change) - 1 - change
