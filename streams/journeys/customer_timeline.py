"""What is kept of one customer: the touchpoints of the last days, and the states before and after them."""

from __future__ import annotations

import msgspec

from streams.journeys.formats import FORMAT
from streams.journeys.pending import Key, Pending
from streams.journeys.recomputation import Reached
from streams.journeys.state import NEVER, CustomerState


class CustomerTimeline(msgspec.Struct, array_like=True, gc=False):
    """What is kept of a customer in the changelog.

    Attributes:
        format: see `streams.journeys.formats`.
        offset: the log offset last applied.
        next_timer_at: when the timeline next changes by itself, in the time of `StepContext.timers_until`, or `NEVER`.
        folded_up_to: key of the last touchpoint in `snapshot`: none can be put before it any more.
        pending_bytes: the sum of the sizes of the pending touchpoints.
        snapshot: the state before the pending touchpoints, encoded.
        pending: the touchpoints since, ordered by their keys.
        applied: how many of them are in `current`; the others wait.
        current: the state after those, its timers fired up to the partition's time.
        displaced: late touchpoints that are in neither, in the order in which they came.
        recompute_at: when they are put in their places at the latest, in the time of `StepContext.timers_until`.
        work: what it took to apply the applied ones, in units of an ordinary touchpoint's work.
        checkpoint: how many of them are before the last recomputation's checkpoint.
        checkpoint_work: what it took to apply those.
        large: how many pending touchpoints are to be cut once they are applied.
        moved: the touchpoints that a recomputation under way puts in their places, in the order of their keys.
        reached: how far it has come.
        is_behind: whether timers are due, or touchpoints wait for nothing, that the last step has left to the next.
    """

    format: int = FORMAT
    offset: int = -1
    next_timer_at: int = NEVER
    folded_up_to: Key = (0, 0, "")
    pending_bytes: int = 0
    snapshot: bytes = b""
    pending: list[Pending] = msgspec.field(default_factory=list)
    applied: int = 0
    current: CustomerState = msgspec.field(default_factory=CustomerState)
    displaced: list[Pending] = msgspec.field(default_factory=list)
    recompute_at: int = NEVER
    work: int = 0
    checkpoint: int = 0
    checkpoint_work: int = 0
    large: int = 0
    moved: list[Pending] = msgspec.field(default_factory=list)
    reached: Reached = Reached()
    is_behind: bool = False


def find_pending(timeline: CustomerTimeline, event_id: str) -> Pending | None:
    """Return the pending, moved or displaced touchpoint with an event id, or None."""
    for touchpoints in (timeline.pending, timeline.moved, timeline.displaced):
        for one in touchpoints:
            if one.event_id == event_id:
                return one
    return None
