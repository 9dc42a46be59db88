"""Who was erased, and up to when: an index of digests, which names nobody."""

from __future__ import annotations

from schemas.erasures import Erasure, digest_of

NEVER = -1


class Erasures:
    """All erasures so far.

    Attributes:
        latest: up to when (ms) something is erased at the latest; `NEVER` without any. Nobody has to be looked for by
            whose touchpoint is later.
    """

    def __init__(self) -> None:
        self.latest = NEVER
        self._until: dict[bytes, dict[bytes, int]] = {}

    @property
    def salt(self) -> bytes | None:
        """The salt that they have in common, so that a key is hashed once; None before the first."""
        return next(iter(self._until), None)

    def add(self, erasure: Erasure) -> bool:
        """Take an erasure; return whether it was not taken already."""
        known = self._until.setdefault(erasure.salt, {})
        new = [digest for digest in erasure.digests if known.get(digest, NEVER) < erasure.at]
        known.update(dict.fromkeys(new, erasure.at))
        self.latest = max(self.latest, erasure.at)
        return bool(new)

    def until(self, customer_key: str) -> int:
        """Return up to when (ms) what happened to whoever has a stated key is erased; `NEVER` if they were not."""
        return max(
            (known.get(digest_of(salt, customer_key), NEVER) for salt, known in self._until.items()), default=NEVER
        )

    def holds(self, customer_key: str, at: int) -> bool:
        """Return whether what happened at a time (ms) to whoever has a stated key is erased."""
        return at <= self.latest and at <= (until := self.until(customer_key)) and until != NEVER
