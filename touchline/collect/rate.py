"""A rate limit by name: a token bucket that one request may overdraw, and that then has to fill again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable

BURST_S = 1.0
"""So much of the rate may come at once."""


class RateLimit:
    """Counts what each name takes of its rate.

    Args:
        per_second: that each of them may take; 0 for any number.
        names: of all that there are.
        clock: tells seconds, monotonic.
    """

    def __init__(self, per_second: float, names: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second * BURST_S)
        self._clock = clock
        self._left = dict.fromkeys(names, self._most)
        self._seen = dict.fromkeys(self._left, clock())

    def wait_s(self, name: str) -> int:
        """Return the whole seconds after which a name may take something again; 0 where it may now."""
        if not self._per_second:
            return 0
        now = self._clock()
        self._left[name] = min(self._most, self._left[name] + (now - self._seen[name]) * self._per_second)
        self._seen[name] = now
        return 0 if self._left[name] > 0 else max(1, math.ceil(-self._left[name] / self._per_second))

    def take(self, name: str, count: int) -> None:
        """Take so many, be they more than are left: a batch is taken as a whole, and the next one waits the longer."""
        if self._per_second:
            self._left[name] -= count

    def give_back(self, name: str, count: int) -> None:
        """Give back what was taken of a rate, and was not used."""
        if self._per_second:
            self._left[name] += count
