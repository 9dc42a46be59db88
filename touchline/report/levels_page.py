"""The section of the report on which figures are not as they usually are."""

from __future__ import annotations

from rich.console import Console

from schemas.metrics import METRICS
from touchline.report.charts import sparkline
from touchline.report.formatting import counted, duration, level, short_day
from touchline.report.levels import Levels, Odd
from touchline.report.money import format_money
from touchline.report.printing import Cell, Part, Rows, Said, print_section
from touchline.terminal import styled

NAMES = {
    "orders": "Orders a day",
    "revenue": "Revenue a day",
    "refunds": "Refunds a day",
    "sentiment": "How texts sound",
    "experience": "Experience",
    "sentiment_shifts": "Customers who turned",
}
"""What the metrics are called that have no title of their own."""
KINDS = {metric.name: metric.kind for metric in METRICS}
TITLES = {metric.name: metric.title.partition(" (")[0] for metric in METRICS}


def print_levels(levels: Levels, console: Console) -> None:
    """Print the section."""
    parts: list[Part] = []
    if levels.odd:
        columns = ("", "", "since", "usual", "now", "last 28 days")
        rows = [_row(one) for one in levels.odd]
        parts.append(Rows(columns, rows, "SELECT * FROM metric_anomalies", texts=3))
    if levels.as_usual:
        parts.append(Said(f"{counted(levels.as_usual, 'figure is', 'figures are')} as usual."))
    if levels.unknown:
        unknown = counted(levels.unknown, "figure", "figures")
        parts.append(Said(f"Of {unknown} too little is known to say what is usual: it takes four weeks.", "dim", 1))
    print_section("What is not as usual", parts or [Said("Nothing is known yet of what is usual.")], console)


def _row(one: Odd) -> list[Cell]:
    since = short_day(one.since) + (f" to {short_day(one.ended_at)}" if one.ended_at else "")
    shown = styled(one.level, "red" if one.level == "worse" else "green")
    return [name_of(one), shown, since, _value(one, one.usual), _value(one, one.value), sparkline(one.days)]


def name_of(one: Odd) -> str:
    """Return what a person calls a metric."""
    return TITLES.get(one.metric) or NAMES.get(one.metric, one.metric)


def _value(one: Odd, value: float | None) -> str:
    """Return a value as the views of metrics have it, in its unit."""
    if value is None:
        return "-"
    kind = KINDS.get(one.metric, "count")
    if kind == "sum":
        return format_money(round(value), one.currency)
    if kind == "share":
        return f"{value:.0%}"
    if kind == "duration":
        return duration(value)
    return {"nps": f"{value:+.0f}", "mean": level(value)}.get(kind, f"{value:,.1f}")
