"""The HTTP server: uvicorn, with bounds on what clients hold open without asking anything."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from schemas.errors import TouchlineError

CONNECTIONS = 1_000
"""Most connections that are open at a time: beyond, the one that has asked nothing for the longest time has to go."""
HEAD_WITHIN_S = 10.0
"""Seconds that the head of a request may take."""
HEAD_BYTES = 32 << 10
"""Most bytes of it; more than common proxies let through."""
REST_WITHIN_S = 30.0
REST_BYTES = 16 << 20
"""Seconds and bytes that the rest of a body may take that was answered before it was read: a client that still sends
would not see its answer if the connection were closed at once."""
BACKLOG = 1_024


class CollectError(TouchlineError):
    """The HTTP collector cannot listen; the message says where, why and what to do."""


class Server(uvicorn.Server):
    """A server of uvicorn whose process handles its signals itself: set `should_exit` to end it in good order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them as they are."""
        yield


def serve_on(app: Any, *, ends_within_s: float) -> Server:
    """Return a server of an ASGI application.

    Args:
        app: the application.
        ends_within_s: seconds that requests have when the server is to end.
    """
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        # The addresses of clients are in no log, whoever states them.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=round(ends_within_s),
    )
    return Server(config)


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        CollectError: the address cannot be listened on.
    """
    name = host.strip("[]")
    try:
        family = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((name, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CollectError(
            f"cannot listen on {host}:{port}: {error.strerror or error}. Stop what listens there, or choose another "
            "address: TOUCHLINE_COLLECT_HOST, TOUCHLINE_COLLECT_PORT"
        ) from error


class Connection(HttpToolsProtocol):
    """A client's connection.

    It is silent until it has sent the head of a request, and again when all of that has come and has its answer.

    uvicorn itself waits for a head without end, of any size, on any number of connections.
    """

    most: ClassVar[int] = CONNECTIONS
    head_within_s: ClassVar[float] = HEAD_WITHIN_S
    _silent: ClassVar[dict[Connection, None]] = {}
    """Those of the process, the one that has been silent for the longest time first."""

    _head = 0
    """Bytes that have come of the head."""
    _rest: int | None = None
    """Bytes that have come of a body since its answer; None where none is under way."""
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Let a client in; if too many are, the one that has been silent for the longest time has to go."""
        super().connection_made(transport)
        self._silent[self] = None
        self._await_head()
        if len(self.connections) > self.most:
            oldest = next(iter(self._silent))
            # Others that come in this turn of the loop choose another one.
            oldest._end_silence()  # one of its own class
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a client."""
        self._end_silence()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; turn away a head that is too long, or has not come whole in time."""
        if self in self._silent and self._deadline is None:
            self._await_head()
        if self._rest is not None:
            self._rest += len(data)
            if self._rest > REST_BYTES:
                self.transport.close()
                return
        super().data_received(data)
        if self in self._silent:
            self._head += len(data)
            if self._head > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too long.")

    def on_headers_complete(self) -> None:
        """Note that a request has come."""
        self._end_silence()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that all of a request has come."""
        super().on_message_complete()
        if self._rest is not None:
            self._rest = None
            self._begin_silence()

    def on_response_complete(self) -> None:
        """Note that it has its answer; uvicorn waits 5 s for the first byte of a further request."""
        super().on_response_complete()
        if not self.cycle.response_complete:
            return  # the answer was to an earlier request than the last one
        if self.cycle.more_body:
            self._end_silence()
            self._rest = 0
            self._deadline = self.loop.call_later(REST_WITHIN_S, self.transport.abort)
        else:
            self._begin_silence()

    def _begin_silence(self) -> None:
        self._end_silence()
        self._head = 0
        self._silent[self] = None

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(self.head_within_s, self.transport.abort)

    def _end_silence(self) -> None:
        self._silent.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
