"""What stands among a timeline's touchpoints where carts, calls, responses and cases change their owner, as things.

Nobody has said it: the partition of a profile finds it by who owns the profile. It is encoded as a touchpoint is, so
that it is kept, moved and withdrawn as one.
"""

from __future__ import annotations

from typing import Any, TypeVar

from schemas.kinds.touchpoint import Touchpoint, tag_of

T = TypeVar("T", bound="Transfer")


class Transfer(Touchpoint, kw_only=True, frozen=True, gc=False):
    """A moment at which things change their owner: `customer_key` is the profile's that they come from."""


class Parted(Transfer, kw_only=True, frozen=True, gc=False, tag=tag_of("parted")):
    """From here on things of the profile are another customer's; it stands in the profile's timeline.

    Attributes:
        owner: whose they are from then on.
        began: of those that began at this time (ms) or later; older ones stay.
    """

    owner: str
    began: int


class Adopted(Transfer, kw_only=True, frozen=True, gc=False, tag=tag_of("adopted")):
    """Things of a profile that are the owner's from here on; it stands in the owner's timeline.

    Attributes:
        things: encoded (see `streams.journeys.things`).
    """

    things: bytes


def transfer(struct: type[T], customer_key: str, event_id: str, at: int, **fields: Any) -> T:
    """Return a transfer of a profile's things at a time (ms), with what it has of its own."""
    return struct(
        task=0,
        source_topic="",
        source_partition=0,
        source_offset=0,
        watermark=0,
        received_at=at,
        fingerprint=0,
        customer_key=customer_key,
        event_id=event_id,
        occurred_at=at,
        source="",
        channel="",
        attributes={},
        moves=1,
        **fields,
    )
