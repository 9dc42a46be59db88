"""Tells open pages that there is more to show: server-sent events, by one question for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from schemas.errors import TouchlineError
from sinks.errors import SinkError

STREAMS = 64
"""Most pages that are told at a time; others show what they have until they are loaded again."""
EVERY_S = 1.0
"""Seconds between two looks at the database: none without a page that is open."""
HEARTBEAT_S = 15.0
"""Seconds without news after which a stream says that it is still there: proxies end those that are silent."""
AGAIN_MS = 3000
"""Milliseconds after which a browser asks anew for a stream that has ended."""
MOVED = b"event: moved\ndata: more is there\n\n"
STILL_HERE = b": still here\n\n"


class CrowdedError(TouchlineError):
    """So many pages are open that no further one is told of news."""


class Live:
    """Streams of events, one for each page that is open.

    Args:
        mark: asks for what changes whenever more of the log is in the tables.
        every_s, heartbeat_s: as the constants say them.
    """

    def __init__(
        self, mark: Callable[[], Awaitable[str]], every_s: float = EVERY_S, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._mark, self._every_s, self._heartbeat_s = mark, every_s, heartbeat_s
        self._pages: set[asyncio.Event] = set()
        self._looking: asyncio.Task[None] | None = None
        self._has_ended = False

    def stream(self, shown: str) -> AsyncIterator[bytes]:
        """Return the events of a page.

        Args:
            shown: the mark of what it shows.

        Raises:
            CrowdedError: as many pages as may be are open.
        """
        if len(self._pages) >= STREAMS:
            raise CrowdedError(f"{STREAMS} pages are open")
        return self._events(shown)

    def end(self) -> None:
        """End all streams."""
        self._has_ended = True
        for moved in self._pages:
            moved.set()

    async def _events(self, shown: str) -> AsyncIterator[bytes]:
        # Only now: a client that goes before this begins is never known of, and many may have come at once.
        if len(self._pages) >= STREAMS:
            yield f"retry: {AGAIN_MS}\n\n".encode()
            return
        moved = asyncio.Event()
        self._pages.add(moved)
        try:
            yield f"retry: {AGAIN_MS}\n\n".encode()
            with suppress(SinkError):  # whoever looks tells it
                if await self._mark() != shown:
                    yield MOVED
            if self._looking is None:
                self._looking = asyncio.create_task(self._look())
            while not self._has_ended:
                try:
                    await asyncio.wait_for(moved.wait(), self._heartbeat_s)
                except TimeoutError:
                    yield STILL_HERE
                    continue
                moved.clear()
                if not self._has_ended:
                    yield MOVED
        finally:
            self._leave(moved)

    def _leave(self, moved: asyncio.Event) -> None:
        self._pages.discard(moved)
        if not self._pages and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _look(self) -> None:
        last: str | None = None
        while True:
            with suppress(SinkError):  # it is asked again
                mark = await self._mark()
                if last not in (None, mark):
                    for moved in self._pages:
                        moved.set()
                last = mark
            await asyncio.sleep(self._every_s)
