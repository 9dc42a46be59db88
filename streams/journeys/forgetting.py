"""When what stated keys have forwarded is forgotten: once the settled time has passed the last of it.

Timers go by the partition's own time, which may be far ahead, or stand while the settled time goes on; so these wait in
a queue of their own. It is no state: after a restart it is made of the timelines.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from streams.journeys.ownership import Ownership


class Forgetting:
    """The stated keys of a partition that have forwarded touchpoints, by when the last of these happened."""

    def __init__(self) -> None:
        self._queue: list[tuple[int, str]] = []
        self._queued: set[str] = set()

    def add(self, customer_key: str, ownership: Ownership | None) -> None:
        """Let a key wait that has forwarded something, unless it waits already."""
        if ownership is not None and ownership.forwarded and customer_key not in self._queued:
            self._queued.add(customer_key)
            heappush(self._queue, (ownership.forwarded[-1].occurred_at, customer_key))

    def due(self, settled_before: int) -> Iterator[str]:
        """Yield the keys whose last touchpoint, when they began to wait, happened before a time (ms).

        They wait no more. One that has forwarded a later one since is to be added again.
        """
        queue = self._queue
        while queue and queue[0][0] < settled_before:
            _, customer_key = heappop(queue)
            self._queued.remove(customer_key)
            yield customer_key
