"""Makes up lines of what happens to customers, at any time and often at the very same one, and stores them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sinks.migrate import NOTHING_DECLARED, Declared, migrate
from tests.contract.engine import Engine
from tests.oracle.compare import World
from tests.oracle.touchpoints import DAY, MINUTE, milliseconds, read
from tests.unit.played_lines import store

Row = dict[str, Any]


class MadeUp:
    """Lines that are made up.

    Attributes:
        random: gives the same numbers each time.
        lines: those so far.
    """

    def __init__(self, seed: int, first: int, days: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[Row] = []
        self._first, self._days = first, days

    def add(self, kind: str, at: int, customer: str, source: str = "s", **fields: Any) -> None:
        """Add a line with the fields that are not None."""
        said = {name: value for name, value in fields.items() if value is not None}
        line = {"kind": kind, "event_id": f"e-{self.random.random()}", "occurred_at": at, "source": source}
        self.lines.append({**line, "customer_id": customer, **said})

    def start(self) -> int:
        """Return any time, ms; full minutes often, so that things happen at once."""
        at = self._first + self.random.randrange(self._days * DAY)
        return at if self.random.random() < 0.5 else at // MINUTE * MINUTE

    def later(self, at: int, longest: int) -> int:
        """Return a time that is not before another, often the same."""
        return at + self.random.choice((0, 0, MINUTE, self.random.randrange(longest)))


def play(
    chdb: Engine,
    folder: Path,
    lines: Iterable[Mapping[str, Any]],
    time_zone: str = "UTC",
    declared: Declared = NOTHING_DECLARED,
    until: int | None = None,
) -> World:
    """Store what lines bring about; return what the oracle makes of them.

    Args:
        until: the time at the end, ms; by default a moment after the last line.
    """
    in_order = sorted(lines, key=lambda line: milliseconds(line["occurred_at"]))
    file = folder / "lines.jsonl"
    file.write_text("\n".join(map(json.dumps, in_order)))
    migrate(chdb, time_zone=time_zone, declared=declared)
    if until is None:
        until = milliseconds(in_order[-1]["occurred_at"]) + 1
    store(chdb, file, until, ())
    return World.of(read(in_order, {}), {}, until)


def rows_of(chdb: Engine, query: str) -> list[Row]:
    """Return the rows of a query."""
    return [json.loads(line) for line in chdb.query(query, output_format="JSONEachRow").splitlines()]
