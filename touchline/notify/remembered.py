"""What a target was told of lately, so that it is not told again. Pure: it is told the time."""

from __future__ import annotations

from collections import OrderedDict

MOST = 100_000
"""Deliveries that are remembered of a target, in some 10 MB; beyond it the oldest is forgotten early."""


class Remembered:
    """The deliveries of one target.

    Args:
        for_s: seconds for which each is remembered.
        most: how many are at most.
    """

    def __init__(self, for_s: float, most: int = MOST) -> None:
        self._for_s = for_s
        self._most = most
        self._since: OrderedDict[str, float] = OrderedDict()

    def add(self, key: str, now: float) -> None:
        """Remember a delivery from now on."""
        self._since[key] = now
        self._since.move_to_end(key)
        while len(self._since) > self._most:
            self._since.popitem(last=False)

    def has(self, key: str, now: float) -> bool:
        """Return whether a delivery is remembered."""
        while self._since and next(iter(self._since.values())) <= now - self._for_s:
            self._since.popitem(last=False)
        return key in self._since
