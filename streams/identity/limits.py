"""With how many others an identity may be stated: a shop's telephone and a family's computer make no mega-customer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from schemas.identity_links import CUSTOMER, Identity, Pair

DEFAULT_LIMIT = 100
"""Of each kind that `LIMITS` does not name."""
LIMITS: Mapping[str, int] = MappingProxyType(
    {CUSTOMER: 3, "email": 20, "phone": 20, "loyalty_card": 20, "twitter": 20, "device": 200, "cookie": 500}
)
"""With how many of a kind an identity may be stated; one that is stated with more is linked to none of that kind."""


class Limits:
    """Tells which pairs link nothing.

    Args:
        of_kind: as `LIMITS`.
        default: of the kinds that it does not name.
    """

    def __init__(self, of_kind: Mapping[str, int] = LIMITS, default: int = DEFAULT_LIMIT) -> None:
        self._of_kind = of_kind
        self._default = default

    def of(self, kind: str) -> int:
        """Return with how many identities of a kind another may be stated."""
        return self._of_kind.get(kind, self._default)


class Partners:
    """With whom some identities were stated."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._known: dict[tuple[Identity, str], set[str]] = {}

    def note(self, identity: Identity, partner: Identity) -> bool:
        """Note that two were stated together; return whether it has to be remembered of `identity`.

        It has not where `identity` was stated with too many without this one.
        """
        kind, value = partner
        known = self._known.setdefault((identity, kind), set())
        if value not in known and len(known) > self._limits.of(kind):
            return False
        known.add(value)
        return True

    def are_too_many(self, identity: Identity, kind: str) -> bool:
        """Whether an identity was stated with too many of a kind."""
        return len(self._known.get((identity, kind), ())) > self._limits.of(kind)

    def is_void(self, pair: Pair) -> bool:
        """Whether a pair links nothing, as one of the two was stated with too many of the other's kind."""
        first, second = pair
        return self.are_too_many(first, second[0]) or self.are_too_many(second, first[0])
