"""The HTTP server: uvicorn, with bounds on what clients hold open without asking anything."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from itertools import chain
from typing import Any, ClassVar

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from schemas.errors import TouchlineError
from touchline.collect.errors import RequestError

CONNECTIONS = 1_000
"""Most connections that are open at a time: beyond, one has to go that waits for no answer."""
HEAD_WITHIN_S = 10.0
"""Seconds that the head of a request may take."""
HEAD_BYTES = 32 << 10
"""Most bytes of it; more than common proxies let through. The sizes of chunks and what follows them take no more."""
FRAMING_TIMES = 8
"""For each byte of a body so many bytes of sizes of chunks may come: they are 5 where chunks have a byte each."""
PIPELINED = 8
"""Most requests of one connection that wait for the answer to an earlier one. Hardly a client sends ahead."""
REST_WITHIN_S = 30.0
REST_BYTES = 16 << 20
"""Seconds and bytes that the rest of a body may take that was answered before it was read: a client that still sends
would not see its answer if the connection were closed at once."""
UNREAD_WITHIN_S = 30.0
UNREAD_BYTES = 64 << 20
"""Seconds that a client may leave its answers unread, and bytes of them that are held for all clients."""
BACKLOG = 1_024


class ListenError(TouchlineError):
    """An HTTP server cannot listen; the message says where, why and what to do."""


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


def listening(host: str, port: int, variables: str) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: a name or an address.
        port: of TCP; 0 takes a free one.
        variables: the settings that say another address.

    Raises:
        ListenError: the address cannot be listened on.
    """
    name = host.strip("[]")
    try:
        family = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((name, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ListenError(
            f"cannot listen on {host}:{port}: {error.strerror or error}. Stop what listens there, or choose another "
            f"address: {variables}"
        ) from error


class Connection(HttpToolsProtocol):
    """A client's connection.

    It is silent until it has sent the head of a request, and again when all of that has come and has its answer.

    uvicorn itself waits for a head without end, of any size, on any number of connections.
    """

    most: ClassVar[int] = CONNECTIONS
    head_within_s: ClassVar[float] = HEAD_WITHIN_S
    unread_within_s: ClassVar[float] = UNREAD_WITHIN_S
    _silent: ClassVar[dict[Connection, None]] = {}
    """Those of the process, the one that has been silent for the longest time first."""
    _lingering: ClassVar[dict[Connection, None]] = {}
    """Those that were answered, and still send what nobody reads."""
    _unread: ClassVar[dict[Connection, asyncio.TimerHandle]] = {}
    """Those that do not read their answers, and when each has to go."""

    _framing = 0
    """Bytes that have come of a request beside its body, without those that the body accounts for."""
    _headed = False
    """Whether the head of the request has come."""
    _rest: int | None = None
    """Bytes that have come of a body since its answer; None where none is under way."""
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Let a client in; if too many are, one has to go that waits for no answer."""
        super().connection_made(transport)
        self._silent[self] = None
        self._await_head()
        if len(self.connections) > self.most:
            # There is one at least, the newcomer.
            next(chain(self._lingering, self._unread, self._silent))._turn_out()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a client."""
        self._forget()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Note that a client does not read its answers; if too much is held of these, the first ones have to go."""
        super().pause_writing()
        self._unread[self] = self.loop.call_later(self.unread_within_s, self.transport.abort)
        while sum(one.transport.get_write_buffer_size() for one in self._unread) > UNREAD_BYTES:
            next(iter(self._unread))._turn_out()

    def resume_writing(self) -> None:
        """Note that it reads them."""
        super().resume_writing()
        self._end_unread()

    def data_received(self, data: bytes) -> None:
        """Read on; turn away a head that is too long, or has not come whole in time."""
        if self in self._silent and self._deadline is None:
            self._await_head()
        if self._rest is not None:
            self._rest += len(data)
            if self._rest > REST_BYTES:
                self.transport.close()
                return
        self._framing += len(data)
        super().data_received(data)
        if self._framing > HEAD_BYTES and not self.transport.is_closing():
            if self in self._silent:
                self.send_400_response("The head of the request is too long.")
            else:
                self.transport.abort()

    def on_message_begin(self) -> None:
        """Note that a request begins; what came with it of the one before is not its own."""
        if self not in self._silent:
            self._framing = 0
        self._headed = False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what follows the last chunk of a body is of no use, and could be without end."""
        if not self._headed:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Note that a request has come."""
        super().on_headers_complete()
        self._headed = True
        self._end_silence()
        if len(self.pipeline) > PIPELINED:
            self.transport.abort()
            raise RequestError(HTTPStatus.BAD_REQUEST, "more requests came at once than wait for their turn")

    def on_body(self, body: bytes) -> None:
        """Take some of a body."""
        self._framing = max(0, self._framing - (1 + FRAMING_TIMES) * len(body))
        super().on_body(body)

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
            self._lingering[self] = None
            self._rest = 0
            self._deadline = self.loop.call_later(REST_WITHIN_S, self.transport.abort)
        else:
            self._begin_silence()

    def _begin_silence(self) -> None:
        self._end_silence()
        self._framing = 0
        self._silent[self] = None

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(self.head_within_s, self.transport.abort)

    def _turn_out(self) -> None:
        # Others that come in this turn of the loop choose another one.
        self._forget()
        self.transport.abort()

    def _forget(self) -> None:
        self._end_silence()
        self._end_unread()

    def _end_unread(self) -> None:
        if deadline := self._unread.pop(self, None):
            deadline.cancel()

    def _end_silence(self) -> None:
        """End the silence before a request, or the lingering after it."""
        self._silent.pop(self, None)
        self._lingering.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
