"""The touchpoints of the last days, as a customer's timeline keeps them."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import msgspec
from msgspec.structs import replace

from schemas import journey_log
from schemas.kinds.purchase import Purchase, PurchaseItem
from schemas.kinds.touchpoint import Touchpoint
from schemas.transfers import Adopted, Parted
from streams.journeys.dimensions import dimensions_of
from streams.journeys.order import rank_of
from streams.journeys.purchases import skus_of

CUT_BYTES = 4_096
"""Of a touchpoint with a larger record, only what the machines look at stays pending once it is applied."""
CUT_CHARACTERS = 100
ADOPTED_RANK, PARTED_RANK = -2, -1

Key = tuple[int, int, str]
"""What orders a customer's touchpoints: when they happened, their rank within the millisecond, and their id."""


class Pending(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A touchpoint that a late one may still have to be put before.

    Attributes:
        record: its bytes in the journeys log; none of a tombstone.
        ahead: whether it was received long before it is said to have happened: it waits for its time.
        whole_bytes: bytes of the whole record, where `record` is cut: its row stays as it was sent when it was applied.
    """

    occurred_at: int
    rank: int
    event_id: str
    fingerprint: int
    record: bytes
    ahead: bool = False
    whole_bytes: int = 0

    @property
    def key(self) -> Key:
        """What orders a customer's touchpoints."""
        return self.occurred_at, self.rank, self.event_id

    @property
    def size(self) -> int:
        """Bytes that it takes, but for its numbers; rather too many than too few."""
        return len(self.record) + 4 * len(self.event_id)

    @property
    def applied_bytes(self) -> int:
        """Bytes of the record when it was first applied: what a state may grow by is told from them."""
        return self.whole_bytes or len(self.record)

    @property
    def is_tombstone(self) -> bool:
        """Whether it is no touchpoint, but takes the one with its key out of the timeline."""
        return not self.record

    @property
    def is_large(self) -> bool:
        """Whether it is to be cut once it has been applied."""
        return len(self.record) > CUT_BYTES and not self.whole_bytes and not self.is_transfer

    @property
    def is_transfer(self) -> bool:
        """Whether it is no touchpoint, but a moment at which things change their owner."""
        return self.rank < 0

    def touchpoint(self) -> Touchpoint:
        """Return the touchpoint; a tombstone has none."""
        return touchpoint_in(self.record)

    def cut(self) -> Pending:
        """Return it without what no fold looks at: that there are words matters, which they are does not."""
        whole = self.touchpoint()
        kept: dict[str, Any] = {"attributes": dimensions_of(whole.attributes), "text": whole.text[:CUT_CHARACTERS]}
        if isinstance(whole, Purchase):
            kept["items"] = [PurchaseItem(sku, 0, 0) for sku in skus_of(whole)]
        record = journey_log.encode(replace(whole, identifiers={}, **kept))
        return replace(self, record=record, whole_bytes=len(self.record))


key_of = attrgetter("key")


def touchpoint_in(record: bytes) -> Touchpoint:
    """Return the touchpoint that a record of the journeys log is."""
    found = journey_log.decode(record)
    if not isinstance(found, Touchpoint):
        raise TypeError("only touchpoints are kept")
    return found


def pending_of(touchpoint: Touchpoint, record: bytes, *, ahead: bool, whole_bytes: int = 0) -> Pending:
    """Return a touchpoint as it is kept, with its bytes in the journeys log."""
    rank = rank_of(touchpoint)
    # Hardly any has moved: its own name is not asked for.
    timeline_id = touchpoint.timeline_id if touchpoint.moves else touchpoint.event_id
    return Pending(touchpoint.occurred_at, rank, timeline_id, touchpoint.fingerprint, record, ahead, whole_bytes)


def pending_transfer(transfer: Parted | Adopted, *, ahead: bool = False) -> Pending:
    """Return a transfer as it is kept: before the touchpoints of its millisecond; what comes before what leaves."""
    rank = PARTED_RANK if isinstance(transfer, Parted) else ADOPTED_RANK
    return Pending(transfer.occurred_at, rank, transfer.event_id, 0, journey_log.encode(transfer), ahead)


def tombstone_of(one: Pending) -> Pending:
    """Return what takes a touchpoint out of the timeline."""
    return Pending(*one.key, one.fingerprint, b"")
