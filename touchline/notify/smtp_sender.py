"""Delivers by mail, through a server of one's own: one connection a mail, in a thread, since smtplib blocks.

smtplib bounds a line of an answer, and each wait for bytes; but not how many lines an answer has, nor the waits
together. So what is read of a connection is bounded here, in bytes and in time.
"""

from __future__ import annotations

import asyncio
import io
import smtplib
import socket
import ssl
import time
from collections.abc import Coroutine
from contextlib import suppress
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

from typing_extensions import override

from streams.runtime.clock import Clock, wall_clock
from streams.runtime.thread import DaemonThread
from touchline.notify.bodies import mail_of
from touchline.notify.errors import DeliveryError, RefusedDeliveryError
from touchline.notify.notices import Notice
from touchline.notify.targets import Email, Secrets

CONNECTION_S = 30.0
"""Seconds after which a connection ends, whether or not its attempt is still waited for."""
ANSWERS_BYTES = 256 << 10
"""Most bytes of all answers of a connection: a thousand times what a server says to a mail for a hundred addresses."""
PERMANENT = 500
"""Codes from here on say that it is no use to try again (RFC 5321)."""


class _Answers(io.RawIOBase):
    """What a server says, up to a number of bytes and a time.

    Args:
        connection: which it comes by.
        until: the time, seconds of the monotonic clock.
    """

    def __init__(self, connection: socket.socket, until: float) -> None:
        super().__init__()
        self._connection, self._until, self._left = connection, until, ANSWERS_BYTES

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int:
        """Read some bytes; raises OSError beyond the bounds."""
        left_s = self._until - time.monotonic()
        if left_s <= 0 or not self._left:
            raise TimeoutError("the mail server's answers have no end")
        self._connection.settimeout(left_s)
        count = self._connection.recv_into(memoryview(buffer)[: self._left])
        self._left -= count
        return count


class _Bounded(smtplib.SMTP):
    """A connection whose answers end.

    Args:
        host, port: of the server.
        seconds: for how long it may last.
    """

    def __init__(self, host: str, port: int, seconds: float, **others: Any) -> None:
        self._until = time.monotonic() + seconds
        super().__init__(host, port, timeout=seconds, **others)

    @override
    def getreply(self) -> tuple[int, bytes]:
        """Read an answer; raises SMTPServerDisconnected beyond the bounds."""
        if self.file is None and self.sock is not None:
            self.file = io.BufferedReader(_Answers(self.sock, self._until))
        return super().getreply()


class _BoundedSsl(_Bounded, smtplib.SMTP_SSL):
    """The same, by TLS from the beginning."""


class SmtpSender:
    """Sends mails to the addresses of a target.

    Args:
        target: whose.
        secrets: the login.
        zone: of the moments in mails.
        timeout_s: most seconds of an attempt.
        clock: the wall clock.
    """

    def __init__(
        self, target: Email, secrets: Secrets, zone: ZoneInfo, timeout_s: float, clock: Clock = wall_clock
    ) -> None:
        self._target, self._secrets, self._zone, self._timeout_s, self._clock = target, secrets, zone, timeout_s, clock
        self._thread = DaemonThread(f"mail {target.name}")
        self._under_way: asyncio.Future[dict[str, int]] | None = None
        self._left: dict[str, list[str]] = {}
        """By the delivery under way: the addresses that have not taken it, where others have."""

    async def send(self, notice: Notice, key: str) -> None:
        """Deliver a notice.

        Raises:
            RefusedDeliveryError: the server refuses this mail, or an address, for good.
            DeliveryError: it has not taken it, or not for all addresses.
        """
        if self._under_way is not None and not self._under_way.done():
            raise DeliveryError("the attempt before still waits for the mail server", "timeout")
        mail = mail_of(notice, key, self._target, self._zone, self._clock())
        to = self._left.get(key, list(self._target.to))
        refused = await self._within_time(self._thread.run(lambda: self._send(mail, to)))
        self._left = {}
        if not refused:
            return
        text = f"{len(refused)} of {len(self._target.to)} addresses do not take it: {_codes(refused)}"
        passing = [address for address, code in refused.items() if code < PERMANENT]
        if not passing:
            raise RefusedDeliveryError(text)
        self._left = {key: list(refused)}
        raise DeliveryError(text, "status")

    async def _within_time(self, call: Coroutine[None, None, dict[str, int]]) -> dict[str, int]:
        """Return what a call returns; wait no longer when it takes too long: smtplib bounds each wait alone."""
        self._under_way = asyncio.ensure_future(call)
        await asyncio.wait({self._under_way}, timeout=self._timeout_s)
        if not self._under_way.done():
            self._under_way.add_done_callback(_passed_over)
            raise DeliveryError("the mail server does not answer in time", "timeout")
        return self._under_way.result()

    def _send(self, mail: EmailMessage, to: list[str]) -> dict[str, int]:
        """Send a mail; return the addresses that have not taken it, each with the server's code."""
        try:
            server = self._connected()
        except smtplib.SMTPResponseException as error:
            raise DeliveryError(f"the mail server answers {error.smtp_code}", "status") from error
        except (smtplib.SMTPException, ssl.SSLError, OSError) as error:
            raise _unreached(error) from error
        try:
            refused = server.send_message(mail, self._target.sender, to)
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        except smtplib.SMTPDataError as error:
            if error.smtp_code >= PERMANENT:
                raise RefusedDeliveryError(f"the mail server refuses the mail: {error.smtp_code}") from error
            raise DeliveryError(f"the mail server answers {error.smtp_code}", "status") from error
        except smtplib.SMTPResponseException as error:
            raise DeliveryError(f"the mail server answers {error.smtp_code}", "status") from error
        except (smtplib.SMTPException, OSError) as error:
            raise _unreached(error) from error
        finally:
            _leave(server)
        return {address: code for address, (code, _) in refused.items()}

    def _connected(self) -> smtplib.SMTP:
        target, seconds = self._target, max(CONNECTION_S, self._timeout_s)
        if target.tls == "tls":
            server: smtplib.SMTP = _BoundedSsl(target.host, target.port, seconds, context=ssl.create_default_context())
        else:
            server = _Bounded(target.host, target.port, seconds)
        try:
            if target.tls == "starttls":
                # It raises where the server does not offer it: nothing is sent in the clear instead.
                server.starttls(context=ssl.create_default_context())
            if self._secrets.user is not None and self._secrets.password is not None:
                server.login(self._secrets.user, self._secrets.password)
        except BaseException:
            server.close()
            raise
        return server


def _unreached(error: Exception) -> DeliveryError:
    if isinstance(error, TimeoutError):
        return DeliveryError("the mail server does not answer in time", "timeout")
    what = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return DeliveryError(f"no connection to the mail server: {what}", "connection")


def _passed_over(call: asyncio.Future[dict[str, int]]) -> None:
    """Take the outcome of a call that nobody waits for any more: asyncio would report its error."""
    if not call.cancelled():
        call.exception()


def _codes(refused: dict[str, int]) -> str:
    return ", ".join(str(code) for code in sorted(set(refused.values())))


def _leave(server: smtplib.SMTP) -> None:
    """Say goodbye; whatever comes of that, the mail is where it is."""
    with suppress(smtplib.SMTPException, OSError):
        server.quit()
