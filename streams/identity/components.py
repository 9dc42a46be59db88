"""All components, as bytes; beside them what customers were stated with, and links that link nothing.

A customer connects nothing. Two identifiers of one customer bear on each other only if a link connects them without the
customer, so each component has the customer's links with its own identifiers, and components stay small.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator

from schemas.identity_links import CUSTOMER, Identity, Link, Pair
from schemas.steps import AT_ONCE, end_of
from streams.identity.component import Component, is_component, key_of, members_of, pack, pack_keys, unpack, unpack_keys
from streams.identity.link_store import LinkStore, LinkStoreEdit
from streams.identity.table import Table


class Components:
    """What all links have made.

    Attributes:
        known: by key, of an identifier its component, one object for all members; of a customer, by kind, the keys of
            the identifiers that it is linked to.
        void: the links that link nothing for good; each is known by those that were not stated with too many before.
        lone: the links between identifiers that are connected with too many, or by commands alone.
        alone: how many identifiers are connected with too many.
    """

    def __init__(self) -> None:
        self.alone = 0
        self.known = Table()
        self.void = LinkStore()
        self.lone = LinkStore()

    def connected(self, identity: Identity) -> list[Identity]:
        """Return the members of an identity's component; of one that has none, it alone."""
        key = key_of(identity)
        if identity[0] == CUSTOMER or key not in self.known:
            return [identity]
        return members_of(self.known[key])

    def each(self) -> Iterator[Component]:
        """Yield every component once; nothing may be kept meanwhile."""
        for key, data in self.known.items():
            if is_component(data):
                component = unpack(data)
                if key == next(iter(component.members.values())):
                    yield component


