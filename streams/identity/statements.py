"""The identities that touchpoints state together and did not lately: what has been said need not be said again."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from schemas.identity_links import CUSTOMER, IdentitiesStated, Identity
from schemas.kinds.touchpoint import Touchpoint
from streams.identity.identities import Identities
from streams.identity.links import stated_as

REMEMBERED = 250_000
"""Statements that are remembered, some 130 MB: those that 100,000 people make in a year. Of more, the one made first is
forgotten, and is written once more if it recurs."""
_LONGEST, _MOST = 64, 4
"""Characters and identifiers. Of a longer statement a digest is remembered: a touchpoint's may take 500 KB, and 100
identifiers of one letter each take 26 KB of memory."""

Statement = tuple[object, ...]
When = tuple[bool, int, str, int]
"""The first of a statement in their order: late, `occurred_at` and event id. And before which time (ms) it is late, by
its last record that was late: what else happened before that is late by that record (`streams.identity.verdicts`)."""
_NEVER: When = (False, -1, "", 0)


class Statements:
    """What the touchpoints of a worker have stated of who is who.

    Args:
        identities: bring identifiers to the form in which they are compared; what they ignore is counted elsewhere.
    """

    def __init__(self, identities: Identities) -> None:
        self._identities = identities
        self._stated: dict[Statement, When] = {}

    def stated_by(self, touchpoint: Touchpoint, late_before: int) -> IdentitiesStated | None:
        """Return what a touchpoint states; None if that links nothing, or one before it in their order has stated it.

        What is late is stated, too, where no record says yet that it is late: a rebuild may read it in its time.

        Args:
            late_before: touchpoints that happened before this time (ms) come later than is allowed.
        """
        if len(touchpoint.identifiers) < (1 if touchpoint.customer_id is not None else 2):
            return None
        statement = _statement_of(touchpoint)
        at, event_id = touchpoint.occurred_at, touchpoint.event_id
        late = at < late_before
        first: tuple[bool, int, str] = (late, at, event_id)
        known_before = 0
        stated = self._stated.get(statement)
        if stated is not None:
            known_before = stated[3]
            if stated[:3] <= first:
                if not late or at < known_before:
                    return None
                first = stated[:3]
        self._stated[statement] = (*first, max(known_before, late_before if late else 0))
        if len(self._stated) > REMEMBERED:
            del self._stated[next(iter(self._stated))]
        identities = self._identities_of(touchpoint)
        return stated_as(identities, at, event_id, late=late, late_before=late_before if late else 0)

    def forget(self, touchpoint: Touchpoint) -> None:
        """Forget that a touchpoint has stated anything: it may not have been written."""
        statement = _statement_of(touchpoint)
        known = self._stated.get(statement, _NEVER)
        if known[1:3] == (touchpoint.occurred_at, touchpoint.event_id) or touchpoint.occurred_at < known[3]:
            del self._stated[statement]

    def forget_all(self) -> None:
        """Forget all that was stated: what was, may count no longer."""
        self._stated.clear()

    def _identities_of(self, touchpoint: Touchpoint) -> list[Identity]:
        found = self._identities.usable(touchpoint.identifiers)
        if touchpoint.customer_id is not None:
            customer = self._identities.customer(touchpoint.customer_id)
            if customer is not None:
                found.append((CUSTOMER, customer))
        return found


def _statement_of(touchpoint: Touchpoint) -> Statement:
    customer_id, identifiers = touchpoint.customer_id, touchpoint.identifiers
    statement: Statement = (customer_id, *identifiers.items())
    size = 0 if customer_id is None else len(customer_id)
    for name, value in identifiers.items():
        size += len(name) + len(value)
    if size > _LONGEST or len(identifiers) > _MOST:
        statement = (blake2b(msgspec.msgpack.encode(statement), digest_size=16).digest(),)
    return statement
