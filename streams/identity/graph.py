"""All links, kept so that a new one changes only the identities that it reaches.

Identities that links connect are a component. The rule (`streams.identity.groups`) looks at one component at a time,
which is as good as looking at all links. A component is kept as bytes, and found by a hash of each identity: two
identities of one hash share a component, which changes nothing but its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from schemas.identity_links import Command, Identity, Link, LinkRecord, Pair
from streams.identity.groups import WINDOW_MS, Conflict, Ownership, Resolution, resolve
from streams.identity.limits import Limits, Partners
from streams.identity.links import order_of
from streams.identity.strength import pair_of

LINKS_MAX = 1_000
"""Links of a component: one that would make it larger is refused. With usual limits no honest customer comes near."""


class Changes(NamedTuple):
    """What a link or a command has changed.

    Attributes:
        owners: by identity whose owners have changed, all its ownerships, oldest first; before the first it is its own.
        conflicts: links that now link nothing, or for another reason.
        settled: links that were conflicts and are none any more.
    """

    owners: dict[Identity, tuple[Ownership, ...]]
    conflicts: list[Conflict]
    settled: list[Conflict]


NO_CHANGES = Changes({}, [], [])


class Component(msgspec.Struct, array_like=True, gc=False):
    """Identities that are connected, and what was said of them.

    Attributes:
        links: one of each pair that names a member. The other one is no member where the pair links nothing.
    """

    members: list[Identity]
    links: list[Link] = []
    commands: list[Command] = []


Replaced = tuple[Sequence[Component], Sequence[Component]]
"""Components, and those that are in their place now."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Component).decode