class Edit:
    """What links or a command find, and what they change; nothing of it is kept before `save`.

    Attributes:
        before: components that were looked at, as they were.
        void, lone: what is found and changed of the components' links of that name.
    """

    def __init__(self, components: Components) -> None:
        self.void = LinkStoreEdit(components.void, self.key)
        self.lone = LinkStoreEdit(components.lone, self.key)
        self.before: dict[Component, None] = {}
        self._components = components
        self._now: dict[int, Component] = {}
        self._keys: dict[Identity, int] = {}
        self._linked: dict[Identity, dict[str, set[int]]] = {}
        self._stated: dict[Identity, dict[str, int]] = {}
        self._dropped: dict[int, None] = {}

    def key(self, identity: Identity) -> int:
        """Return what an identity is found by; of each it is worked out once."""
        key = self._keys.get(identity)
        if key is None:
            key = self._keys[identity] = key_of(identity)
        return key

    def of(self, identity: Identity) -> Component:
        """Return the component of an identifier; of a new one, it alone."""
        key = self.key(identity)
        found = self._now.get(key)
        if found is None:
            if key in self._components.known:
                return self.at(key)
            found = self._now[key] = Component({identity: key}, {})
        return found

    def with_link(self, component: Component, link: Link) -> None:
        """Put a link into a component, in the place of one of the same pair."""
        if component in self.before:
            component = Component(component.members, dict(component.links), alone=component.alone)
            self.put(component)
        component.links[link.pair] = link

    def at(self, key: int) -> Component:
        """Return the component of the known identifier that has a key."""
        found = self._now.get(key)
        if found is None:
            found = unpack(self._components.known[key])
            self.before[found] = None
            self.put(found)
        return found

    def put(self, *components: Component) -> None:
        """Put components in the place of those that their members had."""
        for component in components:
            self._now |= dict.fromkeys(component.members.values(), component)

    def drop(self, identity: Identity) -> None:
        """Know an identity no longer: no link names it, and no component has it."""
        key = self.key(identity)
        self._now.pop(key, None)
        self._linked.pop(identity, None)
        self._dropped[key] = None

    def mentioned_void(self, identities: Collection[Identity]) -> Generator[None, None, list[Link]]:
        """Return all links that link nothing for good and name one of some identities, whoever knows them."""
        found: list[Link] = []
        for nth, link in enumerate(self._components.void):
            if link.first in identities or link.second in identities:
                found.append(link)
            if nth % AT_ONCE == 0:
                yield
        return found

    def after(self) -> list[Component]:
        """Return the components that are in the place of those before, each once."""
        return list(dict.fromkeys(self._now.values()))

    def comparing(self) -> Generator[None, None, tuple[list[Component], list[Component]]]:
        """Return the components that were replaced, and those that are in their place or new, little by little."""
        before: list[Component] = []
        after: dict[Component, None] = {}
        for nth, component in enumerate(self._now.values()):
            after[component] = None
            if nth % AT_ONCE == 0:
                yield
        for nth, component in enumerate(self.before):
            if component not in after:
                before.append(component)
            if nth % AT_ONCE == 0:
                yield
        return before, [one for one in after if one not in self.before]

    def linked(self, customer: Identity) -> dict[str, set[int]]:
        """Return by kind the keys of the identifiers that a customer is linked to; to be changed in place."""
        found = self._linked.get(customer)
        if found is None:
            data = self._components.known.get(self.key(customer))
            found = self._linked[customer] = {} if data is None else unpack_keys(data)
        return found

    def live(self, identity: Identity) -> list[Link]:
        """Return the links of an identity that count."""
        return end_of(self.living(identity))

    def living(self, identity: Identity) -> Generator[None, None, list[Link]]:
        """Return the links of an identity that count, little by little: a customer's are in as many components."""
        if identity[0] != CUSTOMER:
            return self.of(identity).links_of(identity) + self.lone.of(identity)
        found: list[Link] = []
        for component in (yield from self.near(identity)):
            found += (link for link in component.links.values() if link.first == identity)
            yield
        return found

    def near(self, identity: Identity) -> Generator[None, None, list[Component]]:
        """Return the components in which an identity has links, each once, little by little."""
        if identity[0] != CUSTOMER:
            return [self.of(identity)]
        found: dict[Component, None] = {}
        for key in {key for keys in self.linked(identity).values() for key in keys}:
            found[self.at(key)] = None
            yield
        return list(found)

    def stated(self, identity: Identity) -> dict[str, int]:
        """Return with how many of each kind an identity was stated; of more than its limit, with too many.

        To be changed in place where it is stated with one more; a link that links nothing any more changes nothing.
        """
        stated = self._stated.get(identity)
        if stated is not None:
            return stated
        stated = self._stated[identity] = self.void.counts(identity)
        if identity[0] == CUSTOMER:
            more = {kind: len(keys) for kind, keys in self.linked(identity).items()}
        else:
            more = self.lone.counts(identity)
            for one, other in self.of(identity).links:
                if identity in (one, other):
                    kind = other[0] if one == identity else one[0]
                    stated[kind] = stated.get(kind, 0) + 1
        for kind, count in more.items():
            stated[kind] = stated.get(kind, 0) + count
        return stated

    def mention(self, identity: Identity) -> None:
        """See to it that an identity is known from now on."""
        if identity[0] == CUSTOMER:
            self.linked(identity)
        else:
            self.of(identity)

    def known(self, pair: Pair) -> Link | None:
        """Return the link of a pair, if there is one."""
        return self.of(pair[1]).links.get(pair) or self.lone.get(pair) or self.void.get(pair)

    def saving(self) -> Iterator[None]:
        """Keep what has changed, little by little; until the end nobody may ask who is who."""
        known = self._components.known
        before, after = yield from self.comparing()
        for key in self._dropped:
            known.drop(key)
        for nth, component in enumerate(before):
            self._components.alone -= _alone(component)
            if nth % AT_ONCE == 0:
                yield
        for nth, component in enumerate(after):
            known.put(component.members.values(), pack(component))
            self._components.alone += _alone(component)
            if nth % AT_ONCE == 0 or component.links:
                yield
        for customer, linked in self._linked.items():
            known.put((self.key(customer),), pack_keys(linked))
            yield
        yield from self.void.saving()
        yield from self.lone.saving()


def other_of(link: Link, identity: Identity) -> Identity:
    """Return the identity that a link names beside another."""
    return link.second if link.first == identity else link.first


def _alone(component: Component) -> int:
    return len(component.members) if component.alone else 0
