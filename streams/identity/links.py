"""The links that a touchpoint states, and the order in which links and commands count."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations, product

from schemas.identity_links import CUSTOMER, Command, Identity, Link
from streams.identity.strength import strength

IDENTITIES_MAX = 8
"""Of the identities that one touchpoint states, so many are linked: the strongest."""

Order = tuple[bool, int, str, tuple[int, str, str], tuple[int, str, str]]


def links_of(identities: Iterable[Identity], occurred_at: int, event_id: str, *, late: bool) -> list[Link]:
    """Return the links that a touchpoint states: of the customer with each identifier, or of each with each other.

    With the customer, two identifiers are the customer's already: a link between them would join nothing, and would
    connect what others share with one of them to the other.

    Args:
        identities: normalised, each once, in any order; of one customer at most.
    """
    strongest = sorted(identities, key=strength)[:IDENTITIES_MAX]
    known = strongest[:1] if strongest and strongest[0][0] == CUSTOMER else []
    pairs = product(known, strongest[1:]) if known else combinations(strongest, 2)
    return [Link(first, second, occurred_at, event_id, late) for first, second in pairs]


def order_of(link: Link) -> Order:
    """Return what orders links: late ones come after all others, so that they take nothing that is owned."""
    return link.late, link.occurred_at, link.event_id, strength(link.first), strength(link.second)


def order_of_command(command: Command) -> tuple[int, str]:
    """Return what orders commands."""
    return command.at, command.command_id
