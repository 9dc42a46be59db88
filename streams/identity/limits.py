"""With how many others an identity may be stated: a shop's telephone and a family's computer make no mega-customer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from schemas.identity_links import CUSTOMER, Identity

DEFAULT_LIMIT = 100
"""Of each kind that `LIMITS` does not name."""
LIMITS: Mapping[str, int] = MappingProxyType(
    {CUSTOMER: 3, "email": 20, "phone": 20, "loyalty_card": 20, "twitter": 20, "device": 200, "cookie": 500}
)
"""With how many of a kind an identity may be stated; one that is stated with more is linked to none of that kind."""
PERSONAL = (CUSTOMER, "email", "phone", "loyalty_card", "twitter")
"""Kinds that name a person: an identifier that is stated with too many of one of these is linked to nothing."""
LIMIT_IN_ALL = 600
"""With how many a customer may be stated; one that is stated with more is linked to nothing. Nobody has more than 500
browsers and a hundred others."""
LIMIT_OF_IDENTIFIER = 64
"""With how many an identifier may be stated; one that is stated with more is linked to customers alone. With as many
links a component is full (`streams.identity.graph.LINKS_MAX`): one with more could be in none, and would hold its
others apart. A touchpoint by which eight pass it makes so many links of each fall away."""


class Limits:
    """Tells which links link nothing, by what the two identities were stated with.

    What an identity was stated with only grows, so what links nothing never links again, and it is the same whatever
    the order.

    Args:
        of_kind: as `LIMITS`.
        default: of the kinds that it does not name.
        in_all: as `LIMIT_IN_ALL`.
        of_identifier: as `LIMIT_OF_IDENTIFIER`.
    """

    def __init__(
        self,
        of_kind: Mapping[str, int] = LIMITS,
        default: int = DEFAULT_LIMIT,
        in_all: int = LIMIT_IN_ALL,
        of_identifier: int = LIMIT_OF_IDENTIFIER,
    ) -> None:
        self._of_kind = of_kind
        self._default = default
        self._in_all = in_all
        self._of_identifier = of_identifier
        self._least = min(default, in_all, of_identifier, *of_kind.values())
        self._personal = [(kind, self.of(kind)) for kind in PERSONAL]

    def of(self, kind: str) -> int:
        """Return with how many identities of a kind another may be stated."""
        return self._of_kind.get(kind, self._default)

    def are_few(self, stated: Mapping[str, int]) -> bool:
        """Whether an identity that was stated with so many passes no limit by one more: the usual case."""
        return sum(stated.values()) < self._least

    def counts(self, identity: Identity, kind: str, stated: Mapping[str, int]) -> bool:
        """Whether one more of a kind has to be remembered of an identity; beyond its limit it has not.

        Args:
            stated: with how many of each kind it was stated so far.
        """
        if self._too_many(kind, stated):
            return False
        # By one more of those an identifier that is linked to customers alone may be linked to nothing.
        return (identity[0] != CUSTOMER and kind in PERSONAL) or not self._too_many_in_all(identity, stated)

    def links_none(self, identity: Identity, kind: str, stated: Mapping[str, int]) -> bool:
        """Whether an identity that was stated with so many of each kind is linked to none of a kind."""
        if sum(stated.values()) <= self._least:
            return False  # The usual case, and the cheapest.
        if self._too_many(kind, stated) or self._is_nobodys(identity, stated):
            return True
        return kind != CUSTOMER and self._too_many_in_all(identity, stated)

    def passed(self, identity: Identity, kind: str, stated: Mapping[str, int]) -> tuple[bool, bool, bool]:
        """Return which limits an identity has passed: of a kind, of one that names a person, in all.

        Each is passed once. What counts no more of it then has to be set aside.
        """
        in_all = self._too_many_in_all(identity, stated)
        return self._too_many(kind, stated), self._is_nobodys(identity, stated), in_all

    def kinds_without(self, identity: Identity, stated: Mapping[str, int]) -> set[str]:
        """Return the kinds of those with which an identity was stated and of which it is linked to none."""
        if self._is_nobodys(identity, stated):
            return {*stated}
        if self._too_many_in_all(identity, stated):
            return stated.keys() - {CUSTOMER}
        return {kind for kind in stated if self._too_many(kind, stated)}

    def _is_nobodys(self, identity: Identity, stated: Mapping[str, int]) -> bool:
        """Whether it is an identifier that was stated with too many of a kind that names a person."""
        return identity[0] != CUSTOMER and any(stated.get(kind, 0) > most for kind, most in self._personal)

    def _too_many(self, kind: str, stated: Mapping[str, int]) -> bool:
        return stated.get(kind, 0) > self.of(kind)

    def _too_many_in_all(self, identity: Identity, stated: Mapping[str, int]) -> bool:
        """Whether it was stated with too many in all; beyond the limit of a kind one more counts, as one is enough."""
        most = self._in_all if identity[0] == CUSTOMER else self._of_identifier
        if sum(stated.values()) <= most:
            return False
        return sum(min(count, self.of(kind) + 1) for kind, count in stated.items()) > most
