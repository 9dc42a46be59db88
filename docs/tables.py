"""Writes the tables that pages take from the code: run `python docs/tables.py` after a change of a declaration.

A table stands between `<!-- name -->` and `<!-- /name -->`. A test holds that every table is up to date.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from schemas.metrics import METRICS, ValueKind
from schemas.topics import all_topics
from schemas.units import DAY_MS, HOUR_MS, MINUTE_MS
from streams.runtime.telemetry import describe
from streams.settings import documented

DOCS = Path(__file__).parent

VALUES: dict[ValueKind, str] = {
    "nps": "100 \N{MULTIPLICATION SIGN} numerator / n",
    "share": "numerator / n",
    "count": "n",
    "sum": "numerator",
    "mean": "mean",
    "duration": "mean; p50, p90, p99",
}
"""How the page says a kind of value."""


def settings_table() -> str:
    """Return every setting with its default and meaning."""
    rows = [
        f"| `{setting.variable}` | {f'`{setting.default}`' if setting.default else ''} | {setting.meaning} |"
        for setting in documented()
    ]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


def topics_table() -> str:
    """Return every topic with the configuration it is created with."""
    rows = [
        f"| `{topic.name}` | {', '.join(f'`{name}={value}`' for name, value in topic.config.items())} |"
        for topic in all_topics()
    ]
    return "\n".join(["| topic | created with |", "|---|---|", *rows])


def metrics_table() -> str:
    """Return every metric's declaration."""
    rows = [
        f"| `{metric.name}` | {metric.observation} | {metric.counted} | {VALUES[metric.kind]} "
        f"| {duration(metric.restated_ms)} |"
        for metric in METRICS
    ]
    head = "| metric | observation, and its bucket | numerator | value | restated for |"
    return "\n".join([head, "|---|---|---|---|---|", *rows])


def duration(milliseconds: int) -> str:
    """Return a length of time as in `30 d 30 min`, to the minute; nothing for 0."""
    parts = []
    for unit, length in (("d", DAY_MS), ("h", HOUR_MS), ("min", MINUTE_MS)):
        count, milliseconds = divmod(milliseconds, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts)


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "operating.md": {"settings": settings_table, "topics": topics_table, "metrics": describe},
    "metrics.md": {"metrics": metrics_table},
}
"""The tables of each page, by the name between the marks."""


def with_tables(page: str, text: str) -> str:
    """Return a page's text with its tables as they should be.

    Raises:
        ValueError: the marks of a table do not stand in the text once each.
    """
    for name, table in PAGES[page].items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if text.count(start) != 1 or text.count(end) != 1:
            raise ValueError(f"{page} should have {start.strip()} and {end} once each")
        before, rest = text.split(start)
        after = rest.split(end)[1]
        text = f"{before}{start}{table()}\n{end}{after}"
    return text


if __name__ == "__main__":
    for page in PAGES:
        path = DOCS / page
        path.write_text(with_tables(page, path.read_text("utf-8")), "utf-8")
