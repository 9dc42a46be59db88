"""Who is who by the rule's own words: all links at once, sets of identities, no index and no limits of size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from schemas.identity_links import CUSTOMER, Command, Identity, Link
from streams.identity.strength import strength

FOREVER = 1 << 62


def voids(links: Iterable[Link], limits: Mapping[str, int], default: int) -> set[frozenset[Identity]]:
    """Return the pairs that link nothing: one of the two was stated with too many of the other's kind."""
    partners: dict[tuple[Identity, str], set[Identity]] = defaultdict(set)
    for link in links:
        partners[link.first, link.second[0]].add(link.second)
        partners[link.second, link.first[0]].add(link.first)

    def too_many(identity: Identity, kind: str) -> bool:
        return len(partners[identity, kind]) > limits.get(kind, default)

    return {
        frozenset(link.pair)
        for link in links
        if too_many(link.first, link.second[0]) or too_many(link.second, link.first[0])
    }


class Groups:
    """Sets of identities."""

    def __init__(self) -> None:
        self._groups: list[set[Identity]] = []

    def of(self, identity: Identity) -> set[Identity]:
        for group in self._groups:
            if identity in group:
                return group
        self._groups.append({identity})
        return self._groups[-1]

    def join(self, one: Identity, other: Identity) -> None:
        kept, joined = self.of(one), self.of(other)
        if kept is not joined:
            self._groups.remove(joined)
            kept |= joined


def owner_at(
    identity: Identity,
    at: int,
    links: list[Link],
    commands: list[Command],
    void: set[frozenset[Identity]],
    window_ms: int,
) -> frozenset[Identity]:
    """Return all identities of the person whose a touchpoint of `identity` at a time is; no link came late."""
    last = {
        frozenset((command.first, command.second)): command
        for command in sorted(commands, key=lambda c: (c.at, c.command_id))
    }
    unlinked = {pair: command.at for pair, command in last.items() if command.action == "unlink"}
    groups = Groups()
    for command in sorted(last.values(), key=lambda c: (c.at, c.command_id)):
        if command.action == "link":
            groups.join(command.first, command.second)
    for link in sorted(links, key=lambda k: (k.occurred_at, k.event_id, strength(k.first), strength(k.second))):
        pair = frozenset(link.pair)
        counts = pair not in void and link.occurred_at > unlinked.get(pair, -FOREVER)
        if not counts or link.occurred_at > at + window_ms:
            continue
        if not (_has_customer(groups.of(link.first)) and _has_customer(groups.of(link.second))):
            groups.join(link.first, link.second)
    return frozenset(groups.of(identity))


def _has_customer(group: set[Identity]) -> bool:
    return any(kind == CUSTOMER for kind, _ in group)