class IdentityGraph:
    """The links and commands so far.

    Args:
        limits: with how many others an identity may be stated.
        window_ms: how long before a link a touchpoint may have happened and still be counted as the link says.
        links_max: links of a component.

    Attributes:
        refused: how many links were refused since their component would have become too large.
    """

    def __init__(self, limits: Limits | None = None, window_ms: int = WINDOW_MS, links_max: int = LINKS_MAX) -> None:
        self.refused = 0
        self._links_max = links_max
        self._limits = limits or Limits()
        self._window_ms = window_ms
        self._components: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._components)

    def owned(self, identity: Identity) -> tuple[Ownership, ...]:
        """Return an identity's ownerships, oldest first."""
        resolution = self._resolve(self._component_of(identity))
        return tuple(resolution.owners.get(identity, ()))

    def conflicts(self, identity: Identity) -> list[Conflict]:
        """Return the links of an identity's component that link nothing."""
        return self._resolve(self._component_of(identity)).conflicts

    def add(self, link: Link) -> Changes:
        """Take a link; return what it has changed."""
        return self._changes(self._place(link))

    def obey(self, command: Command) -> Changes:
        """Take a command; return what it has changed."""
        return self._changes(self._note(command))

    def restore(self, record: LinkRecord) -> None:
        """Take a link or a command again whose changes are known."""
        if isinstance(record, Link):
            self._place(record)
        else:
            self._note(record)

    def _component_of(self, identity: Identity) -> Component:
        known = self._components.get(_hash(identity))
        component = Component([]) if known is None else _decode(known)
        if identity not in component.members:
            component.members.append(identity)
        return component

    def _components_of(self, pair: Pair) -> list[Component]:
        first, second = pair
        component = self._component_of(first)
        return [component] if second in component.members else [component, self._component_of(second)]

    def _place(self, link: Link) -> Replaced | None:
        """Put a link into the components of its identities; None where it says nothing new, or too many are there."""
        before = self._components_of(link.pair)
        known = next((one for one in _links_of(before) if one.pair == link.pair), None)
        if known is not None and order_of(known) <= order_of(link):
            return None
        if known is None and sum(len(component.links) for component in before) >= self._links_max:
            self.refused += 1
            return None
        return self._replace(before, [*_links_of(before, but=link.pair), link], _commands_of(before))

    def _note(self, command: Command) -> Replaced | None:
        """Put a command into the components of its identities; None where it is there."""
        before = self._components_of(pair_of(command.first, command.second))
        commands = _commands_of(before)
        if command in commands:
            return None
        return self._replace(before, _links_of(before), [*commands, command])

    def _replace(self, before: Sequence[Component], links: Sequence[Link], commands: Sequence[Command]) -> Replaced:
        """Put components made of some links and commands in the place of others; return both."""
        members = dict.fromkeys(member for component in before for member in component.members)
        after = list(self._connected(members, links, commands))
        for component in after:
            data = _encode(component)
            for member in component.members:
                self._components[_hash(member)] = data
        return before, after

    def _changes(self, replaced: Replaced | None) -> Changes:
        if replaced is None:
            return NO_CHANGES
        before, after = ([self._resolve(component) for component in components] for components in replaced)
        return _changes(before, after)

    def _resolve(self, component: Component) -> Resolution:
        partners, members = Partners(self._limits), set(component.members)
        for link in component.links:
            for one, other in (link.pair, link.pair[::-1]):
                if one in members:
                    partners.note(one, other)

        def is_void(pair: Pair) -> bool:
            return not members.issuperset(pair) or partners.is_void(pair)

        return resolve(component.links, component.commands, is_void, self._window_ms)

    def _connected(
        self, members: dict[Identity, None], links: Sequence[Link], commands: Sequence[Command]
    ) -> Iterable[Component]:
        """Yield the components that links and commands make of some members."""
        partners, remembered = Partners(self._limits), []
        for link in links:
            of_first = link.first in members and partners.note(link.first, link.second)
            of_second = link.second in members and partners.note(link.second, link.first)
            remembered.append((link, of_first, of_second))
        components = {member: Component([member]) for member in members}
        by_hash: dict[int, Identity] = {}
        for member in members:
            # What is found by one hash is kept in one place.
            _join(components, (by_hash.setdefault(_hash(member), member), member))
        for link, *_ in remembered:
            if members.keys() >= set(link.pair) and not partners.is_void(link.pair):
                _join(components, link.pair)
        for command in commands:
            _join(components, (command.first, command.second))
        for command in commands:
            components[command.first].commands.append(command)
        for link, of_first, of_second in remembered:
            homes = [components[link.first]] if of_first else []
            if of_second and components[link.second] not in homes:
                homes.append(components[link.second])
            for home in homes:
                home.links.append(link)
        return {id(component): component for component in components.values()}.values()


def _changes(before: Iterable[Resolution], after: Iterable[Resolution]) -> Changes:
    was = {identity: owned for resolution in before for identity, owned in resolution.owners.items()}
    now = {identity: owned for resolution in after for identity, owned in resolution.owners.items()}
    conflicts_were = {one.link.pair: one for resolution in before for one in resolution.conflicts}
    conflicts = {one.link.pair: one for resolution in after for one in resolution.conflicts}
    return Changes(
        {
            identity: tuple(now.get(identity, ()))
            for identity in sorted(was.keys() | now.keys())
            if was.get(identity) != now.get(identity)
        },
        [one for pair, one in conflicts.items() if conflicts_were.get(pair) != one],
        [one for pair, one in conflicts_were.items() if pair not in conflicts],
    )


def _join(components: dict[Identity, Component], pair: Pair) -> None:
    one, other = components[pair[0]], components[pair[1]]
    if one is not other:
        one.members += other.members
        for member in other.members:
            components[member] = one


def _links_of(components: Iterable[Component], but: Pair | None = None) -> list[Link]:
    """Return the links of some components, each once; without those of a pair."""
    found = dict.fromkeys(link for component in components for link in component.links)
    return [link for link in found if link.pair != but]


def _commands_of(components: Iterable[Component]) -> list[Command]:
    return list(dict.fromkeys(command for component in components for command in component.commands))


def _hash(identity: Identity) -> int:
    kind, value = identity
    return int.from_bytes(blake2b(f"{kind}:{value}".encode(), digest_size=8).digest(), "big")
