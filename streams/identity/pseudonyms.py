"""Pseudonyms: what stands in the place of identifiers, by a secret key (HMAC-SHA-256, RFC 2104)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256

CACHED = 16_384
"""Identifiers of which the pseudonym is kept."""
_CACHED_CHARACTERS = 128
_ID_DIGITS = 8
_DIGITS = 32
"""Hexadecimal digits of the key's id, and of the digest: 128 bits, as RFC 2104 (section 5) lets one cut it."""
_DIGEST = re.compile(rf"[0-9a-f]{{{_DIGITS}}}")
_WRITTEN = re.compile(rf"[0-9a-f]{{{_ID_DIGITS}}}_[0-9a-f]{{{_DIGITS}}}")
_ID_LABEL = b"touchline: id of a pseudonym key\0"
_LABEL = b"touchline: pseudonym\0"


def key_id_of(key: bytes) -> str:
    """Return what tells a key from others, and lets nobody find it out: 8 hexadecimal digits of its SHA-256."""
    return sha256(_ID_LABEL + key).hexdigest()[:_ID_DIGITS]


class Pseudonyms:
    """Makes pseudonyms, and knows them again: `<id of the key>_<32 hexadecimal digits>`.

    A pseudonym has its key's id, so that all that was written tells by which key it was.

    Args:
        key: the secret one.
        earlier: keys by which pseudonyms were made before; these are known again.

    Attributes:
        key_id: of the key.
    """

    def __init__(self, key: bytes, earlier: Iterable[bytes] = ()) -> None:
        self.key_id = key_id_of(key)
        self._keyed = hmac.new(key, _LABEL, sha256)
        self._cached = lru_cache(CACHED)(self._made)
        self._beginnings = tuple({f"{key_id_of(one)}_": None for one in (key, *earlier)})

    def of(self, kind: str, value: str) -> str:
        """Return the pseudonym of an identifier; of one value, each kind gives another.

        Args:
            kind: normalised.
            value: normalised, so that all forms of one identifier have one pseudonym.
        """
        return self._cached(kind, value) if len(value) <= _CACHED_CHARACTERS else self._made(kind, value)

    def knows(self, value: str) -> bool:
        """Return whether a value is a pseudonym, by this key or an earlier one."""
        return value[: _ID_DIGITS + 1] in self._beginnings and _DIGEST.fullmatch(value, _ID_DIGITS + 1) is not None

    def may_stand_in(self, text: str) -> bool:
        """Return whether a text has the beginning of a pseudonym."""
        return any(beginning in text for beginning in self._beginnings)

    def standing_in(self, text: str) -> list[tuple[int, int, str]]:
        """Return the pseudonyms in a text, each with its place."""
        if not self.may_stand_in(text):
            return []
        return [(found.start(), found.end(), found[0]) for found in _WRITTEN.finditer(text) if self.knows(found[0])]

    def _made(self, kind: str, value: str) -> str:
        mac = self._keyed.copy()
        # No normalised kind has a control character, so no two pairs give one message.
        mac.update(f"{kind}\0{value}".encode("utf-8", "surrogatepass"))
        return f"{self.key_id}_{mac.hexdigest()[:_DIGITS]}"
