"""When the customers of a partition are to be woken."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from streams.journeys.state import NEVER


class Timers:
    """A queue of wake-ups. It is no state: after a restart it is made of the timelines."""

    def __init__(self) -> None:
        self._queue: list[tuple[int, str]] = []
        self._scheduled: dict[str, int] = {}

    def schedule(self, customer_key: str, at: int) -> None:
        """Wake a customer at a time (ms), or never; an earlier wake-up that stands looks again by itself."""
        if at < self._scheduled.get(customer_key, NEVER):
            heappush(self._queue, (at, customer_key))
            self._scheduled[customer_key] = at

    def is_due(self, until: int) -> bool:
        """Return whether anybody is to be woken up to a time (ms)."""
        queue = self._queue
        return bool(queue) and queue[0][0] <= until

    def due(self, until: int) -> Iterator[tuple[int, str]]:
        """Yield the wake-ups up to a time (ms), in order, and those that are added meanwhile; they stand no more."""
        queue = self._queue
        while queue and queue[0][0] <= until:
            at, customer_key = heappop(queue)
            self._scheduled.pop(customer_key, None)
            yield at, customer_key
