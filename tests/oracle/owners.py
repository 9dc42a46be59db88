"""Whose each touchpoint is by all links that the lines state: plain sets, joined in the order of the links.

The oracle decides the simple cases: identities that few customers share, no person's decision, and nothing that comes
late. What may pass a limit of the rule it refuses, so that no input is checked by an answer that it cannot know.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any, NamedTuple

Identity = tuple[str, str]
"""A kind and a value."""
CUSTOMER = "customer"
"""The kind of an identity that is a customer's id."""
NO_IDENTITY = {
    "", "null", "none", "undefined", "nan", "anonymous", "guest", "unknown", "test", "n/a", "0", "-1",
    "[object object]", "(null)", "true", "00000000-0000-0000-0000-000000000000",
}  # fmt: skip
WRITTEN = {
    "0049 (0)30 98-76": "+49309876",
    "mailto:BOB@example.com": "bob@example.com",
    "@\uff22\u200bob": "bob",
}
"""How identifiers begin that are written in an unusual way, and what that means."""
STRONG = ("email", "phone", "loyalty_card")
WEAK = ("twitter", "device", "cookie")

CUSTOMERS_MAX = 3
OTHERS_MAX = 20
"""Stated with more than so many customers, or other identities in all, an identity may have passed a limit."""


class Stated(NamedTuple):
    """What one touchpoint states of who it is, the strongest first."""

    at: int
    event_id: str
    identities: list[Identity]


class Link(NamedTuple):
    """Two identities that one touchpoint states; links count in the order of their fields."""

    at: int
    event_id: str
    strengths: tuple[object, object]
    stronger: Identity
    weaker: Identity


def identities(record: Mapping[str, Any]) -> list[Identity]:
    """Return what a line states of who it is, the strongest first: a usable customer's id, usable identifiers.

    Of the brand's answer to a post the identifiers are its author's.
    """
    is_answer = record.get("author") == "brand" and record.get("in_reply_to")
    stated = [] if is_answer else [(kind, value.strip()) for kind, value in record.get("identifiers", {}).items()]
    named = [(kind, _plain(kind, value)) for kind, value in stated if value.lower() not in NO_IDENTITY]
    customer = (record.get("customer_id") or "").strip()
    if customer.lower() not in NO_IDENTITY:
        named.append((CUSTOMER, customer))
    return sorted(named, key=strength)


def strength(identity: Identity) -> tuple[int, str, str]:
    """Return what orders identities, the strongest first."""
    kind, value = identity
    order = (CUSTOMER, *STRONG, "", *WEAK)
    return order.index(kind if kind in order else ""), kind, value


def name_of(identity: Identity) -> str:
    """Return the customer's id, or the name of the anonymous profile."""
    kind, value = identity
    return value if kind == CUSTOMER else f"anon:{kind}:{value}"


def identity_of(name: str) -> Identity:
    """Return the identity that is called so."""
    if not name.startswith("anon:"):
        return CUSTOMER, name
    _, kind, value = name.split(":", 2)
    return kind, value


def whose(record: Mapping[str, Any]) -> str:
    """Return whose the touchpoint is by what its line alone states."""
    return name_of(identities(record)[0])


def _plain(kind: str, value: str) -> str:
    """Return an identifier as all of its ways of being written are kept."""
    for written, meant in WRITTEN.items():
        if value.startswith(written):
            return meant + value.removeprefix(written)
    if kind == "phone":
        return "".join(char for place, char in enumerate(value) if char.isdigit() or (char == "+" and place == 0))
    if kind == "twitter":
        return value.removeprefix("@").lower()
    return value.lower() if kind == "email" else value


def owners(stated: Iterable[Stated], moved_before: int) -> dict[str, str]:
    """Return in whose journeys each touchpoint is, by event_id.

    Args:
        moved_before: how long before a link a touchpoint may have happened and still move by it, ms.
    """
    told = sorted(stated)
    links = sorted(link for one in told for link in _links(one))
    _check_limits(links)
    groups: dict[Identity, set[Identity]] = {}
    nth: dict[Identity, int] = {}
    found, joined = {}, 0
    for one in told:
        while joined < len(links) and links[joined].at <= one.at + moved_before:
            _join(groups, nth, links[joined])
            joined += 1
        key = one.identities[0]
        found[one.event_id] = name_of(_named_by(groups.get(key, {key}), nth))
    return found


def partings(stated: Iterable[Stated]) -> Iterator[tuple[int, str, str]]:
    """Yield when a link (ms) first says that what an identity does is another's, its name, and the other's."""
    links = sorted(link for one in stated for link in _links(one))
    groups: dict[Identity, set[Identity]] = {}
    nth: dict[Identity, int] = {}
    parted: set[Identity] = set()
    for link in links:
        _join(groups, nth, link)
        for one in sorted(groups[link.stronger] | groups[link.weaker], key=strength, reverse=True):
            owner = _named_by(groups[one], nth)
            if owner != one and one not in parted:
                parted.add(one)
                yield link.at, name_of(one), name_of(owner)


def _links(stated: Stated) -> Iterator[Link]:
    """The customer with each identifier or, without a customer, each identifier with each other."""
    for stronger, weaker in combinations(stated.identities, 2):
        if stronger[0] == CUSTOMER or stated.identities[0][0] != CUSTOMER:
            yield Link(stated.at, stated.event_id, (strength(stronger), strength(weaker)), stronger, weaker)


def _join(groups: dict[Identity, set[Identity]], nth: dict[Identity, int], link: Link) -> None:
    for one in (link.stronger, link.weaker):
        nth.setdefault(one, len(nth))
        groups.setdefault(one, {one})
    kept, other = groups[link.stronger], groups[link.weaker]
    if kept is other or all(any(kind == CUSTOMER for kind, _ in group) for group in (kept, other)):
        return
    kept |= other
    groups.update(dict.fromkeys(other, kept))


def _named_by(group: set[Identity], nth: dict[Identity, int]) -> Identity:
    """The customer, or the strongest identifier; of two of a kind, the one that was linked first."""
    return min(group, key=lambda one: (strength(one)[:-1], nth.get(one, 0)))


def _check_limits(links: list[Link]) -> None:
    others: dict[Identity, set[Identity]] = defaultdict(set)
    for link in links:
        others[link.stronger].add(link.weaker)
        others[link.weaker].add(link.stronger)
    for one, stated_with in others.items():
        customers = sum(kind == CUSTOMER for kind, _ in stated_with)
        if customers > CUSTOMERS_MAX or len(stated_with) > OTHERS_MAX:
            raise ValueError(f"{one} was stated with {len(stated_with)} others: the oracle does not decide such")
