"""Links that join nothing, by their pair: one is found, changed and counted at once, however many an identity has.

Of each identity the keys of those are kept that it was stated with, by kind. So what a link takes does not grow with
the number of links: a robot's identifier may have a thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain

import msgspec

from schemas.identity_links import Identity, Link, Pair
from schemas.packing import packed
from schemas.steps import AT_ONCE

KEY_BYTES = 15
"""Of a key: no two identities are found that have one."""

_decode_link = msgspec.msgpack.Decoder(Link).decode
_decode_keys = msgspec.msgpack.Decoder(dict[str, bytes]).decode


class LinkStore:
    """Links as bytes.

    Attributes:
        links: by the keys of both identities.
        keys: by an identity's key, by kind the keys of those whose links with it are to be found.
    """

    def __init__(self) -> None:
        self.links: dict[int, bytes] = {}
        self.keys: dict[int, bytes] = {}

    def __iter__(self) -> Iterator[Link]:
        return map(_decode_link, self.links.values())


class LinkStoreEdit:
    """What is found in a store, and what is changed; nothing of it is kept before `saving`.

    Args:
        key_of: returns an identity's key.
    """

    def __init__(self, store: LinkStore, key_of: Callable[[Identity], int]) -> None:
        self._store = store
        self._key_of = key_of
        self._before: dict[int, Link | None] = {}
        self._now: dict[int, Link | None] = {}
        self._untold: set[int] = set()
        self._keys: dict[Identity, dict[str, bytes]] = {}
        self._changed: dict[Identity, None] = {}

    def get(self, pair: Pair) -> Link | None:
        """Return the link of a pair, if it is there."""
        return self._at(self._place(pair))

    def of(self, identity: Identity) -> list[Link]:
        """Return the links that an identity knows."""
        own = self._key_of(identity)
        places = [_place_of(own, key) for keys in self.keys(identity).values() for key in split(keys)]
        return [link for link in map(self._at, places) if link is not None]

    def counts(self, identity: Identity) -> dict[str, int]:
        """Return how many links of each kind an identity knows."""
        return {kind: len(keys) // KEY_BYTES for kind, keys in self.keys(identity).items()}

    def count(self, identity: Identity) -> int:
        """Return how many links an identity knows."""
        return sum(self.counts(identity).values())

    def keys(self, identity: Identity) -> dict[str, bytes]:
        """Return by kind the keys of those whose links an identity knows."""
        found = self._keys.get(identity)
        if found is None:
            data = self._store.keys.get(self._key_of(identity))
            found = self._keys[identity] = {} if data is None else _decode_keys(data)
        return found

    def put(self, link: Link, *known_by: Identity) -> None:
        """Put a link in its place, that of its pair.

        Args:
            known_by: those of its identities that know it from now on. If nobody does it is told of, and not kept.
        """
        place = self._place(link.pair)
        if self._at(place) is None and not known_by:
            self._untold.add(place)
        self._now[place] = link
        for one in known_by:
            other = link.second if one == link.first else link.first
            keys = self.keys(one)
            keys[other[0]] = keys.get(other[0], b"") + self._key_of(other).to_bytes(KEY_BYTES, "big")
            self._changed[one] = None

    def drop(self, pair: Pair) -> None:
        """Take a link out, if it is there."""
        place = self._place(pair)
        if self._at(place) is None:
            return
        self._now[place] = None
        for one, other in (pair, pair[::-1]):
            keys = self.keys(one)
            keys[other[0]] = _without(keys.get(other[0], b""), self._key_of(other).to_bytes(KEY_BYTES, "big"))
            self._changed[one] = None

    def taken(self, identities: Iterable[Identity]) -> list[Link]:
        """Take all links out that some identities know; nobody else may know any of them."""
        taken = []
        for identity in identities:
            own = self._key_of(identity)
            for key in chain.from_iterable(map(split, self.keys(identity).values())):
                place = _place_of(own, key)
                link = self._at(place)
                if link is not None:
                    taken.append(link)
                    self._now[place] = None
            if self._keys[identity]:
                self._keys[identity] = {}
                self._changed[identity] = None
        return taken

    def comparing(self) -> Generator[None, None, tuple[list[Link], list[Link]]]:
        """Return links that were in the place of others, or of none, and those that are in it now, little by little."""
        was: list[Link] = []
        now: list[Link] = []
        for nth, (place, link) in enumerate(self._now.items()):
            before = self._before[place]
            if link is not before:
                was += () if before is None else (before,)
                now += () if link is None else (link,)
            if nth % AT_ONCE == 0:
                yield
        return was, now

    def saving(self) -> Iterator[None]:
        """Keep what has changed, little by little."""
        for nth, (place, link) in enumerate(self._now.items()):
            if nth % AT_ONCE == 0:
                yield
            if link is self._before[place] or place in self._untold:
                continue
            if link is None:
                self._store.links.pop(place, None)
            else:
                self._store.links[place] = packed(link)
        for nth, identity in enumerate(self._changed):
            if nth % AT_ONCE == 0:
                yield
            keys = {kind: some for kind, some in self._keys[identity].items() if some}
            if keys:
                self._store.keys[self._key_of(identity)] = packed(keys)
            else:
                self._store.keys.pop(self._key_of(identity), None)

    def _at(self, place: int) -> Link | None:
        if place not in self._now:
            data = self._store.links.get(place)
            self._now[place] = self._before[place] = None if data is None else _decode_link(data)
        return self._now[place]

    def _place(self, pair: Pair) -> int:
        return _place_of(self._key_of(pair[0]), self._key_of(pair[1]))


def _place_of(one: int, other: int) -> int:
    """Return what the link of two keys is found by, whichever comes first."""
    return (one << 8 * KEY_BYTES) | other if one < other else (other << 8 * KEY_BYTES) | one


def _without(keys: bytes, gone: bytes) -> bytes:
    """Return keys that were joined, but for one of them; what looks like it may stand across two others."""
    at = keys.find(gone)
    while at % KEY_BYTES and at >= 0:
        at = keys.find(gone, at + 1)
    return keys if at < 0 else keys[:at] + keys[at + KEY_BYTES :]


def split(keys: bytes) -> list[int]:
    """Return keys that were joined."""
    return [int.from_bytes(keys[at : at + KEY_BYTES], "big") for at in range(0, len(keys), KEY_BYTES)]


def joined(keys: Iterable[int]) -> bytes:
    """Return keys as they are kept."""
    return b"".join(key.to_bytes(KEY_BYTES, "big") for key in keys)
