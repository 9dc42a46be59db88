"""A web service that takes webhooks, fails as it is told to, and notes what came and what it answered."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from tests.servers.threaded import ThreadedServer
from touchline.stack.ports import HOST

Behaviour = Literal["take", "fail", "reset", "take and reset", "take and hang"]
FAILURES: tuple[Behaviour, ...] = ("fail", "fail", "reset", "take and reset", "take and hang")
"""Half of them have the body all the same, and their sender is not told."""


@dataclass(frozen=True)
class Received:
    """A request.

    Attributes:
        headers: by their names in small letters.
        body: whole.
    """

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        return self.headers["idempotency-key"]


def failing_half_the_time(seed: int) -> Callable[[Received], Behaviour]:
    """Return a behaviour that takes one of two requests, by chance."""
    chance = random.Random(seed)
    return lambda _: "take" if chance.random() < 0.5 else chance.choice(FAILURES)


@dataclass
class Receiver(ThreadedServer):
    """The service, in a thread of its own.

    Attributes:
        behave: says of each request what becomes of it.
        received: the requests that came whole, by their Idempotency-Key.
        taken: how often each of these was answered 200.
        headers: further ones of an answer that is no 200.
    """

    behave: Callable[[Received], Behaviour] = lambda _: "take"
    received: dict[str, list[Received]] = field(default_factory=lambda: defaultdict(list))
    taken: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def url(self) -> str:
        """Where it takes requests."""
        return f"http://{HOST}:{self.port}/follow-ups"

    async def listen(self) -> asyncio.Server:
        """Begin to listen."""
        return await asyncio.start_server(self._answer, HOST, 0)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read(reader)) is not None:
                behaviour = self.behave(request)
                self.outcomes[behaviour] += 1
                if behaviour != "reset":
                    self.received[request.key].append(request)
                if "reset" in behaviour:
                    writer.transport.abort()
                    return
                if behaviour == "take and hang":
                    await self.stopping.wait()
                    return
                if behaviour == "take":
                    self.taken[request.key] += 1
                status = "200 OK" if behaviour == "take" else "503 Service Unavailable"
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the sender was killed
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Received | None:
    """Return the next request of a connection; None where there is none."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    line, *lines = head.split("\r\n")[:-2]
    headers = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
    return Received(line.split(" ")[1], headers, await reader.readexactly(int(headers["content-length"])))
