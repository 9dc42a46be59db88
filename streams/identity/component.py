"""A component, and the same as bytes: identifiers that links connect, with their links.

Of a million identities most of the memory goes to these bytes, so they hold nothing twice: a kind that everybody has is
a number, a touchpoint that links several identities is named once, and what is usual is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from itertools import chain
from typing import cast

import msgspec

from schemas.identity_links import CUSTOMER, Identity, Link, Pair
from schemas.packing import packed
from streams.identity.link_store import KEY_BYTES, joined, split
from streams.identity.links import Order
from streams.identity.strength import strength


class Component:
    """Identifiers that are connected, and the links that count of them.

    It is changed by the edit that has made it alone, until that is saved.

    Attributes:
        members: with their keys.
        links: those between two members, and those between a member and a customer, by pair.
        alone: whether too many identifiers are connected. Then each is a component alone, or with those that commands
            link it with, and has its links with customers; all others are apart (`Components.lone`).
    """

    __slots__ = ("alone", "links", "members")

    def __init__(self, members: Mapping[Identity, int], links: dict[Pair, Link], *, alone: bool = False) -> None:
        self.members = members
        self.links = links
        self.alone = alone

    def in_order(self) -> list[Link]:
        """Return the links in their order: that of `order_of`, which asks for each identity's strength only once."""
        strengths = {identity: strength(identity) for identity in set(chain.from_iterable(self.links))}

        def order(link: Link) -> Order:
            return link.late, link.occurred_at, link.event_id, strengths[link.first], strengths[link.second]

        return sorted(self.links.values(), key=order)

    def without(self, pairs: Collection[Pair]) -> Component:
        """Return the same without the links of some pairs."""
        left = {pair: link for pair, link in self.links.items() if pair not in pairs}
        return Component(self.members, left, alone=self.alone)

    def links_of(self, identity: Identity) -> list[Link]:
        """Return the links that name an identity."""
        return [link for pair, link in self.links.items() if identity in pair]


def merged(components: Iterable[Component], *, alone: bool = False) -> Component:
    """Return one component in the place of several."""
    members: dict[Identity, int] = {}
    links: dict[Pair, Link] = {}
    for component in components:
        members.update(component.members)
        links.update(component.links)
    return Component(members, links, alone=alone)


FEW = 4
"""Members of a component whose keys are not kept with it: people's have one to four, and 15 bytes each count."""
_KINDS = (CUSTOMER, "email", "phone", "loyalty_card", "twitter", "device", "cookie")
"""Kinds that are written as their place in this list; others by their name."""
_PLACES = {kind: place for place, kind in enumerate(_KINDS)}

_Kind = int | str
"""A kind as it is written."""


class _Said(msgspec.Struct, array_like=True, gc=False):
    """The links of a component that one touchpoint states: two places each in the component's names."""

    occurred_at: int
    event_id: str
    pairs: list[int]
    late: bool = False


class _Packed(msgspec.Struct, array_like=True, gc=False):
    """A component as it is kept.

    Attributes:
        names: kind and value by turns, of the members, then of the customers.
        keys: the members'; of a few none, since they are worked out as fast as they are wanted.
    """

    names: list[_Kind]
    said: list[_Said]
    keys: bytes = b""
    alone: bool = False


_decode = msgspec.msgpack.Decoder(_Packed).decode
_decode_keys = msgspec.msgpack.Decoder(dict[_Kind, bytes]).decode


def pack(component: Component) -> bytes:
    """Return a component as bytes."""
    places = {identity: place for place, identity in enumerate(component.members)}
    said: dict[tuple[int, str, bool], list[int]] = {}
    for link in component.links.values():
        pairs = said.setdefault((link.occurred_at, link.event_id, link.late), [])
        pairs += places.setdefault(link.first, len(places)), places.setdefault(link.second, len(places))
    names = [part for kind, value in places for part in (_PLACES.get(kind, kind), value)]
    # What is as by default is left out: a decoder puts it in.
    parts: list[object] = [
        names,
        [
            (at, event_id, pairs, True) if late else (at, event_id, pairs)
            for (at, event_id, late), pairs in said.items()
        ],
    ]
    keys = joined(component.members.values()) if len(component.members) > FEW else b""
    if keys or component.alone:
        parts += keys, component.alone
    return packed(parts)


def is_component(data: bytes) -> bool:
    """Tell a component from a customer's keys: MessagePack's first bits tell an array of a few from a map."""
    return data[0] >> 4 == 0x9


def unpack(data: bytes) -> Component:
    """Return the component that some bytes are."""
    read = _decode(data)
    names, links = _identities_of(read.names), dict[Pair, Link]()
    for said in read.said:
        places = iter(said.pairs)
        for first, second in zip(places, places, strict=True):
            one, other = names[first], names[second]
            links[one, other] = Link(one, other, said.occurred_at, said.event_id, said.late)
    keys = split(read.keys) or [key_of(name) for name in names if name[0] != CUSTOMER]
    return Component(dict(zip(names, keys, strict=False)), links, alone=read.alone)


def members_of(data: bytes) -> list[Identity]:
    """Return the members of the component that some bytes are, without its links."""
    return [name for name in _identities_of(_decode(data).names) if name[0] != CUSTOMER]


def pack_keys(keys: Mapping[str, Iterable[int]]) -> bytes:
    """Return a customer's keys as bytes: by kind those of the identifiers that it is linked to."""
    return packed({_PLACES.get(kind, kind): joined(some) for kind, some in keys.items() if some})


def unpack_keys(data: bytes) -> dict[str, set[int]]:
    """Return the keys of a customer that some bytes are, by kind."""
    return {_kind_of(kind): set(split(keys)) for kind, keys in _decode_keys(data).items()}


def key_of(identity: Identity) -> int:
    """Return what an identity is found by."""
    kind, value = identity
    return int.from_bytes(blake2b(f"{kind}:{value}".encode(), digest_size=KEY_BYTES).digest(), "big")


def _identities_of(names: Iterable[_Kind]) -> list[Identity]:
    parts = iter(names)
    return [(_kind_of(kind), cast(str, value)) for kind, value in zip(parts, parts, strict=True)]


def _kind_of(written: _Kind) -> str:
    return written if isinstance(written, str) else _KINDS[written]
