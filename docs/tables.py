"""Writes the tables and programs that pages take from the code: run `python docs/tables.py` after a change of either.

Each stands between `<!-- name -->` and `<!-- /name -->`. A test holds that all are up to date.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from schemas.avro.registry import kind_schemas
from schemas.limits import CHARACTERS, ENTRIES, LARGEST_AMOUNT, MAPS, SHORT, UNLIMITED
from schemas.metrics import METRICS, ValueKind
from schemas.topics import all_topics
from schemas.units import DAY_MS, HOUR_MS, MINUTE_MS
from streams.runtime.telemetry import declarations
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


def telemetry_table() -> str:
    """Return every metric that Prometheus sees."""
    lines = ["| metric | kind | labels | served by | meaning |", "|---|---|---|---|---|"]
    for _, kind, metric in declarations():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        served_by = "both" if metric.only is None else f"{metric.only}s"
        cells = (f"`{metric.name}`", kind.__name__.lower(), labels, served_by, metric.meaning)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def metrics_table() -> str:
    """Return every metric's declaration."""
    rows = [
        f"| `{metric.name}` | {metric.observation} | {metric.counted} | {VALUES[metric.kind]} "
        f"| {duration(metric.restated_ms)} |"
        for metric in METRICS
    ]
    head = "| metric | observation, and its bucket | numerator | value | restated for |"
    return "\n".join([head, "|---|---|---|---|---|", *rows])


def limits_table() -> str:
    """Return the limits of what a record's fields may hold."""
    rows = [f"| every text but those below | {SHORT} characters |"]
    rows += [f"| {_code(name)} | {most:,} characters |" for name, most in CHARACTERS.items()]
    rows.append(f"| {_code(*sorted(UNLIMITED))} | the message's limit alone |")
    rows += [
        f"| {_code(name)} | {most.entries} entries; a name {most.name} characters, a value {most.value:,} |"
        for name, most in MAPS.items()
    ]
    rows += [f"| {_code(name)} | {most:,} entries |" for name, most in ENTRIES.items()]
    rows.append(f"| {_code(*_amounts())} | {LARGEST_AMOUNT:,} |")
    return "\n".join(["| field | at most |", "|---|---|", *rows])


def _code(*names: str) -> str:
    return " ".join(f"`{name}`" for name in names)


def _amounts() -> list[str]:
    """Return the fields that are limited as amounts are, by their names in the schemas."""
    fields = [field for schema in kind_schemas().values() for field in schema["fields"]]
    fields += [inner for field in fields if isinstance(field["type"], dict) for inner in _fields_of(field["type"])]
    found = {str(field["name"]) for field in fields}
    return sorted(name for name in found if name.endswith("_minor") or name in {"quantity", "duration_ms"})


def _fields_of(kind: dict[str, Any]) -> list[dict[str, Any]]:
    items = kind.get("items")
    return items["fields"] if isinstance(items, dict) else []


def duration(milliseconds: int) -> str:
    """Return a length of time as in `30 d 30 min`, to the minute; nothing for 0."""
    parts = []
    for unit, length in (("d", DAY_MS), ("h", HOUR_MS), ("min", MINUTE_MS)):
        count, milliseconds = divmod(milliseconds, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts)


def program(path: str) -> Callable[[], str]:
    """Return what gives a file of examples/producers as a block of code."""
    file = DOCS.parent / "examples" / "producers" / path
    language = {".py": "python", ".java": "java", ".go": "go", ".js": "js", ".xml": "xml"}[file.suffix]
    return lambda: f"```{language}\n{file.read_text('utf-8')}```"


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "operating.md": {"settings": settings_table, "topics": topics_table, "metrics": telemetry_table},
    "metrics.md": {"metrics": metrics_table},
    "contract.md": {"limits": limits_table},
    "producers/python.md": {
        "confluent-kafka": program("python/with_confluent_kafka.py"),
        "aiokafka": program("python/with_aiokafka.py"),
    },
    "producers/java.md": {
        "pom": program("java/pom.xml"),
        "program": program("java/src/main/java/FirstTouchpoint.java"),
    },
    "producers/go.md": {"program": program("go/main.go")},
    "producers/node.md": {"program": program("node/first-touchpoint.js")},
}
"""The tables and programs of each page, by the name between the marks."""


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
