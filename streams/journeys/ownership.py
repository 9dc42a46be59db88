"""The touchpoints of a stated key that are another customer's: who owns which, and what was sent to whom.

A touchpoint stands in the log partition of its stated key, which is a function of the message alone. That partition,
and no other, forwards it to the partition of its owner, keeps it for as long as its owner can change, and withdraws it
when its owner does. So two owners never disagree about a touchpoint.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from operator import attrgetter

import msgspec

from streams.journeys.subjects import Subject

FORWARDED_MAX = 1_500
FORWARDED_MAX_BYTES = 384 << 10
"""With more than this (a robot's), the oldest are forgotten, and stay with the owner that they have. What else happened
up to then is late: it cannot be told from them."""

_occurred_at = attrgetter("occurred_at")


class ForwardedTouchpoint(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A touchpoint that another customer has.

    Attributes:
        record: the touchpoint as it was sent.
        whole_bytes, ahead: as of a `Pending`.
    """

    occurred_at: int
    event_id: str
    timeline_id: str
    fingerprint: int
    owner: str
    moves: int
    record: bytes
    whole_bytes: int = 0
    ahead: bool = False

    @property
    def size(self) -> int:
        """Bytes that it takes, but for its numbers; rather too many than too few, as others name the owner."""
        return len(self.record) + 4 * (len(self.event_id) + len(self.timeline_id) + len(self.owner))


class Ownership(msgspec.Struct, array_like=True, gc=False):
    """Who owns a stated key's touchpoints.

    Attributes:
        since, owners: `owners[i]` owns what happened from `since[i]` (ms) on; before the first the key is its own.
        links_offset: of the link that has decided it.
        forwarded: what others have, and what can still move, in the order of its time.
        forwarded_bytes: of these, by `size`.
        subject: of a subject's own profile, whose the subject is by what was stated.
        by_source: of a subject, `since` and `owners` for the touchpoints of some sources, where these are others.
        forgotten_until: when the last of those happened that were forgotten though they could still move, ms.
        adopted_since: from when on (ms) a thing may have begun to be that owner's, for each of `since`.
    """

    since: list[int]
    owners: list[str]
    links_offset: int
    forwarded: list[ForwardedTouchpoint] = msgspec.field(default_factory=list)
    forwarded_bytes: int = 0
    forgotten_until: int = -1
    by_source: dict[str, tuple[list[int], list[str]]] = msgspec.field(default_factory=dict)
    subject: Subject | None = None
    adopted_since: list[int] = []

    def owner_at(self, at: int, source: str = "") -> str | None:
        """Return who owns what happened at a time (ms), by the account of a source; None where the key itself does."""
        since, owners = self.since, self.owners
        if self.by_source and source in self.by_source:
            since, owners = self.by_source[source]
        place = bisect_right(since, at)
        return owners[place - 1] if place else None

    def find(self, event_id: str) -> ForwardedTouchpoint | None:
        """Return the forwarded touchpoint with an event id, or None."""
        return next((one for one in self.forwarded if one.event_id == event_id), None)

    def keep(self, one: ForwardedTouchpoint) -> None:
        """Keep a touchpoint that another customer has."""
        forwarded = self.forwarded
        insort(forwarded, one, key=_occurred_at)
        self.forwarded_bytes += one.size
        while len(forwarded) > FORWARDED_MAX or self.forwarded_bytes > FORWARDED_MAX_BYTES:
            oldest = forwarded.pop(0)
            self.forwarded_bytes -= oldest.size
            self.forgotten_until = max(self.forgotten_until, oldest.occurred_at)

    def is_settled(self, settled_before: int) -> bool:
        """Return whether there are forwarded touchpoints, none of which can move: they happened before a time (ms)."""
        return bool(self.forwarded) and self.forwarded[-1].occurred_at < settled_before

    def forget_settled(self, settled_before: int) -> None:
        """Forget the forwarded touchpoints that can move no more: those before a time (ms)."""
        count = bisect_left(self.forwarded, settled_before, key=_occurred_at)
        if count:
            self.forwarded_bytes -= sum(one.size for one in self.forwarded[:count])
            del self.forwarded[:count]


def subject_of(ownership: Ownership | None) -> Subject:
    """Return what is known of a subject, nothing where the stated key is no subject's."""
    return Subject() if ownership is None or ownership.subject is None else ownership.subject
