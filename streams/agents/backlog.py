"""How far INGEST is ahead of JOURNEYS in a worker's own partitions of the log: it waits where that is far.

What JOURNEYS forwards to another partition stands there behind all that INGEST has written meanwhile. Were INGEST to
read a backlog at its own pace, that would be months of event time: every forwarded touchpoint would be out of order,
and nothing would be settled before INGEST comes to its end.
"""

from __future__ import annotations

import asyncio

MOST_AHEAD = 5_000
"""With more records to be applied, INGEST writes no batch.

They keep JOURNEYS busy for about a second, so that it need not wait for a slow broker."""


class Backlog:
    """The records that JOURNEYS has yet to apply, in those of the worker's partitions that it has begun with."""

    def __init__(self) -> None:
        self._ends: dict[int, int] = {}
        self._applied: dict[int, int] = {}
        self._room = asyncio.Event()

    def grow(self, partition: int, end: int) -> None:
        """Note that a partition ends at an offset, or behind it."""
        self._ends[partition] = max(end, self._ends.get(partition, 0))

    def shrink(self, partition: int, end: int) -> None:
        """Note that JOURNEYS has applied a partition up to an offset, and that what it wrote is acknowledged."""
        self._applied[partition] = end
        self._room.set()

    def forget(self) -> None:
        """Forget what was applied before partitions were assigned anew: also of one that stays.

        A worker that was silent for too long may get back what others have applied to its end meanwhile. Nothing comes
        of it then, and INGEST would wait for ever.
        """
        self._applied.clear()
        self._room.set()

    @property
    def records(self) -> int:
        """How many records are to be applied."""
        return sum(max(0, self._ends.get(number, 0) - end) for number, end in self._applied.items())

    async def wait_for_room(self) -> None:
        """Wait until few records are to be applied."""
        while self.records > MOST_AHEAD:
            self._room.clear()
            await self._room.wait()
