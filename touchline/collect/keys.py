"""The API keys: who may send, and that nobody may from beyond this machine where there are none."""

from __future__ import annotations

import functools
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterable, Iterator

from streams.settings import PREFIX, Settings, SettingsError
from streams.settings.files import FileError, text_of

WITHOUT_KEYS = "-"
"""The name under which touchpoints are counted where there are no keys."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEY = re.compile(r"[!-+\--~]{16,256}")
"""Printable ASCII without the comma, which separates keys. Sixteen random characters cannot be guessed."""
_SCHEME = "bearer"


class Keys:
    """Tells by a request's key whose it is.

    Args:
        keys: names, each with a key; none lets everybody in.
    """

    def __init__(self, keys: Iterable[tuple[str, str]]) -> None:
        # Digests all have one length, so that to compare them tells nothing of a key, not even how long it is.
        self._digests = [(name, digest_of(key)) for name, key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    @property
    def names(self) -> list[str]:
        """Whom requests may come from."""
        return list(dict.fromkeys(name for name, _ in self._digests)) or [WITHOUT_KEYS]

    def holder(self, authorization: str | None) -> str | None:
        """Return the name of the key in a header `Authorization: Bearer …`; None if it is not one of ours."""
        if not self._digests:
            return WITHOUT_KEYS
        key = bearer_in(authorization)
        if key is None:
            return None
        told = digest_of(key)
        found = None
        for name, digest in self._digests:  # all of them, whichever fits: the time tells nothing
            if hmac.compare_digest(told, digest):
                found = name
        return found


def load_keys(settings: Settings) -> Keys:
    """Return the keys that the settings name.

    Raises:
        SettingsError: a key does not hold, their file cannot be read, or there is none though one of the settings is
            there, or the address to listen on is not of this machine alone.
    """
    listed: list[tuple[str, str]] = []
    if settings.collect_keys is not None:
        listed += _pairs("COLLECT_KEYS", settings.collect_keys.get_secret_value().split(","))
    if settings.collect_keys_file is not None:
        listed += _pairs("COLLECT_KEYS_FILE", _lines(settings.collect_keys_file))
    by_key = {key: name for name, key in listed}
    for name, key in listed:
        if by_key[key] != name:
            raise SettingsError(f"{PREFIX}COLLECT_KEYS: {name} and {by_key[key]} have the same key; give each its own")
    named = [name for name in ("collect_keys", "collect_keys_file") if getattr(settings, name) is not None]
    if named and not listed:
        raise SettingsError(
            f"{PREFIX}{named[0].upper()} holds no key, and everybody would be let in: write name:key, or take it away"
        )
    if not listed and not is_loopback(settings.collect_host):
        raise SettingsError(
            f"{PREFIX}COLLECT_HOST is {settings.collect_host}, which others reach, and there are no API keys: set "
            f"{PREFIX}COLLECT_KEYS (name:key, …) or {PREFIX}COLLECT_KEYS_FILE, or listen on 127.0.0.1"
        )
    return Keys(listed)


def bearer_in(authorization: str | None) -> str | None:
    """Return the secret of a header `Authorization: Bearer …`; None if it is of another kind, or not there."""
    scheme, _, secret = (authorization or "").strip().partition(" ")
    return secret.strip() if scheme.lower() == _SCHEME else None


def digest_of(secret: str) -> bytes:
    """Return what secrets are compared by."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


@functools.lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def name_in(host: str) -> str:
    """Return the name or address in a header `Host`, without its port."""
    name, _, port = host.rpartition(":")
    return name if port.isdigit() and not host.endswith("]") else host


def _pairs(variable: str, entries: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield names and keys; errors name the entry by its number, since it is secret."""
    for number, entry in enumerate(entries, start=1):
        said = entry.strip()
        if not said or said.startswith("#"):
            continue
        name, colon, key = said.partition(":")
        if not colon or not _NAME.fullmatch(name):
            raise SettingsError(
                f"{PREFIX}{variable}, entry {number}: it should look like name:key, the name of letters, digits, . _ -"
            )
        if not _KEY.fullmatch(key):
            raise SettingsError(
                f"{PREFIX}{variable}, entry {number} ({name}): a key has 16 to 256 characters, none of them a space or "
                "a comma; make one: openssl rand -hex 24"
            )
        yield name, key


def _lines(file: str) -> list[str]:
    try:
        return text_of(file).splitlines()
    except FileError as error:
        raise SettingsError(f"{PREFIX}COLLECT_KEYS_FILE: {error}") from error
