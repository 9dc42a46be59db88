"""The event loop's turns: whoever works for long gives it back, by time, for heartbeats and other tasks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from typing import TypeVar, cast

YIELD_AFTER_S = 0.01
"""Seconds of work after which the event loop gets its turn."""

Result = TypeVar("Result")


class Turn:
    """How long a task has worked since others had their turn."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether others are to have theirs."""
        return time.monotonic() - self._began >= YIELD_AFTER_S

    async def give(self) -> None:
        """Let others have their turn, and begin a new one."""
        await asyncio.sleep(0)
        self._began = time.monotonic()

    async def take(self, steps: Generator[None, None, Result]) -> Result:
        """Take all steps, and let others have their turn between two of them where it is time; return their result."""
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return cast(Result, end.value)
            if self.is_over:
                await self.give()
