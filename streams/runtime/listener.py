"""An HTTP server of one thread, which a flood of connections neither stops nor makes grow.

A connection is for one request, and has `WITHIN_S` seconds for all of it: to be heard, and to take its answer.
At most `CONNECTIONS` are open. A further one takes the place of the oldest that has asked nothing yet, so clients
that connect and stay silent, or send a request byte by byte, shut nobody out.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from threading import Thread

import structlog
from aiohttp import web

CONNECTIONS = 64
"""Most connections that are open at a time."""
WITHIN_S = 10.0
"""Seconds that a connection may last. It is also what Prometheus gives a scrape by default."""
_BACKLOG = 128
"""Most connections that the system keeps until they are taken up; it lets a client beyond them wait for a second.

They are taken up in their order, and where the main thread computes without a pause, some hundred a second: with
thousands of them a probe would wait for half a minute."""
_FULL_S = 0.1
"""Seconds to wait where the process may open no more files."""

Answer = Callable[[web.BaseRequest], web.Response]
Respond = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

log = structlog.get_logger(__name__)

_unlogged = logging.getLogger(f"{__name__}.requests")
"""Takes aiohttp's reports of requests that are none: whoever reaches the port could fill the log with them."""
_unlogged.disabled = True


class Listener:
    """Answers requests in a daemon thread of its own, whatever the process's event loop does.

    Args:
        answer: makes the answer to a request; it runs in the thread, and must not wait.
        host: address to listen on.
        port: port to listen on; 0 takes a free one, which `port` then tells.
        connections: most of them that are open at a time.
        within_s: seconds that each may last.

    Raises:
        OSError: the address cannot be listened on.
        OverflowError: there is no such port.
    """

    def __init__(
        self, answer: Answer, host: str, port: int, *, connections: int = CONNECTIONS, within_s: float = WITHIN_S
    ) -> None:
        self._answer = answer
        self._connections = connections
        self._within_s = within_s
        self._socket = _listening(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = Thread(target=self._run, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering, close all connections, and free the port."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        door = _Door(self._respond, self._connections, self._within_s)
        entering = asyncio.create_task(self._take_up(door))
        await self._stop.wait()
        entering.cancel()
        self._socket.close()
        door.clear()

    async def _take_up(self, door: _Door) -> None:
        # One by one: a server of asyncio takes up its whole backlog before it reads what the first of them asks.
        while True:
            try:
                client, _ = await self._loop.sock_accept(self._socket)
                await self._loop.connect_accepted_socket(door, client)
            except OSError:
                await asyncio.sleep(_FULL_S)

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        response: web.Response
        try:
            response = self._answer(request)
        except Exception:  # a fault of ours: it is logged, and the next request may fare better
            log.exception("a request could not be answered", path=request.path)
            response = web.Response(status=500)
        response.force_close()
        return response


@dataclass(slots=True)
class _Connection:
    """A client's connection; it has `asked` once a whole request was read from it."""

    transport: asyncio.Transport
    deadline: asyncio.TimerHandle
    asked: bool = False


class _Door(web.Server):
    """Lets connections in, and shows out those that last too long, or are too many."""

    def __init__(self, respond: Respond, most: int, within_s: float) -> None:
        super().__init__(self._hear, access_log=None, logger=_unlogged, lingering_time=0, tcp_keepalive=False)
        self._respond = respond
        self._most = most
        self._within_s = within_s
        self._inside: dict[web.RequestHandler, _Connection] = {}

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Let a connection in; if too many are inside, the oldest that has asked nothing goes, else the oldest."""
        super().connection_made(handler, transport)
        if len(self._inside) >= self._most:
            silent = (inside for inside, connection in self._inside.items() if not connection.asked)
            self._show_out(next(silent, next(iter(self._inside))))
        deadline = asyncio.get_running_loop().call_later(self._within_s, self._show_out, handler)
        self._inside[handler] = _Connection(transport, deadline)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Forget a connection that has ended."""
        super().connection_lost(handler, exc)
        self._show_out(handler)

    def clear(self) -> None:
        """End all connections."""
        for handler in list(self._inside):
            self._show_out(handler)

    async def _hear(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = self._inside.get(request.protocol)
        if connection is not None:
            connection.asked = True
        return await self._respond(request)

    def _show_out(self, handler: web.RequestHandler) -> None:
        connection = self._inside.pop(handler, None)
        if connection is not None:
            connection.deadline.cancel()
            connection.transport.abort()


def _listening(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        # A restarted process takes its port again, though connections of the last one linger.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(_BACKLOG)
        bound.setblocking(False)
    except BaseException:
        bound.close()
        raise
    return bound
