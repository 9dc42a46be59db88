"""A mail server for tests, in a thread: it answers as it is told, and keeps what it took."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.threaded import ThreadedServer
from touchline.stack.ports import HOST


@dataclass(frozen=True)
class Mail:
    """A mail that was taken.

    Attributes:
        sender, to: of the envelope.
        content: header and body.
        encrypted: whether it came by TLS.
        login: user and password, joined as AUTH PLAIN has them; empty without.
    """

    sender: str
    to: tuple[str, ...]
    content: bytes
    encrypted: bool
    login: str


@dataclass
class MailServer(ThreadedServer):
    """A mail server.

    Attributes:
        certificate: file of the certificate and its key; with it STARTTLS is offered.
        refused: the codes that addresses are refused with, each for one RCPT after the other.
        codes: the answers to DATA, one after the other; 250 after the last; "hang": none at all.
        endless: what it says again and again instead of a greeting.
        pause_s: seconds between that.
        mails: what it took.
        connections: how many there were.
    """

    certificate: Path | None = None
    implicit_tls: bool = False
    refused: dict[str, list[int]] = field(default_factory=dict)
    codes: Iterable[int | str] = ()
    endless: bytes = b""
    pause_s: float = 0.0
    mails: list[Mail] = field(default_factory=list)
    connections: int = 0
    commands: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._codes = deque(self.codes)

    async def listen(self) -> asyncio.Server:
        """Begin to listen."""
        return await asyncio.start_server(self._talk, HOST, 0, ssl=self._tls() if self.implicit_tls else None)

    def _tls(self) -> ssl.SSLContext:
        assert self.certificate is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        return context

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.endless:
                writer.write(self.endless)
                await writer.drain()
                await asyncio.sleep(self.pause_s)
            await _Talk(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # the client has gone
        finally:
            writer.close()

    def next_code(self) -> int | str:
        """Return the answer to the next mail."""
        return self._codes.popleft() if self._codes else 250

    async def hang(self) -> None:
        """Wait until the server is stopped."""
        await self.stopping.wait()


class _Talk:
    """One connection."""

    def __init__(self, server: MailServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self._sender, self._to, self._login = "", [""], ""
        self._encrypted = server.implicit_tls

    async def run(self) -> None:
        self._say("220 test")
        while line := (await self._reader.readline()).decode().strip():
            verb = line.split(" ")[0].upper()
            self._server.commands[verb] += 1
            if verb == "QUIT":
                self._say("221 bye")
                return
            if verb == "DATA":
                await self._data()
            elif verb == "STARTTLS":
                self._say("220 go")
                await self._writer.start_tls(self._server._tls())
                self._encrypted = True
            else:
                self._say(self._answer(verb, line))
            await self._writer.drain()

    def _answer(self, verb: str, line: str) -> str:
        if verb == "EHLO":
            offers = "250-STARTTLS\r\n" if self._server.certificate and not self._encrypted else ""
            return f"250-test\r\n{offers}250 AUTH PLAIN"
        if verb == "AUTH":
            self._login = base64.b64decode(line.split(" ")[2]).decode()
            return "535 no" if "wrong" in self._login else "235 yes"
        if verb == "MAIL":
            self._sender, self._to = line.partition("<")[2].partition(">")[0], []
        if verb == "RCPT":
            address = line.partition("<")[2].partition(">")[0]
            if codes := self._server.refused.get(address):
                return f"{codes.pop(0)} no"
            self._to.append(address)
        return "250 ok"

    async def _data(self) -> None:
        self._say("354 go on")
        content = await self._reader.readuntil(b"\r\n.\r\n")
        code = self._server.next_code()
        if code == "hang":
            await self._server.hang()
            return
        if code == 250:
            self._server.mails.append(Mail(self._sender, tuple(self._to), content[:-5], self._encrypted, self._login))
        self._say(f"{code} so it is")

    def _say(self, line: str) -> None:
        self._writer.write(f"{line}\r\n".encode())
