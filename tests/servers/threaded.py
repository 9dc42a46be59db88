"""A server for tests in a thread of its own, with an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Self


class ThreadedServer:
    """Listens from `with` on to its end.

    Attributes:
        stopping: is set when it is to stop.
    """

    stopping: asyncio.Event

    async def listen(self) -> asyncio.Server:
        """Begin to listen."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), name=type(self).__name__, daemon=True)
        self._thread.start()
        started.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self._loop.call_soon_threadsafe(self.stopping.set)
        self._thread.join()

    def _run(self, started: threading.Event) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(started))

    async def _serve(self, started: threading.Event) -> None:
        self.stopping = asyncio.Event()
        server = await self.listen()
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self.stopping.wait()
        server.close()
