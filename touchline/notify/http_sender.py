"""Delivers by HTTP: signed JSON to a web service, or Slack's JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from zoneinfo import ZoneInfo

import aiohttp

from schemas.text import shortened
from touchline.notify.bodies import json_body, slack_body
from touchline.notify.errors import DeliveryError, RefusedDeliveryError
from touchline.notify.notices import Notice
from touchline.notify.signing import signed_headers

MAX_ANSWER_BYTES = 4 << 10
"""Of an answer so much is read, and the rest left: nobody needs it."""
SHOWN = 200
"""Characters of an answer that a dead letter quotes."""
_OF_THE_MESSAGE = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
"""The answers that say that one message is wrong. All others may be about the target, and may pass: a login, an
address, a deployment that is under way."""


def open_session(timeout_s: float) -> aiohttp.ClientSession:
    """Return a client: it keeps no cookies, takes no proxy from the environment, and unpacks nothing."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        read_bufsize=MAX_ANSWER_BYTES,
        headers={"User-Agent": "touchline", "Accept-Encoding": "identity"},
    )


class WebhookSender:
    """Posts signed JSON.

    Args:
        session: the client.
        url: where to.
        key: by which requests are signed.
        seconds: tells the time, seconds since 1970.
    """

    def __init__(
        self, session: aiohttp.ClientSession, url: str, key: bytes, seconds: Callable[[], float] = time.time
    ) -> None:
        self._session, self._url, self._key, self._seconds = session, url, key, seconds

    async def send(self, notice: Notice, key: str) -> None:
        """Deliver a notice; errors as those of `post`."""
        body = json_body(notice, key)
        signed = signed_headers(self._key, key, int(self._seconds()), body)
        await post(self._session, self._url, body, {"Idempotency-Key": key, **signed})


class SlackSender:
    """Posts Slack's JSON; moments in it are in a time zone."""

    def __init__(self, session: aiohttp.ClientSession, url: str, zone: ZoneInfo) -> None:
        self._session, self._url, self._zone = session, url, zone

    async def send(self, notice: Notice, key: str) -> None:
        """Deliver a notice; errors as those of `post`."""
        await post(self._session, self._url, slack_body(notice, self._zone), {"Idempotency-Key": key})


async def post(session: aiohttp.ClientSession, url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Post JSON; no redirect is followed: it would lead customers' data to whatever address an answer names.

    Raises:
        RefusedDeliveryError: the answer says that this message is wrong.
        DeliveryError: there was no answer, or another one than success.
    """
    told = {"Content-Type": "application/json", **headers}
    try:
        async with session.post(url, data=body, headers=told, allow_redirects=False) as answer:
            if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
                return
            said = await answer.content.read(MAX_ANSWER_BYTES)
            raise _error(answer.status, said, answer.headers.get("Retry-After", ""))
    except TimeoutError as error:
        raise DeliveryError("no answer in time", "timeout") from error
    except (aiohttp.ClientError, OSError) as error:
        # The text of some of these errors has the address in it, which may be a secret.
        what = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise DeliveryError(f"no connection: {what}", "connection") from error


def _error(status: int, said: bytes, retry_after: str) -> DeliveryError:
    quoted = shortened(said.decode(errors="replace").strip(), SHOWN)
    text = f"it answers {status}: {quoted}" if quoted else f"it answers {status}"
    if status in _OF_THE_MESSAGE:
        return RefusedDeliveryError(text, brief=f"it answers {status}")
    return DeliveryError(
        text, "status", brief=f"it answers {status}", retry_after_s=retry_after_s(retry_after, datetime.now(UTC))
    )


def retry_after_s(text: str, now: datetime) -> float:
    """Return the seconds that a header `Retry-After` asks for (RFC 9110: seconds, or a date); 0 for any other text."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
