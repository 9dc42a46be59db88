"""Links: what touchpoints with several identities, and people with commands, say of who is who."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal

import msgspec

from streams.identity.strength import Identity, strength

IDENTITIES_MAX = 8
"""Of the identities that one touchpoint states, so many are linked: the strongest."""

PairKey = tuple[Identity, Identity]
"""Two identities, the stronger first."""


class Link(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Two identities that one touchpoint states.

    Attributes:
        first: the stronger of the two.
        occurred_at: when the touchpoint happened, ms.
        late: whether it came later than the allowed lateness.
    """

    first: Identity
    second: Identity
    occurred_at: int
    event_id: str
    late: bool = False

    @property
    def pair(self) -> PairKey:
        """What two links have in common that say the same."""
        return self.first, self.second

    @property
    def order(self) -> tuple[bool, int, str, tuple[int, str, str], tuple[int, str, str]]:
        """What orders links: late ones come after all others, so that they take nothing that is owned."""
        return self.late, self.occurred_at, self.event_id, strength(self.first), strength(self.second)


class Command(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a person has decided of two identities; of several commands on one pair the last one holds.

    Attributes:
        first: of a link, whose customer both are from now on; of an unlink, either.
        at: when it was given, ms.
        command_id: tells two commands of one millisecond apart.
    """

    action: Literal["link", "unlink"]
    first: Identity
    second: Identity
    at: int
    command_id: str

    @property
    def pair(self) -> PairKey:
        """The two identities, the stronger first."""
        return pair_of(self.first, self.second)

    @property
    def order(self) -> tuple[int, str]:
        """What orders commands."""
        return self.at, self.command_id


def pair_of(one: Identity, other: Identity) -> PairKey:
    """Return two identities, the stronger first."""
    return (one, other) if strength(one) <= strength(other) else (other, one)


def links_of(identities: Sequence[Identity], occurred_at: int, event_id: str, *, late: bool) -> list[Link]:
    """Return the links that a touchpoint states: each of its identities with each other.

    Args:
        identities: normalised, each once, in any order.
    """
    strongest = sorted(identities, key=strength)[:IDENTITIES_MAX]
    return [Link(first, second, occurred_at, event_id, late) for first, second in combinations(strongest, 2)]
