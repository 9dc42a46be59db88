"""The links that a touchpoint states, and the order in which links and commands count."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations, product

from msgspec.structs import replace

from schemas.identity_links import CUSTOMER, Command, IdentitiesStated, Identity, Link
from streams.identity.strength import strength

IDENTITIES_MAX = 8
"""Of the identities that one touchpoint states, so many are linked: the strongest."""
PAIRS_BYTES = 16 << 10
"""And only those whose pairs take so many bytes together, for each is kept with each other: eight of 290 bytes, or two
as long as identities may be, 5 KiB. People's have some dozens. One that is too long leaves its place to weaker ones."""

Order = tuple[bool, int, str, tuple[int, str, str], tuple[int, str, str]]


def stated_as(
    identities: Iterable[Identity], occurred_at: int, event_id: str, *, late: bool = False, late_before: int = 0
) -> IdentitiesStated | None:
    """Return what a touchpoint states of who is who, None where that links nothing.

    Args:
        identities: normalised, each once, in any order; of one customer at most.
        occurred_at, event_id, late, late_before: as of an `IdentitiesStated`.
    """
    linked: list[Identity] = []
    size = 0
    for identity in sorted(identities, key=strength):
        kind, value = identity
        more = len(kind.encode()) + len(value.encode())
        if len(linked) < IDENTITIES_MAX and len(linked) * (size + more) <= PAIRS_BYTES:
            linked.append(identity)
            size += more
    return IdentitiesStated(linked, occurred_at, event_id, late, late_before) if len(linked) > 1 else None


def links_of(stated: IdentitiesStated) -> list[Link]:
    """Return the links that a touchpoint states: of the customer with each identifier, or of each with each other.

    With the customer, two identifiers are the customer's already: a link between them would join nothing, and would
    connect what others share with one of them to the other.
    """
    first, *others = stated.identities
    pairs = product((first,), others) if first[0] == CUSTOMER else combinations(stated.identities, 2)
    return [Link(one, other, stated.occurred_at, stated.event_id, stated.late) for one, other in pairs]


def left_of(stated: IdentitiesStated, is_gone: Callable[[Identity], bool]) -> IdentitiesStated | None:
    """Return what is left of a statement without some identities: the links that name none of them."""
    left = [identity for identity in stated.identities if not is_gone(identity)]
    if len(left) == len(stated.identities):
        return stated
    # The customer's identifiers are not linked with each other.
    is_customers = stated.identities[0][0] == CUSTOMER and left[:1] != stated.identities[:1]
    return replace(stated, identities=left) if len(left) > 1 and not is_customers else None


def order_of(link: Link) -> Order:
    """Return what orders links: late ones come after all others, so that they take nothing that is owned."""
    return link.late, link.occurred_at, link.event_id, strength(link.first), strength(link.second)


def order_of_command(command: Command) -> tuple[int, str]:
    """Return what orders commands."""
    return command.at, command.command_id
