"""Of an identity's ownerships those that are told: the newest, as they stand in rows and in messages to journeys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.identity_links import key_of
from streams.identity.erasures import Erasures
from streams.identity.groups import ALWAYS, Ownership

OWNERSHIPS_MAX = 12
OWNERSHIPS_MAX_BYTES = 2 << 10
"""Most ownerships of an identity that are told, the newest: people have a few, as each has a stronger name than the
one before. A robot may rename a profile of 250 identifiers 250 times, by names of 5 KB, and each time all of them are
told with all of these owners: of 32, and 8 KiB, that took twice as long, and 4 MB."""
CHARACTER_BYTES = 4
"""Of a character, at most."""


class ToldOwned(NamedTuple):
    """Ownerships that are told, oldest first.

    Attributes:
        names: of the owners.
        size: of names and event ids, bytes at most.
    """

    owned: Sequence[Ownership]
    names: list[str]
    event_ids: list[str]
    size: int


class Told:
    """What is told of the ownerships that one record changes: their owners are mostly the same, and named once.

    Args:
        erased: who was erased; they own nothing that happened before.
    """

    def __init__(self, erased: Erasures) -> None:
        self._erased = erased
        self._named: dict[int, tuple[Ownership, str, int, int]] = {}
        self._told: dict[tuple[int, ...], ToldOwned] = {}
        self._begins: dict[tuple[int, int], list[int]] = {}

    def of(self, every: Sequence[Ownership]) -> ToldOwned:
        """Return the newest ownerships of an identity, as many as there may be; one of any size.

        Args:
            every: all of them, oldest first; what several identities have in common are the same objects.
        """
        newest = every[-OWNERSHIPS_MAX:]
        key = tuple(map(id, newest))
        found = self._told.get(key)
        if found is None:
            found = self._told[key] = self._fitting(newest)
        return found

    def begins(self, told: ToldOwned, later_ms: int) -> list[int]:
        """Return when ownerships begin, ms: those of somebody who was erased not before the erasure.

        Args:
            told: of `of`.
            later_ms: by how much later than each they do.
        """
        key = id(told), later_ms
        if key not in self._begins:
            self._begins[key] = self._beginning(told, later_ms)
        return self._begins[key]

    def _beginning(self, told: ToldOwned, later_ms: int) -> list[int]:
        begins = [one.since if one.since == ALWAYS else one.since + later_ms for one in told.owned]
        if not begins or begins[0] > self._erased.latest:
            return begins
        for place in range(len(begins) - 1, -1, -1):
            if self._erased.holds(told.names[place], begins[place]):
                begins[place] = self._erased.until(told.names[place]) + 1
            if place + 1 < len(begins):
                begins[place] = min(begins[place], begins[place + 1])
        return begins

    def _fitting(self, newest: Sequence[Ownership]) -> ToldOwned:
        names: list[str] = []
        left, size = OWNERSHIPS_MAX_BYTES, 0
        for one in reversed(newest):
            name, in_bytes, at_most = self._name_of(one)
            left -= in_bytes
            if left < 0 and names:
                break
            names.append(name)
            size += at_most
        owned = newest[len(newest) - len(names) :]
        return ToldOwned(owned, names[::-1], [one.event_id for one in owned], size)

    def _name_of(self, one: Ownership) -> tuple[str, int, int]:
        """Return the owner's name, and how many bytes it and the event id take, truly and at most."""
        found = self._named.get(id(one))
        if found is None:
            (kind, value), event_id = one.owner, one.event_id
            name = key_of(one.owner)
            in_bytes = len(kind.encode()) + len(value.encode()) + len(event_id.encode())
            # The ownership itself is kept, so that no other one has its id meanwhile.
            found = self._named[id(one)] = one, name, in_bytes, CHARACTER_BYTES * (len(name) + len(event_id))
        return found[1:]
