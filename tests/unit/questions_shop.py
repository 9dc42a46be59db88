"""The sample's shop, of which the questions of docs/questions.md are asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contract.engine import Engine
from tests.oracle.compare import World
from tests.oracle.touchpoints import milliseconds

Line = dict[str, Any]
Rows = list[list[Any]]


@dataclass(frozen=True)
class Shop:
    """The sample: its lines, what the oracle makes of them, and the database that holds it."""

    lines: list[Line]
    world: World
    database: Engine
    shifts: list[Line]

    @property
    def owners(self) -> dict[str, str]:
        """Whose each touchpoint is, by event_id."""
        people = self.world.people.values()
        return {touch.event_id: touch.customer for history in people for touch in history.touches}

    def of(self, kind: str) -> Iterator[Line]:
        """Give the lines of a kind in order of time."""
        return (line for line in self.lines if line["kind"] == kind)

    def by(self, kind: str, name: str) -> dict[tuple[str, str], list[Line]]:
        """Return the lines of a kind by their customer and one of their fields."""
        found: dict[tuple[str, str], list[Line]] = defaultdict(list)
        owners = self.owners
        for line in self.of(kind):
            found[owners[line["event_id"]], line[name]].append(line)
        return found


def at(line: Line) -> int:
    return milliseconds(line["occurred_at"])


def shown(time: int) -> str:
    """Return a time as ClickHouse shows it."""
    moment_in_utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time)
    return f"{moment_in_utc:%Y-%m-%d %H:%M:%S}.{time % 1000:03}"
