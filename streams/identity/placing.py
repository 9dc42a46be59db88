"""Puts links into components: joins these, parts them, and sets aside what links nothing for good."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from schemas.identity_links import CUSTOMER, Command, Identity, Link, Pair
from schemas.steps import AT_ONCE
from streams.identity.component import Component, merged
from streams.identity.components import Edit, other_of
from streams.identity.limits import Limits

FEW = 8
"""Things of some ten microseconds each that are done between two yields."""


class Placing:
    """Where links belong, by what has been said so far.

    Args:
        limits: with how many others an identity may be stated.
        links_max: links of a component.
        commands: by identity, all that name it, or others that commands connect with it.
    """

    def __init__(self, limits: Limits, links_max: int, commands: Mapping[Identity, Sequence[Command]]) -> None:
        self._limits = limits
        self._links_max = links_max
        self._commands = commands

    def say(self, edit: Edit, links: Iterable[Link]) -> Iterator[None]:
        """Put a touchpoint's links of new pairs into their places, little by little.

        What links nothing from now on is set aside first, and once: each cut looks for what is few again.
        """
        passed: dict[Identity, None] = {}
        known_by: list[tuple[Link, list[Identity]]] = []
        for link in links:
            known_by.append((link, self._count(edit, link, passed)))
            yield
        if passed:
            yield from self._cut(edit, (yield from self._linking_none(edit, passed)))
        for link, remembering in known_by:
            if self._links_none(edit, link):
                edit.void.put(link, *remembering)
                continue
            if link.first[0] == CUSTOMER:
                edit.linked(link.first).setdefault(link.second[0], set()).add(edit.key(link.second))
            yield from self.connect(edit, link.pair, link)

    def _count(self, edit: Edit, link: Link, passed: dict[Identity, None]) -> list[Identity]:
        """Count a new link; return those of its identities that remember it, also where it links nothing.

        Args:
            passed: those that pass a limit by it are added.
        """
        remembering = []
        for one, other in (link.pair, link.pair[::-1]):
            stated = edit.stated(one)
            if self._limits.are_few(stated):
                remembering.append(one)
                stated[other[0]] = stated.get(other[0], 0) + 1
                continue
            if not self._limits.counts(one, other[0], stated):
                continue
            was = self._limits.passed(one, other[0], stated)
            remembering.append(one)
            stated[other[0]] = stated.get(other[0], 0) + 1
            if self._limits.passed(one, other[0], stated) != was:
                passed[one] = None
        return remembering

    def _links_none(self, edit: Edit, link: Link) -> bool:
        """Whether one of a link's identities was stated with too many for it."""
        pairs = (link.pair, link.pair[::-1])
        return any(self._limits.links_none(one, other[0], edit.stated(one)) for one, other in pairs)

    def _linking_none(self, edit: Edit, passed: Iterable[Identity]) -> Generator[None, None, dict[Pair, Link]]:
        """Return the links that count still of some identities, and do so no more, little by little."""
        gone: dict[Pair, Link] = {}
        for one in passed:
            kinds = self._limits.kinds_without(one, edit.stated(one))
            for nth, live in enumerate((yield from edit.living(one))):
                if other_of(live, one)[0] in kinds:
                    gone[live.pair] = live
                if nth % AT_ONCE == 0:
                    yield
        return gone

    def say_earlier(self, edit: Edit, link: Link) -> None:
        """Put a link in the place of a later one of its pair."""
        for apart in (edit.void, edit.lone):
            if apart.get(link.pair) is not None:
                apart.put(link)
                return
        edit.with_link(edit.of(link.second), link)

    def connect(self, edit: Edit, pair: Pair, link: Link | None = None) -> Iterator[None]:
        """Join the components of a pair, by a link or, where there is none, by a command, little by little.

        If they have too many links together, their members are alone from now on.
        """
        components = _components_of(edit, pair)
        links = sum(len(component.links) for component in components) + (link is not None)
        if links <= self._links_max and not any(component.alone for component in components):
            whole = components[0]
            if len(components) > 1:
                whole = merged(components)
                edit.put(whole)
            if link is not None:
                edit.with_link(whole, link)
            yield
            return
        for component in components:
            self._part(edit, component)
            yield
        if link is None:
            edit.put(merged(_components_of(edit, pair), alone=True))
        elif link.first[0] == CUSTOMER:
            edit.with_link(edit.of(link.second), link)
        else:
            edit.lone.put(link, *link.pair)

    def _part(self, edit: Edit, component: Component) -> None:
        """Have the members of a component alone from now on, and the links between them apart."""
        for pair, link in component.links.items():
            if pair[0][0] != CUSTOMER:
                edit.lone.put(link, *pair)
        edit.put(*self._parts(component, alone=True))

    def forget(self, edit: Edit, gone: dict[Pair, Link], identifiers: Collection[Identity]) -> Iterator[None]:
        """Take links out as if they had never been; know identifiers no longer of which nothing is left; by steps.

        Args:
            gone: the links.
            identifiers: those that are to be known no longer.
        """
        touched = (yield from self._take_out(edit, gone)) | dict.fromkeys(identifiers)
        for identifier in identifiers:
            component = edit.of(identifier)
            if identifier not in self._commands and not edit.live(identifier):
                members = {member: key for member, key in component.members.items() if member != identifier}
                edit.drop(identifier)
                touched.pop(identifier, None)
                touched |= dict.fromkeys(members)
                edit.put(Component(members, component.links, alone=component.alone))
            yield
        yield from self._settle(edit, touched)

    def _cut(self, edit: Edit, gone: dict[Pair, Link]) -> Iterator[None]:
        """Take links that link nothing any more out of their components."""
        identifiers = yield from self._take_out(edit, gone)
        for nth, link in enumerate(gone.values()):
            edit.void.put(link, *link.pair)
            if nth % AT_ONCE == 0:
                yield
        yield from self._settle(edit, identifiers)

    def _take_out(self, edit: Edit, gone: dict[Pair, Link]) -> Generator[None, None, dict[Identity, None]]:
        """Take links out of their components, little by little; return the identifiers that they name."""
        identifiers = dict.fromkeys(identity for pair in gone for identity in pair if identity[0] != CUSTOMER)
        components: dict[Component, None] = {}
        for nth, identifier in enumerate(identifiers):
            component = edit.of(identifier)
            components[component] = None
            if nth % FEW == 0 or component.links:
                yield
        # Most of those that are connected with too many have no links but those that stand apart.
        for component in [one for one in components if not gone.keys().isdisjoint(one.links)]:
            edit.put(component.without(gone.keys()))
            yield
        for nth, link in enumerate(gone.values()):
            edit.lone.drop(link.pair)
            if link.first[0] == CUSTOMER:
                edit.linked(link.first)[link.second[0]].discard(edit.key(link.second))
            if nth % FEW == 0:
                yield
        return identifiers

    def _settle(self, edit: Edit, identifiers: Iterable[Identity]) -> Iterator[None]:
        """Part components that have lost links, and put those together that have few enough now."""
        done, large = set[Component](), set[Component]()
        for nth, identity in enumerate(identifiers):
            component = edit.of(identity)
            if component in done:
                continue
            if component.alone:
                found = yield from self._few(edit, component, large)
                parts = [component] if found is None else [found]
            else:
                parts = self._parts(component, alone=False)
            edit.put(*parts)
            done.update(parts)
            if nth % FEW == 0 or len(parts) > 1:
                yield

    def _few(self, edit: Edit, component: Component, large: set[Component]) -> Generator[None, None, Component | None]:
        """Return all that is connected with a component as one, or None if that has too many links, little by little.

        Args:
            large: components that are known to be connected with too many; those that are found are added.
        """
        if not component.links and not any(map(edit.lone.count, component.members)):
            return Component(component.members, {})  # Most have lost all that they had.
        found, pairs = {component: None}, set[Pair]()
        to_see = [component]
        while to_see:
            seen = to_see.pop()
            if any(edit.lone.count(member) > self._links_max for member in seen.members):
                large.update(found)
                return None
            own = self._pairs_of(edit, seen)
            pairs.update(own)
            is_few = len(pairs) <= self._links_max
            near = dict.fromkeys(_components_of(edit, chain.from_iterable(own)) if is_few else ())
            # To look at the links of a large one again, for each that it is connected with, would take seconds.
            if not is_few or not large.isdisjoint(near):
                large.update(found)
                return None
            to_see += [each for each in near if each not in found]
            found |= near
            if near:
                yield
        whole = merged(found)
        whole.links |= {link.pair: link for link in edit.lone.taken(whole.members)}
        return whole

    def _pairs_of(self, edit: Edit, component: Component) -> list[Pair]:
        """Return the pairs of all links of a component's members; of too many, too many of them."""
        pairs = [*component.links]
        for member in component.members:
            if len(pairs) <= self._links_max:
                pairs += [link.pair for link in edit.lone.of(member)]
        return pairs

    def _parts(self, component: Component, *, alone: bool) -> list[Component]:
        """Return the components that the links of one make of its members."""
        part_of = {member: [member] for member in component.members}
        for pair in self._connecting(component, alone=alone):
            one, other = part_of[pair[0]], part_of[pair[1]]
            if one is not other:
                less, more = (one, other) if len(one) < len(other) else (other, one)
                more += less
                for member in less:
                    part_of[member] = more
        links: dict[int, dict[Pair, Link]] = {id(part): {} for part in part_of.values()}
        for pair, link in component.links.items():
            if not alone or pair[0][0] == CUSTOMER:
                links[id(part_of[pair[1]])][pair] = link
        parts = {id(part): part for part in part_of.values()}
        if len(parts) == 1 and alone == component.alone:
            return [component]
        keys = component.members
        return [Component({one: keys[one] for one in part}, links[key], alone=alone) for key, part in parts.items()]

    def _connecting(self, component: Component, *, alone: bool) -> Iterable[Pair]:
        """Yield the pairs of a component's members that keep them in one."""
        if not alone:
            yield from (pair for pair in component.links if pair[0][0] != CUSTOMER)
        if self._commands:
            members = set(component.members)
            for member in members:
                for command in self._commands.get(member, ()):
                    pair = command.first, command.second
                    if command.action == "link" and members.issuperset(pair):
                        yield pair


def _components_of(edit: Edit, identities: Iterable[Identity]) -> list[Component]:
    """Return the components of the identifiers among some identities, each once."""
    return list(dict.fromkeys(edit.of(identity) for identity in identities if identity[0] != CUSTOMER))
