"""`touchline demo --keep` as a person runs it, and the rows of the database that it leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

VIEWS = (
    "touchpoints", "purchases", "purchase_items", "tweets", "support_calls", "survey_answers", "cart_events",
    "case_events", "page_views", "journeys", "abandonments", "sentiment_shifts", "rolling_metrics", "customers",
)  # fmt: skip
"""The views of the contract without `dead_letters`, whose raw bytes may not be text."""
EVERY_ATTRIBUTE = {"TOUCHLINE_METRIC_DIMENSIONS": "*"}
PATIENCE_S = 300
AT_ONCE = 8
"""Views of one question."""


def touchline(*arguments: object, patience_s: float = PATIENCE_S, variables: Mapping[str, str] | None = None) -> str:
    """Run the command with variables of the environment; it must succeed. Return what it prints."""
    command = [sys.executable, "-m", "touchline", *map(str, arguments)]
    environment = {**os.environ, **(variables or {})}
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=patience_s, env=environment)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def demo(database: Path, *inputs: Path) -> str:
    """Play the inputs, by default the sample, into a new database, with metrics by every attribute.

    Returns:
        The report.
    """
    files = [argument for file in inputs for argument in ("--input", file)]
    return touchline("demo", *files, "--keep", database, variables=EVERY_ATTRIBUTE)


def rows(database: Path, *names: str, where: str = "true") -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the named views, some views in each question: the engine plans no more of them at once."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for some in batched(names, AT_ONCE):
        parts = [f"SELECT '{name}', formatRowNoNewline('JSONEachRow', *) FROM {name} WHERE {where}" for name in some]
        answer = touchline("query", " UNION ALL ".join(parts), "--data", database, "--format", "TSVRaw")
        for line in answer.splitlines():
            name, row = line.split("\t", 1)
            found[name].append(json.loads(row))
    return found


def batched(parts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Yield parts in runs of a size; the last may be shorter."""
    for begin in range(0, len(parts), size):
        yield parts[begin : begin + size]


def lines(file: Path) -> list[dict[str, Any]]:
    """Return the touchpoints of a file of JSON lines."""
    with file.open(encoding="utf-8") as text:
        return [json.loads(line) for line in text]


def ask(database: Path, sql: str) -> list[list[Any]]:
    """Return the rows of one question."""
    return [json.loads(line) for line in _compact(database, sql)]


def _compact(database: Path, sql: str) -> Iterable[str]:
    return touchline("query", sql, "--data", database, "--format", "JSONCompactEachRow").splitlines()
