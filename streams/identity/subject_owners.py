"""Whose the cases, orders, carts, calls and posts are: by the first statement of each, and by the owners of its key.

A subject has one owner, and connects nobody: it is no part of any component, and counts in no limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from schemas.identity_links import Identity, identity_of
from schemas.subjects import Statement, is_subject, with_statement

CHAIN_MAX = 16
"""A subject is another's as far as that, as an answer to an answer is: a longer way leads to nobody."""

Piece = tuple[int, str]
"""From when on, ms, and who owns."""
OwnedBy = Callable[[Identity], Iterable[Piece]]
"""Returns since when, ms, other customers own what an identity does, the oldest first; before, it is its own."""


class SubjectOwned(NamedTuple):
    """Who owns the touchpoints of a subject that state nobody.

    Attributes:
        pieces: from when on who does; before the first, the subject's own profile.
        by_source: the same for the touchpoints of some sources, where it is another.
    """

    pieces: list[Piece]
    by_source: dict[str, list[Piece]]


class SubjectOwners:
    """The statements of subjects that touchpoints wait for.

    Args:
        moved_ms: how long before a statement a touchpoint may have happened and still be its owner's.
        owned_by: tells who owns what identities do.
    """

    def __init__(self, moved_ms: int, owned_by: OwnedBy) -> None:
        self._moved_ms = moved_ms
        self._owned_by = owned_by
        self._statements: dict[str, list[Statement]] = {}
        self._of: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._statements)

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def add(self, subject: str, stated: Statement) -> list[str]:
        """Take a statement of a subject; return the subjects that may have another owner by it."""
        known = self._statements.get(subject, [])
        kept = with_statement(known, stated)
        if kept is known:
            return []
        self._keep(subject, known, kept)
        return [subject, *self.of([subject])]

    def _keep(self, subject: str, known: list[Statement], kept: list[Statement]) -> None:
        """Keep some statements of a subject in the place of those that are known."""
        keys = {one.stated_key for one in kept}
        for gone in {one.stated_key for one in known} - keys:
            del self._of[gone][subject]
            if not self._of[gone]:
                del self._of[gone]
        for key in keys:
            self._of.setdefault(key, {})[subject] = None
        if kept:
            self._statements[subject] = kept
        else:
            del self._statements[subject]

    def forget(self, keys: Iterable[str], until: int) -> list[str]:
        """Forget what was said up to a time (ms) of subjects that have some keys, or say that they are of these.

        Returns:
            The subjects of which something was forgotten.
        """
        gone = frozenset(keys)
        named = dict.fromkeys(subject for key in gone for subject in (key, *self._of.get(key, ())))
        found = []
        for subject in named:
            known = self._statements.get(subject, [])
            kept = [
                one for one in known if one.occurred_at > until or (subject not in gone and one.stated_key not in gone)
            ]
            if len(kept) < len(known):
                self._keep(subject, known, kept)
                found.append(subject)
        return found

    def of(self, stated_keys: Iterable[str]) -> list[str]:
        """Return the subjects that are of some keys, or of subjects of these."""
        found: dict[str, None] = {}
        waiting = list(stated_keys)
        while waiting:
            for subject in self._of.get(waiting.pop(), ()):
                if subject not in found:
                    found[subject] = None
                    waiting.append(subject)
        return list(found)

    def owned(self, subjects: Iterable[str]) -> Iterator[tuple[str, SubjectOwned]]:
        """Yield who owns the touchpoints of some subjects; no statement or link may be taken meanwhile."""
        known: dict[str, list[Piece]] = {}  # one customer may have thousands of them
        for subject in subjects:
            pieces = self._owners(subject, None, known)
            sources = [one.source for one in self._statements.get(subject, ()) if not one.nameless]
            others = {source: found for source in sources if (found := self._owners(subject, source, known)) != pieces}
            yield subject, SubjectOwned(pieces, others)

    def _owners(self, subject: str, source: str | None, known: dict[str, list[Piece]]) -> list[Piece]:
        """Follow a subject to whoever it is, and to whom that is; nobody where the way leads back, or too far."""
        pieces: list[Piece] = []
        key, passed, since = subject, {subject}, -self._moved_ms
        while (stated := self._first(key, source)) is not None:
            key, source = stated.stated_key, stated.source
            if key in passed or len(passed) > CHAIN_MAX:
                return []
            passed.add(key)
            since = max(since, stated.occurred_at - self._moved_ms)
            pieces.append((since, key))
        if not pieces:
            return []
        if not is_subject(key):
            if key not in known:
                known[key] = list(self._owned_by(identity_of(key)))
            pieces += [(max(since, at), owner) for at, owner in known[key]]
        # Of several from one time on the last holds.
        return list(dict(pieces).items())

    def _first(self, key: str, source: str | None) -> Statement | None:
        """Return the statement that counts for the touchpoints of a source.

        Ids are often unique in their source alone: its own statement comes first, if that is of a person.
        """
        statements = self._statements.get(key)
        if not statements:
            return None
        own = (one for one in statements if one.source == source and not one.nameless)
        return next(own, statements[0])
