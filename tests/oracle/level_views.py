"""The rows of the views of levels, of the observations that touchpoints hold; hours and days are those of UTC."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.levels import Anomaly, Judged, Sums, anomalies, judge
from tests.oracle.metrics import DURATIONS, MONEY, Observation, in_several_currencies
from tests.oracle.touchpoints import DAY, HOUR, MINUTE

HEALTH_KEY = ("metric", "grain", "bucket", "dimension", "dimension_value")
ANOMALY_KEY = ("metric", "dimension", "dimension_value", "direction", "started_at")
COMPARED = "dimension IN ('all', 'currency')"
"""What of the views is compared: by channel and attribute the sample has millions of rows, a year's hours of each."""
ZONE = ZoneInfo("UTC")
METHOD = "hour_of_week"
SCORES = {"sentiment", "experience"}
HELD = {
    "cart_abandonment_rate": 30 * DAY + 30 * MINUTE,
    "survey_abandonment_rate": 37 * DAY,
    "first_response_time": 30 * DAY,
    "sentiment_shifts": 365 * DAY,
}
"""How long what is restated for more than three days is not judged, ms."""
LOWER_IS_BETTER = {
    "refunds", "cart_abandonment_rate", "call_abandonment_rate", "speed_of_answer", "hold_time",
    "survey_abandonment_rate", "first_response_time", "sentiment_shifts",
}  # fmt: skip
Name = tuple[str, str, str]
"""Metric, dimension, and its value."""


class Levels:
    """The levels of the series that are compared: the rows of `metric_health` and of `metric_anomalies`."""

    def __init__(self, observations: Sequence[Observation], clock: int) -> None:
        """Judge the hours that are over and hold.

        Args:
            observations: of all customers.
            clock: the time that the pipeline has reached, ms.
        """
        self._series: list[tuple[Name, list[Judged], list[Anomaly]]] = []
        for name, hours in _series(observations).items():
            end = (clock - HELD.get(name[0], 0)) // HOUR
            over = {at: sums for at, sums in hours.items() if at < end}
            if over:
                judged = judge(_kind(name[0]), over, end, ZONE, METHOD)
                self._series.append((name, judged, anomalies(judged)))

    def anomalies(self) -> Iterator[dict[str, Any]]:
        """Give the rows of `metric_anomalies`."""
        for name, _, found in self._series:
            for direction, start, after, end in found:
                yield {
                    **dict(zip(("metric", "dimension", "dimension_value"), name, strict=True)),
                    "direction": direction,
                    "level": _level(name[0], direction),
                    "started_at": start * HOUR,
                    "found_at": after * HOUR,
                    "ended_at": None if end is None else end * HOUR,
                    "method": METHOD,
                }

    def health(self) -> Iterator[dict[str, Any]]:
        """Give the rows of `metric_health`."""
        for name, judged, found in self._series:
            days: dict[int, list[Judged]] = defaultdict(list)
            for hour in judged:
                days[hour.at // 24].append(hour)
                yield _row(name, "1h", hour.at, [hour], found)
            for day, hours in days.items():
                yield _row(name, "1d", day * 24, hours, found)


def _kind(metric: str) -> str:
    if metric in DURATIONS:
        return "duration"
    if metric in SCORES:
        return "mean"
    return {"nps": "nps", "orders": "count", "revenue": "sum", "refunds": "sum"}.get(metric, "share")


def _level(metric: str, direction: str) -> str:
    return "worse" if (direction == "rise") == (metric in LOWER_IS_BETTER) else "better"


def _series(observations: Sequence[Observation]) -> Mapping[Name, dict[int, Sums]]:
    """Return what was observed by series and hour: durations in ms, scores in ten-thousandths."""
    several = in_several_currencies(observations)
    found: dict[Name, dict[int, Sums]] = defaultdict(dict)
    for one in observations:
        unit = 1000 if one.metric in DURATIONS else 10_000 if one.metric in SCORES else 1
        amount = round(one.amount * unit)
        square = amount * amount if one.metric == "nps" or one.metric in SCORES else 0
        dimensions = {"all": ""}
        if one.metric in MONEY:
            dimensions["currency"] = one.currency
        for dimension, value in dimensions.items():
            if one.metric in several and dimension != "currency":
                continue
            hours = found[one.metric, dimension, value]
            n, total, squares = hours.get(one.touch.at // HOUR, (0, 0, 0))
            hours[one.touch.at // HOUR] = (n + 1, total + amount, squares + square)
    return found


def _row(name: Name, grain: str, begins: int, hours: Sequence[Judged], found: Sequence[Anomaly]) -> dict[str, Any]:
    """Return the row of an hour, or of the hours of a day."""
    kind, last = _kind(name[0]), hours[-1].at
    n, total = sum(hour.n for hour in hours), sum(hour.total for hour in hours)
    of = 1.0 if kind in {"count", "sum"} else n
    scale = {"nps": 100.0, "mean": 1e-4, "duration": 1e-3}.get(kind, 1.0)
    least, most = {"share": (0.0, 1.0), "nps": (-100.0, 100.0), "mean": (-1.0, 1.0)}.get(kind, (0.0, float("inf")))
    known = hours[-1].known
    usual = scale * sum(hour.weight * hour.rate for hour in hours) / of if of else 0.0
    margin = scale * 3 * sum(hour.variance for hour in hours) ** 0.5 / of if of else 0.0
    within = [one for one in found if one[1] <= last and (one[3] is None or one[3] > begins)]
    level = _level(name[0], within[-1][0]) if within else "as usual"
    return {
        **dict(zip(HEALTH_KEY, (name[0], grain, begins * HOUR, *name[1:]), strict=True)),
        "n": n,
        "value": scale * total / of if of else None,
        "baseline": usual if of and known else None,
        "low": max(least, usual - margin) if of and known else None,
        "high": min(most, usual + margin) if of and known else None,
        "level": level if known else "too few to tell",
        "since": within[-1][1] * HOUR if within else None,
        "method": METHOD,
    }
