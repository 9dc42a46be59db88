"""Which offsets may be committed: those before which every target is done with everything. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

Place = tuple[str, int]
"""Topic and partition."""


@dataclass(slots=True)
class Taken:
    """A message that was read.

    Attributes:
        offset: of it.
        size: of it, bytes.
        left: how many targets are not done with it.
        ours: whether its partition is still ours: else its next reader delivers it.
    """

    offset: int
    size: int
    left: int
    ours: bool = True


@dataclass(slots=True)
class _Partition:
    position: int
    committed: int
    open: deque[Taken] = field(default_factory=deque)

    @property
    def done_to(self) -> int:
        while self.open and not self.open[0].left:
            self.open.popleft()
        return self.open[0].offset if self.open else self.position


class Progress:
    """The messages that targets are not done with, and how far each partition is.

    Args:
        most: deliveries that may wait.
        most_bytes: of the messages that wait.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._partitions: dict[Place, _Partition] = {}
        self._waiting = 0
        self._bytes = 0

    @property
    def room(self) -> int:
        """How many more messages may be read; 0 where too much waits."""
        return max(0, self._most - self._waiting) if self._bytes < self._most_bytes else 0

    def take(self, place: Place, offset: int, size: int, targets: int) -> Taken:
        """Note a message that was read, and how many targets are to have it."""
        partition = self._partitions.setdefault(place, _Partition(offset, offset))
        taken = Taken(offset, size, targets)
        partition.position = offset + 1
        if targets:
            partition.open.append(taken)
            self._waiting += targets
            self._bytes += size
        return taken

    def done(self, taken: Taken) -> None:
        """Note that one more target is done with a message."""
        taken.left -= 1
        self._waiting -= 1
        if not taken.left:
            self._bytes -= taken.size

    def to_commit(self) -> dict[Place, int]:
        """Return the offsets that may be committed, of partitions where they are not."""
        found = {place: partition.done_to for place, partition in self._partitions.items()}
        return {place: offset for place, offset in found.items() if offset > self._partitions[place].committed}

    def committed(self, offsets: dict[Place, int]) -> None:
        """Note that offsets were committed."""
        for place, offset in offsets.items():
            if place in self._partitions:
                self._partitions[place].committed = offset

    def revoke(self, places: Iterable[Place]) -> None:
        """Forget partitions that are another's from now on; what waits of them is not delivered here."""
        for place in places:
            partition = self._partitions.pop(place, None)
            for taken in partition.open if partition is not None else ():
                taken.ours = False
