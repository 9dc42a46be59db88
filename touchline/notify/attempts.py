"""When a target may be tried, and when what it has not taken is given up. Pure: it is told the time.

A target that fails is tried again after waits that double, each made shorter by chance, so that many senders do not
come at once; not before it wants to be (Retry-After), but for `patience_s` seconds at most: who answers once in its
name cannot silence it for years. What waits for it is given up once it has taken nothing for `patience_s` seconds since
both the target last took something and the delivery began to wait. So a slow target loses
nothing for its slowness, and one that is down holds up what is read behind it little longer than `patience_s` seconds.
A delivery that fails by itself takes none with it: until two in a row were given up, each is tried.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from streams.runtime.retry import Backoff

LEAST_SHARE = 0.5
"""Of a wait: chance takes at most the rest of it away."""
ALIKE = 2
"""When so many in a row were given up, it is the target that fails, and not what it is sent."""


class Attempts:
    """The attempts at one target.

    Args:
        patience_s: seconds for which it may fail.
        backoff: the waits between attempts that fail.
        per_minute: most attempts a minute; 0 for any number.
        now: seconds, monotonic.
        chance: gives a number from 0 to 1.
    """

    def __init__(
        self,
        patience_s: float,
        backoff: Backoff,
        per_minute: float,
        now: float,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._patience_s = patience_s
        self._backoff = backoff
        self._every_s = 60.0 / per_minute if per_minute else 0.0
        self._chance = chance
        self._took_at = now
        self._next_wait_s = backoff.first_s
        self._not_before = now
        self._turn_at = now
        self._given_up = 0
        self.failing = False

    def begins_at(self) -> float:
        """Return when the next attempt may be made."""
        return max(self._not_before, self._turn_at)

    def gives_up_at(self, since: float, turn_came_at: float, *, tried: bool) -> float:
        """Return when a delivery is given up, if the target goes on failing.

        Args:
            since: when it began to wait.
            turn_came_at: when those before it were done.
            tried: whether an attempt was made at it.
        """
        at = max(since, self._took_at) + self._patience_s
        if tried or self._given_up >= ALIKE:
            return at
        return max(at, turn_came_at + self._backoff.longest_s)

    def gave_up(self) -> None:
        """Note that a delivery was given up."""
        self._given_up += 1

    def begin(self, now: float) -> None:
        """Note that an attempt is made."""
        self._turn_at = now + self._every_s

    def answered(self, now: float) -> None:
        """Note that the target works: it has taken what it was sent, or has refused that alone."""
        self.failing = False
        self._given_up = 0
        self._took_at = now
        self._next_wait_s = self._backoff.first_s
        self._not_before = now

    def failed(self, now: float, retry_after_s: float) -> None:
        """Note that it has not; `retry_after_s`: what it wants us to wait at least. It may be any number."""
        self.failing = True
        share = LEAST_SHARE + (1 - LEAST_SHARE) * self._chance()
        self._not_before = now + max(self._next_wait_s * share, min(retry_after_s, self._patience_s))
        self._next_wait_s = min(2 * self._next_wait_s, self._backoff.longest_s)
