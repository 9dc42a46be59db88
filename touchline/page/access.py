"""Who may read the page: everybody of this machine, or whoever has the token."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from streams.settings import PREFIX, Settings, SettingsError
from touchline.collect.keys import bearer_in, digest_of, is_loopback, name_in

COOKIE = "touchline_page"
SHORTEST = 16
"""Least characters of a token: so many random ones cannot be guessed."""


class Access:
    """Tells whether a request may be answered.

    Args:
        token: that readers log in with; None lets everybody in who reaches the page by a name of this machine.
        host: the address that the page listens on.
    """

    def __init__(self, token: str | None, host: str) -> None:
        self._token, self._host = token, host
        # What a browser keeps is not the token: whoever finds it there learns nothing that another page takes.
        self.pass_word = "" if token is None else _pass_of(token)

    @property
    def is_open(self) -> bool:
        """Whether there is no token."""
        return self._token is None

    def host_fits(self, host: str) -> bool:
        """Return whether a header `Host` names this page: a page in a browser here may have any name mean this machine.

        With a token any name will do: a browser sends the cookie of one name to no other.
        """
        name = name_in(host)
        return not self.is_open or is_loopback(name) or name == self._host

    def lets_in(self, cookie: str | None, authorization: str | None) -> bool:
        """Return whether a request's cookie or header `Authorization: Bearer …` is one that may read."""
        if self.is_open:
            return True
        if cookie is not None and _same(cookie, self.pass_word):
            return True
        token = bearer_in(authorization)
        return token is not None and self.is_token(token)

    def is_token(self, token: str) -> bool:
        """Return whether a text is the token; how long that takes tells nothing of it."""
        return self._token is not None and _same(token, self._token)


def is_from_elsewhere(method: str, headers: Mapping[str, str]) -> bool:
    """Return whether a browser says that a page of another site sends a request.

    A link there may lead to a screen; nothing else that is there may have queries run, or search. Programs say nothing
    of it. See Fetch Metadata Request Headers, https://www.w3.org/TR/fetch-metadata/.
    """
    site = headers.get("sec-fetch-site", "none")
    if site in ("none", "same-origin"):
        return False
    # A frame navigates, too, and nobody sees it.
    return not (
        method == "GET" and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    )


def pass_in(cookies: str | None) -> str | None:
    """Return what a header `Cookie` says of this page's reader, None where it says nothing.

    The pass has no character that a cookie quotes; to take quotes away, http.cookies of older Pythons took a second for
    32 KB of them, before anyone was let in (CVE-2024-7592).
    """
    for cookie in (cookies or "").split(";"):
        name, _, value = cookie.partition("=")
        if name.strip() == COOKIE:
            return value.strip()
    return None


def access_of(settings: Settings) -> Access:
    """Return who may read, by the settings.

    Raises:
        SettingsError: the token is too short, or there is none though others reach the address.
    """
    token = None if settings.page_token is None else settings.page_token.get_secret_value()
    if token is not None and len(token) < SHORTEST:
        raise SettingsError(
            f"{PREFIX}PAGE_TOKEN: a token has {SHORTEST} characters or more; make one: openssl rand -hex 24"
        )
    if token is None and not is_loopback(settings.page_host):
        raise SettingsError(
            f"{PREFIX}PAGE_HOST is {settings.page_host}, which others reach, and there is no token: set "
            f"{PREFIX}PAGE_TOKEN, or listen on 127.0.0.1"
        )
    return Access(token, settings.page_host)


def _pass_of(token: str) -> str:
    return hmac.new(token.encode(), b"touchline page: a reader's cookie", hashlib.sha256).hexdigest()


def _same(said: str, ours: str) -> bool:
    # Digests all have one length: to compare them tells not even how long the secret is.
    return hmac.compare_digest(digest_of(said), digest_of(ours))
