"""What is found by keys, in parts that grow one after another: an entry takes the same however many there are.

A dictionary that is full makes room for twice as many, and moves all of them at once. An entry takes 60 bytes behind
that, and 30 before the next time. Here one part or another has just grown at any time: an entry takes 36 to 47 bytes,
and a tenth of all is moved at once, at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate, chain

from streams.identity.link_store import KEY_BYTES

PARTS = 16
_FIRST_BYTES = 256
_SHIFT = 8 * (KEY_BYTES - 1)


class Table:
    """Bytes by keys (`streams.identity.component.key_of`), whose first byte tells the part."""

    def __init__(self) -> None:
        # The parts' sizes are spread evenly between one and two, so that no two are full together.
        sizes = [2 ** (number / PARTS) for number in range(PARTS)]
        ends = [round(_FIRST_BYTES * end / sum(sizes)) for end in accumulate(sizes, initial=0)]
        self.parts: list[dict[int, bytes]] = [{} for _ in range(PARTS)]
        self._part_of = [
            part for part, begin, end in zip(self.parts, ends, ends[1:], strict=False) for _ in range(begin, end)
        ]

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(map(len, self.parts))

    def __contains__(self, key: int) -> bool:
        """Return whether there is something by a key."""
        return key in self._part_of[key >> _SHIFT]

    def __getitem__(self, key: int) -> bytes:
        """Return what is found by a key that is there."""
        return self._part_of[key >> _SHIFT][key]

    def get(self, key: int) -> bytes | None:
        """Return what is found by a key, None where there is nothing."""
        return self._part_of[key >> _SHIFT].get(key)

    def put(self, keys: Iterable[int], data: bytes) -> None:
        """Let the same bytes be found by some keys."""
        for key in keys:
            self._part_of[key >> _SHIFT][key] = data

    def drop(self, key: int) -> None:
        """Let nothing be found by a key."""
        self._part_of[key >> _SHIFT].pop(key, None)

    def items(self) -> Iterator[tuple[int, bytes]]:
        """Return all keys, and what is found by them."""
        return chain.from_iterable(part.items() for part in self.parts)
