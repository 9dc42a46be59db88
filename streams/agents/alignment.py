"""Keeps the INGEST tasks of a worker in step: none writes what is much later than what another has to write next.

A customer's touchpoints may come from several tasks: each goes by the key of the message, and what was stated under
other keys is forwarded. Each task merges its own inputs in the order of event time. Without this, a task that reads a
backlog could be weeks ahead of another, and what it writes would stand out of order.

It decides no row, so no task waits for long: whoever sends old records to one partition without an end holds up none of
the others for good.
"""

from __future__ import annotations

from collections.abc import Callable

from schemas.units import DAY_MS, SECOND_MS
from streams.intake.merge import NO_BOUND

LEAST_SPAN_MS = SECOND_MS
MOST_SPAN_MS = DAY_MS
FEW = 100
"""With fewer records in a batch that ends early, tasks may be further apart: each batch has a cost of its own."""
MOST_WAIT_MS = 5 * SECOND_MS
"""A task that has waited for so long for others alone writes a batch, wherever they stand."""


class Alignment:
    """Where the next records of a worker's tasks stand in event time, and how far apart they may be.

    Attributes:
        span_ms: how much later than another task's next record a task may write, ms. It adapts to how dense records
            are, as a small shop's backlog passes in days a second, and a large one's in minutes.
    """

    def __init__(self) -> None:
        self.span_ms = LEAST_SPAN_MS
        self._next: dict[int, int] = {}
        self._waiting: dict[int, Callable[[], None]] = {}
        self._waits_since: dict[int, int] = {}

    def note(self, task: int, next_place: int) -> None:
        """Note where a task's next record stands, ms, or `NO_BOUND`, and let those go on that waited for it."""
        has_moved = next_place > self._next.get(task, NO_BOUND)
        self._next[task] = next_place
        if has_moved:
            self._wake()

    def until(self, task: int, now: int) -> int:
        """Return up to what time a task may write, ms: any time, where it has waited long enough.

        Args:
            now: the wall clock, ms.
        """
        if now - self._waits_since.get(task, now) >= MOST_WAIT_MS:
            return NO_BOUND
        return min((place for other, place in self._next.items() if other != task), default=NO_BOUND) + self.span_ms

    def move(self, task: int, next_place: int, count: int, *, is_full: bool) -> None:
        """Note that a task has taken a batch.

        Args:
            next_place: where its next record stands now, as of `note`.
            count: the records of the batch.
            is_full: whether there may be more that it could take at once.
        """
        if count:
            self._waits_since.pop(task, None)
        if is_full:
            self.span_ms = max(LEAST_SPAN_MS, self.span_ms // 2)
        elif 0 < count < FEW and next_place != NO_BOUND:
            self.span_ms = min(MOST_SPAN_MS, self.span_ms * 2)
        self.note(task, next_place)

    def wait(self, task: int, now: int, wake: Callable[[], None]) -> None:
        """Have a task woken once another has moved. Whoever waits for long has to look by itself, too.

        Args:
            now: the wall clock, ms.
            wake: wakes it.
        """
        self._waits_since.setdefault(task, now)
        self._waiting[task] = wake

    def leave(self, task: int) -> None:
        """Wait no more for a task that has ended."""
        self._next.pop(task, None)
        self._waiting.pop(task, None)
        self._waits_since.pop(task, None)
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for wake in waiting.values():
            wake()
