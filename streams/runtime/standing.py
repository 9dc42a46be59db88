"""What a process waits for before it can go on with its work: Kafka, ClickHouse, the schema registry, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, NamedTuple

from schemas.text import shortened

Need = Literal["kafka", "clickhouse", "schema_registry"]
"""What a process may wait for."""

_NAMES: dict[Need, str] = {"kafka": "Kafka", "clickhouse": "ClickHouse", "schema_registry": "the schema registry"}


class _Wait(NamedTuple):
    since: float
    cause: str


class Standing:
    """What a process waits for. Its event loop writes it; any thread may read it.

    Args:
        clock: tells seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waits: dict[Need, _Wait] = {}

    def wait(self, need: Need, cause: str) -> None:
        """Note that work waits for something, and why; it has waited since the first of such notes."""
        before = self._waits.get(need)
        self._waits[need] = _Wait(self._clock() if before is None else before.since, shortened(cause))

    def go_on(self, need: Need) -> None:
        """Note that work no longer waits for something."""
        self._waits.pop(need, None)

    def waits(self, need: Need) -> bool:
        """Return whether work waits for something."""
        return need in self._waits

    @property
    def working(self) -> bool:
        """Whether work waits for nothing."""
        return not self._waits

    def __str__(self) -> str:
        """Return it for a person: `working`, or what is waited for, how long already, and why."""
        now = self._clock()
        waits = [
            f"waiting for {_NAMES[need]} for {now - wait.since:.0f} s: {wait.cause}"
            for need, wait in list(self._waits.items())
        ]
        return "; ".join(waits) or "working"
