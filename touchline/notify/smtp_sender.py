"""Delivers by mail, through a server of one's own: one connection a mail, in a thread, since smtplib blocks."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Coroutine
from contextlib import suppress
from email.message import EmailMessage
from zoneinfo import ZoneInfo

from streams.runtime.clock import Clock, wall_clock
from streams.runtime.thread import DaemonThread
from touchline.notify.bodies import mail_of
from touchline.notify.errors import DeliveryError, RefusedDeliveryError
from touchline.notify.notices import Notice
from touchline.notify.targets import Email, Secrets

STEP_S = 30.0
"""Seconds after which a step that smtplib waits for ends, whether or not its attempt is still waited for."""
PERMANENT = 500
"""Codes from here on say that it is no use to try again (RFC 5321)."""


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
        """Return what a call returns; wait no longer when it takes too long: smtplib bounds each of its steps alone."""
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
        target, step_s = self._target, max(STEP_S, self._timeout_s)
        if target.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                target.host, target.port, timeout=step_s, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(target.host, target.port, timeout=step_s)
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
