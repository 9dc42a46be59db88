"""Asks a schema registry over HTTP, or tells it. It is a stranger: its answers are bounded, and lead nowhere."""

from __future__ import annotations

import asyncio
import base64
import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import aiohttp
from yarl import URL

from schemas.errors import TouchlineError

MAX_ANSWER_BYTES = 2 << 20
"""Bytes of an answer that are read; a schema in JSON in JSON may take twice its own."""
MAX_REDIRECTS = 3
"""Redirects that are followed, within the registry's own address."""
_ACCEPT = "application/vnd.schemaregistry.v1+json, application/json"
_PIECE = 1 << 16
_REDIRECTS: tuple[int, ...] = (301, 302, 303, 307, 308)
_SAME_METHOD = (307, 308)
"""The redirects that what is posted follows: behind the others it would become a question."""
_REFUSED = (401, 403)
_FOUND: tuple[int, ...] = (200, 404)
_SENT = "application/vnd.schemaregistry.v1+json"
NOT_TAKEN = (409, 422)
"""What a registry answers to a schema that it does not take: it breaks the subject's compatibility, or is no schema."""


class RegistryUnavailableError(TouchlineError):
    """The schema registry gave no usable answer: transient, to be retried."""


class Answer(NamedTuple):
    """What a registry answered: an HTTP status, and a body of at most `MAX_ANSWER_BYTES`."""

    status: int
    body: bytes


class RegistryClient:
    """Asks one schema registry.

    Args:
        url: its address, http or https, with `user:password@` where it asks for them.
        timeout_s: seconds that an answer may take in all, from the first attempt to connect to its last byte.

    Raises:
        ValueError: the address is none; the error does not show it, for it may hold a password.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        try:
            address = URL(url)
        except ValueError:
            address = URL()
        if address.scheme not in ("http", "https") or not address.host:
            raise ValueError("the schema registry's address must begin with http:// or https://, and name a host")
        self._base = str(address.with_user(None)).rstrip("/")
        self._origin = address.origin()
        self._timeout_s = timeout_s
        self._headers = {"Accept": _ACCEPT, "Accept-Encoding": "identity"}
        if address.user is not None:
            token = base64.b64encode(f"{address.user}:{address.password or ''}".encode()).decode()
            self._headers["Authorization"] = f"Basic {token}"

    def ask(self, path: str) -> Answer:
        """Return the answer at a path, percent-encoded, below the registry's address. Blocks.

        Raises:
            RegistryUnavailableError: there is none, or one that says nothing of what was asked for.
        """
        return self._exchange(path, None)

    def post(self, path: str, body: object) -> Answer:
        """Return the answer to what is posted at a path, as JSON; its status may be one of `NOT_TAKEN`. Blocks.

        Raises:
            RegistryUnavailableError: as `ask`.
        """
        return self._exchange(path, json.dumps(body).encode())

    def _exchange(self, path: str, posted: bytes | None) -> Answer:
        url = f"{self._base}{path}"
        try:
            # In a thread of its own: the caller may run within an event loop.
            with ThreadPoolExecutor(1, "registry") as thread:
                return thread.submit(asyncio.run, self._ask(URL(url, encoded=True), posted)).result()
        except TimeoutError as error:
            raise RegistryUnavailableError(f"{url} did not answer within {self._timeout_s:g} s") from error
        except (OSError, aiohttp.ClientError, ValueError) as error:
            raise RegistryUnavailableError(f"{url} did not answer: {str(error)[:200]}") from error

    async def _ask(self, url: URL, posted: bytes | None) -> Answer:
        method, expected, followed, headers = "GET", _FOUND, _REDIRECTS, self._headers
        if posted is not None:
            method, expected, followed = "POST", _FOUND + NOT_TAKEN, _SAME_METHOD
            headers = headers | {"Content-Type": _SENT}
        async with (
            asyncio.timeout(self._timeout_s),
            aiohttp.ClientSession(
                headers=headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            ) as session,
        ):
            for _ in range(MAX_REDIRECTS + 1):
                request = session.request(method, url, data=posted, allow_redirects=False, proxy=_proxy(url))
                async with request as response:
                    if response.status not in followed:
                        return await _answer(url, response, expected)
                    url = self._redirected(url, response.headers.get("Location", ""))
        raise RegistryUnavailableError(f"{url} redirects more than {MAX_REDIRECTS} times")

    def _redirected(self, url: URL, location: str) -> URL:
        """Return where a redirect leads, within the registry's address: our password is for nobody else."""
        target = url.join(URL(location))
        if target.scheme not in ("http", "https") or target.origin() != self._origin:
            raise RegistryUnavailableError(
                f"{url} redirects to {str(target.with_user(None))[:200]!r}, which is not followed; "
                "if that is right, write it in TOUCHLINE_SCHEMA_REGISTRY"
            )
        return target.with_user(None)


def _proxy(url: URL) -> str | None:
    """Return the proxy that the environment names for an address, if any."""
    if url.host is None or urllib.request.proxy_bypass(url.host):
        return None
    return urllib.request.getproxies().get(url.scheme)


async def _answer(url: URL, response: aiohttp.ClientResponse, expected: tuple[int, ...]) -> Answer:
    if response.status in _REFUSED:
        raise RegistryUnavailableError(
            f"{url} answered {response.status}: it refuses the user or the password in TOUCHLINE_SCHEMA_REGISTRY"
        )
    if response.status not in expected:
        raise RegistryUnavailableError(f"{url} answered {response.status} {(response.reason or '')[:100]}")
    body = bytearray()
    async for piece in response.content.iter_chunked(_PIECE):
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise RegistryUnavailableError(f"{url} answered with more than {MAX_ANSWER_BYTES} bytes")
    return Answer(response.status, bytes(body))
