"""How many of a customer's touchpoints may be dated ahead of the time at which they were received.

They wait for their time. A few are those of a clock that is wrong. Thousands would make their customer a robot, whose
touchpoints are folded early: then whatever the customer really does before their time would be late.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter

from schemas.kinds.touchpoint import Touchpoint
from streams.journeys.customer_timeline import CustomerTimeline
from streams.journeys.ownership import FORWARDED_MAX_BYTES, ForwardedTouchpoint, Ownership
from streams.journeys.pending import Pending
from streams.journeys.step_context import StepContext
from streams.journeys.step_limits import PENDING_MAX_BYTES

AHEAD_MAX = 500
"""So many touchpoints of a customer may be ahead at a time: a third of those that may be pending, or be forwarded.
They may take half of the bytes that all of these may; one alone may take any number."""

_occurred_at = attrgetter("occurred_at")


def is_one_too_many(
    timeline: CustomerTimeline, touchpoint: Touchpoint, newcomer: Pending, context: StepContext
) -> bool:
    """Return whether a touchpoint is ahead, and so many that are pending are, too, that it may not be.

    Args:
        timeline: the customer's.
        touchpoint: the one that `newcomer` holds.
        newcomer: is not pending yet.
        context: tells the time.
    """
    return newcomer.ahead and _is_full(
        timeline.pending, touchpoint, context.time, PENDING_MAX_BYTES // 2 - newcomer.size
    )


def is_one_too_many_forwarded(ownership: Ownership, touchpoint: Touchpoint, context: StepContext) -> bool:
    """Return whether so many that were forwarded are ahead that another one that is ahead may not be forwarded."""
    return _is_full(ownership.forwarded, touchpoint, context.time, FORWARDED_MAX_BYTES // 2)


def _is_full(
    kept: Sequence[Pending] | Sequence[ForwardedTouchpoint], touchpoint: Touchpoint, time: int, most_bytes: int
) -> bool:
    """Return whether there is no room among those that are kept, in the order of their times.

    Those count that are later than the receipt of the one that comes, and than the partition's time. A partition that
    is behind, as in a rebuild, has many that were ahead once: none of these was when the one that comes was received.
    """
    later = kept[bisect_right(kept, max(time, touchpoint.received_at), key=_occurred_at) :]
    sizes = [one.size for one in later if one.ahead]
    return len(sizes) >= AHEAD_MAX or (bool(sizes) and sum(sizes) > most_bytes)
