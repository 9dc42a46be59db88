"""Folding the oldest touchpoints into a timeline's snapshot: past the allowed lateness, or earlier of a robot."""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter

from streams.journeys import step_limits as limits
from streams.journeys.customer_timeline import CustomerTimeline
from streams.journeys.effects import Effects
from streams.journeys.fold import apply_touchpoint, fire_timers
from streams.journeys.state import NEVER, decode_state, encode_state
from streams.journeys.step_context import StepContext


def fold_settled(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> None:
    """Fold the touchpoints that no other can be put before any more."""
    pending, applied = timeline.pending, timeline.applied
    if not applied or timeline.moved:
        return
    # Not `late_before`: what was on time at a partition that is behind may still come, and be put before these.
    settled_before = context.settled_before
    is_all = applied == len(pending)
    if is_all and pending[-1].occurred_at < settled_before and timeline.current.last_timer_at <= settled_before:
        if timeline.displaced or timeline.is_behind:
            return
        # Nothing has happened since: the state before whatever comes next is the current one.
        timeline.snapshot = encode_state(timeline.current)
        timeline.work = 0
        timeline.drop_first(applied)
    elif applied >= limits.FOLD_AT and pending[applied // 2].occurred_at < settled_before:
        if any(one.occurred_at < settled_before for one in timeline.displaced):
            return
        past = bisect_left(pending, settled_before, key=attrgetter("occurred_at"))
        fold_oldest(timeline, effects, min(applied, past), limits.STEP_WORK)


def is_too_much(timeline: CustomerTimeline) -> bool:
    """Return whether the pending touchpoints are too many, too large, or too dear to apply again."""
    count = len(timeline.pending)
    if timeline.moved or timeline.displaced:
        count += len(timeline.moved) + len(timeline.displaced)
        if count > limits.PENDING_MAX:
            count -= sum(one.is_tombstone for one in (*timeline.moved, *timeline.displaced))
    return count > limits.PENDING_MAX or (
        count > 1 and (timeline.pending_bytes > limits.PENDING_MAX_BYTES or timeline.work > limits.WORK_MAX)
    )


def apply_regardless(timeline: CustomerTimeline, most: int, effects: Effects) -> int:
    """Apply the first pending touchpoints though they should wait, `most` at most; return how many.

    A robot's must not pile up. None is applied yet.
    """
    for one in timeline.pending[:most]:
        fire_timers(timeline.current, one.occurred_at, effects)
        apply_touchpoint(timeline.current, one.touchpoint(), effects, one.applied_bytes)
        timeline.applied += 1
        if effects.work >= limits.STEP_WORK:
            break
    timeline.work += effects.take_work()
    return timeline.applied


def fold_oldest(timeline: CustomerTimeline, effects: Effects, most: int, most_work: int = NEVER) -> int:
    """Fold the first pending touchpoints, `most` at most; return how many.

    What they bring about was sent when they came.

    Args:
        effects: the customer's.
        most_work: units of work after which it ends.
    """
    customer, unsent, count = decode_state(timeline.snapshot), Effects(effects.customer_id, effects.rules), 0
    for one in timeline.pending[:most]:
        fire_timers(customer, one.occurred_at, unsent)
        apply_touchpoint(customer, one.touchpoint(), unsent, one.applied_bytes)
        count += 1
        if unsent.work >= most_work:
            break
    timeline.snapshot = encode_state(customer)
    timeline.work -= unsent.work
    timeline.drop_first(count)
    return count
