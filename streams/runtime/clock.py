"""The wall clock, injected wherever it is needed, so that tests can set the time."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns the time now, epoch milliseconds, UTC."""


def wall_clock() -> int:
    """Return the time now, epoch milliseconds, UTC."""
    return time.time_ns() // 1_000_000
