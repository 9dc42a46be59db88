"""Tells how slow this machine is now beside the one that the allowed milliseconds are of."""

from __future__ import annotations

import time

ADDITIONS = 40_000
REFERENCE_MS = 1.2
"""CPU time, ms, that the additions take on the machine that the allowed milliseconds are of: 2 virtual cores of a
cloud's machine with nothing else to do. The same machine takes up to twice as long while its neighbours are busy."""
_TRIES = 3


def slowness() -> float:
    """Return how many times as long as the reference this machine takes for fixed work; 1 if it is faster."""
    return max(1.0, min(_additions_ms() for _ in range(_TRIES)) / REFERENCE_MS)


def _additions_ms() -> float:
    began, total = time.process_time_ns(), 0
    for number in range(ADDITIONS):
        total += number
    return (time.process_time_ns() - began) / 1e6
