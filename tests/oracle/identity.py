"""Who is who by the rule's own words: all links at once, sets of identities, and no index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from schemas.identity_links import CUSTOMER, Command, Identity, Link
from streams.identity.strength import strength

FOREVER = 1 << 62
OF_A_PERSON = {CUSTOMER, "email", "phone", "loyalty_card", "twitter"}


def voids(
    links: Iterable[Link], limits: Mapping[str, int], default: int, in_all: int = 600, of_identifier: int = 64
) -> set[frozenset[Identity]]:
    """Return the pairs that link nothing, as one of the two was stated with too many.

    With too many of the other's kind; or, if it is no customer, with too many of a kind that names a person; or with
    too many in all, where one more than the limit of a kind counts as one more. An identifier with too many in all is
    linked to customers still.
    """
    partners: dict[Identity, dict[str, set[Identity]]] = defaultdict(lambda: defaultdict(set))
    for one, other in (pair for link in links for pair in (link.pair, link.pair[::-1])):
        partners[one][other[0]].add(other)

    def links_none(identity: Identity, kind: str) -> bool:
        stated = {one: len(others) for one, others in partners[identity].items()}
        over = {one for one, count in stated.items() if count > limits.get(one, default)}
        in_sum = sum(min(count, limits.get(one, default) + 1) for one, count in stated.items())
        if identity[0] == CUSTOMER:
            return kind in over or in_sum > in_all
        return kind in over or bool(over & OF_A_PERSON) or (kind != CUSTOMER and in_sum > of_identifier)

    return {
        frozenset(link.pair)
        for link in links
        if links_none(link.first, link.second[0]) or links_none(link.second, link.first[0])
    }


def too_connected(
    links: Iterable[Link], commands: Iterable[Command], void: set[frozenset[Identity]], most: int
) -> set[frozenset[Identity]]:
    """Return the pairs of identifiers that link nothing, as too many links are between those that are connected.

    Customers connect nothing; the links of a customer with one of the identifiers count.
    """
    counting = {frozenset(link.pair): link for link in links if frozenset(link.pair) not in void}
    connected = Groups()
    linked = [(one.first, one.second) for one in commands if one.action == "link"]
    for one, other in [*(link.pair for link in counting.values()), *linked]:
        if CUSTOMER not in (one[0], other[0]):
            connected.join(one, other)
    count: dict[frozenset[Identity], int] = defaultdict(int)
    for link in counting.values():
        count[frozenset(connected.of(link.second))] += 1
    return {
        pair
        for pair, link in counting.items()
        if link.first[0] != CUSTOMER and count[frozenset(connected.of(link.second))] > most
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
