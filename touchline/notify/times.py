"""How time is told and awaited: injected together, so that tests need not wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

from streams.runtime.clock import Clock, wall_clock
from streams.runtime.retry import Sleep


class Times(NamedTuple):
    """How time is told.

    Attributes:
        wall: the wall clock.
        monotonic: tells seconds, monotonic.
        sleep: waits for some seconds.
    """

    wall: Clock = wall_clock
    monotonic: Callable[[], float] = time.monotonic
    sleep: Sleep = asyncio.sleep


REAL = Times()
