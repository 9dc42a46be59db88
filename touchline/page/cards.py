"""Metrics of a period as cards: the value of all its days, a chart of each, and the band beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from schemas.metrics import METRICS, Metric, ValueKind
from touchline.page.asked import Asked, Basis, Period
from touchline.page.charts import LineChart, Observation, line_chart, unit_of
from touchline.page.query import Query, Row, Rows
from touchline.page.sql import filled
from touchline.page.wording import METRIC_TITLES

VALUES = Query(
    "values",
    filled("""
SELECT metric, toUnixTimestamp64Milli(bucket) AS at, n, numerator, denominator, value, ci_low, ci_high, final
FROM rolling_metrics
WHERE metric IN {metrics:Array(String)} AND grain = '1d'
  AND dimension = {dimension:String} AND dimension_value = {value:String}
  AND {period of bucket}
ORDER BY metric, bucket
"""),
)
DAY_WITHOUT = frozenset({"count", "sum"})
"""The kinds of values that are 0 on a day without an observation; of others such a day has none."""


@dataclass(frozen=True)
class Card:
    """A metric in the period.

    Attributes:
        name: of the metric.
        title: a text of the catalogues.
        kind: how its value is made.
        n: observations.
        value: of the whole period; None without an observation, or where a sum has several currencies.
        level: of the last day that is judged, as the view says it; empty where none is.
        since_at: when what is odd began, epoch ms.
        days: what the chart shows, for its table.
        chart: its days.
        is_judged: whether the band is the level; else it is the 95 % interval of each day's value.
    """

    name: str
    title: str
    kind: ValueKind
    n: int
    value: float | None
    level: str
    since_at: int | None
    days: tuple[Observation, ...]
    chart: LineChart
    is_judged: bool


def parameters_of(asked: Asked) -> dict[str, object]:
    """Return the values of `VALUES`, and those that every query may name.

    All screens ask for all metrics, so that one answer does for all of them; the address of a CSV may name one.
    """
    named = asked.words.get("metric", "")
    return {**asked.parameters, "metrics": [named] if named else [metric.name for metric in METRICS]}


def cards_of(asked: Asked, names: Sequence[str], values: Rows, levels: Rows | None = None) -> tuple[Card, ...]:
    """Return the metrics that have an observation.

    Args:
        asked: the period.
        names: of metrics.
        values: rows of `VALUES`.
        levels: rows of `metric_health` in the period; None where the band is the interval of each value.
    """
    cards = []
    for metric in METRICS:
        own = [row for row in values if row["metric"] == metric.name]
        if own and metric.name in names:
            judged = None if levels is None else [row for row in levels if row["metric"] == metric.name]
            cards.append(_card(asked, metric, own, judged))
    return tuple(cards)


def value_of(kind: ValueKind, n: int, numerator: float | None, denominator: float) -> float | None:
    """Return a metric's value over several buckets, by their sums as `rolling_metrics` gives them."""
    if kind == "count":
        return float(n)
    if numerator is None or kind == "sum":
        return numerator
    if not denominator:
        return None
    return 100 * numerator / denominator if kind == "nps" else numerator / denominator


def days_of(period: Period) -> list[date]:
    """Return the days of a period."""
    return [period.since + timedelta(days=number) for number in range(period.days)]


def begin_of(day: date, basis: Basis) -> int:
    """Return when a day of the business begins, epoch ms."""
    return Period(day, day).bounds(basis.zone)[0]


def _card(asked: Asked, metric: Metric, values: Sequence[Row], levels: Sequence[Row] | None) -> Card:
    amounts = [row["numerator"] for row in values]
    numerator = None if any(amount is None for amount in amounts) else sum(map(float, amounts))
    n = sum(int(row["n"]) for row in values)
    value_at = {int(row["at"]): row["value"] for row in values}
    if levels is None:
        bands = {int(row["at"]): (row["ci_low"], row["ci_high"]) for row in values}
    else:
        bands = {int(row["at"]): (row["low"], row["high"]) for row in levels}
    without = 0.0 if metric.kind in DAY_WITHOUT else None
    begins = [begin_of(day, asked.basis) for day in days_of(asked.period)]
    days = tuple(Observation(at, value_at.get(at, without), *bands.get(at, (None, None))) for at in begins)
    longest = max((day.value for day in days if day.value is not None), default=0.0)
    last: Mapping[str, object] = levels[-1] if levels else {}
    since_at = last.get("since_at")
    return Card(
        name=metric.name,
        title=METRIC_TITLES[metric.name],
        kind=metric.kind,
        n=n,
        value=value_of(metric.kind, n, numerator, sum(float(row["denominator"]) for row in values)),
        level=str(last.get("level", "")),
        since_at=None if since_at is None else int(str(since_at)),
        days=days,
        chart=line_chart(days, unit=unit_of(longest) if metric.kind == "duration" else 1.0),
        is_judged=levels is not None,
    )
