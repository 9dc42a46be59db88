"""One customer's timeline, and the step that a touchpoint or a timer makes in it.

Touchpoints arrive in almost any order; the machines want them in event-time order. So the timeline keeps the
touchpoints of the last days (`pending`, in order), the state before them (`snapshot`) and the state after those that
have been applied (`current`). A touchpoint in order is applied to `current`. A late one is put in its place and
`current` is recomputed: what differs from before is sent as a correction, with a higher version. So the rows do not
depend on the order of arrival. What the settled time has passed by the allowed lateness is folded into `snapshot`.

A recomputation costs by what it applies again. It begins at the last one's checkpoint, where the late touchpoint's
place is behind that. Where it would still be dear, the late touchpoint is displaced: it waits until so many have come
that each pays for its share, or for an hour of event time. And no step does more than its share of work: a
recomputation, timers and touchpoints that waited go on at the customer's next touchpoint, or when the partition's time
goes on. The log alone decides, wherever the chunks are cut.

A touchpoint can be taken out again as long as it is pending, as another customer's. It is left out in a recomputation
too, which a tombstone waits for as a late touchpoint does (see `streams.journeys.removal`).

A timer fires when the partition's time, less the timers' delay, has passed it, never because of the customer's own
later touchpoint. So a touchpoint behind a timer that is not yet due waits in `pending`, and so does one that is ahead
of the time at which it was received.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from schemas.kinds.touchpoint import Touchpoint
from streams.journeys import step_limits as limits
from streams.journeys.applying import apply_all, apply_next
from streams.journeys.checkpoints import Checkpoint
from streams.journeys.customer_timeline import CustomerTimeline
from streams.journeys.effects import Effects
from streams.journeys.fold import fire_timers, next_timer
from streams.journeys.leaving import leaves_at
from streams.journeys.order import rank_of
from streams.journeys.pending import Pending, key_of
from streams.journeys.recomputation import Reached, Recomputation
from streams.journeys.removal import drop_waiting, settle_moved, take_out
from streams.journeys.snapshot import apply_regardless, fold_oldest, fold_settled, is_too_much
from streams.journeys.state import NEVER
from streams.journeys.step_context import StepContext


def is_late(timeline: CustomerTimeline, touchpoint: Touchpoint, context: StepContext) -> bool:
    """Return whether a touchpoint comes too late to be put in its place, or to be moved to its owner's."""
    at, ownership = touchpoint.occurred_at, timeline.ownership
    if ownership is not None and at <= ownership.forgotten_until:
        return True
    return at < context.late_before or is_folded(timeline, touchpoint)


def is_folded(timeline: CustomerTimeline, touchpoint: Touchpoint) -> bool:
    """Return whether a touchpoint's place is among those that are folded."""
    at = touchpoint.occurred_at
    if at < timeline.folded_up_to[0]:
        return True
    if at == timeline.folded_up_to[0] and (at, rank_of(touchpoint), touchpoint.timeline_id) <= timeline.folded_up_to:
        return True
    # A robot's: its pending touchpoints are folded early once none is out of order any more.
    is_full = bool(timeline.moved or timeline.displaced) and is_too_much(timeline)
    return is_full and timeline.is_out_of_order((at, rank_of(touchpoint), touchpoint.timeline_id))


def step_timers(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> None:
    """Let the customer's due timers take effect, and the touchpoints that waited for them."""
    _begin(timeline, context, effects, known_at=0)
    if timeline.moved and not timeline.is_behind:
        _go_on(timeline, context, effects, limits.STEP_WORK)
    timeline.next_timer_at = _next_change(timeline, context, effects)
    if is_urgent(timeline, context):
        # Time has leapt: what it makes final may not miss what is left. The caller lets others have their turn.
        timeline.next_timer_at = context.timers_until
    if timeline.large:
        timeline.cut_large()
    timeline.offset = context.offset


def step_touchpoint(
    timeline: CustomerTimeline,
    touchpoint: Touchpoint,
    newcomer: Pending,
    context: StepContext,
    effects: Effects,
    *,
    more: bool = False,
) -> None:
    """Take in a touchpoint that is neither a repeat nor late.

    Args:
        touchpoint: the touchpoint that `newcomer` holds.
        more: whether others follow at once that may be put in their places together with it.
    """
    _begin(timeline, context, effects, known_at=context.timers_until)
    # Where timers were due, this record has let it go on already.
    goes_on = timeline.offset < context.offset
    if timeline.is_behind and goes_on:
        _apply_waiting(timeline, context, effects)
    pending, applied = timeline.pending, timeline.applied
    out_of_order = timeline.is_out_of_order(newcomer.key)
    if out_of_order and newcomer.is_large and timeline.pending_bytes > limits.PENDING_MAX_BYTES:
        # A recomputation comes first, however long it takes. Its row is sent whole now, and stays so.
        newcomer = newcomer.cut()
    timeline.pending_bytes += newcomer.size
    timeline.large += newcomer.is_large
    work = timeline.work
    if out_of_order:
        _displace(timeline, newcomer, context)
    elif applied == len(pending) and not timeline.is_behind:
        pending.append(newcomer)
        # Nothing else waits, so no timer of the customer's is earlier than the timeline's next change.
        if apply_next(timeline.current, newcomer, touchpoint, timeline.next_timer_at, context, effects):
            timeline.applied += 1
            timeline.work += effects.take_work()
    else:
        place = bisect_right(pending, newcomer.key, applied, key=key_of)
        pending.insert(place, newcomer)
        if place == applied and not timeline.is_behind:
            _apply_waiting(timeline, context, effects)
    # Also by one in order: what is due may not be left to time, or this record, read again after a crash, finds it due.
    goes_on = _begin_recomputation(timeline, context, more=more) or goes_on
    if goes_on and timeline.moved and not timeline.is_behind:
        # Both folds have the newcomer before them too, and all are kept until the end: it has to come nearer.
        kept_bytes = min(newcomer.size, limits.KEPT_BYTES)
        most = limits.STEP_WORK + 2 * (timeline.work - work) + kept_bytes // limits.BYTES_A_UNIT
        _go_on(timeline, context, effects, most)
    timeline.next_timer_at = _next_change(timeline, context, effects)
    if timeline.next_timer_at <= context.timers_until:
        _advance(timeline, context, effects)
    if timeline.large:
        timeline.cut_large()
    _fold_early(timeline, context, effects)
    timeline.offset = context.offset


def step_removal(
    timeline: CustomerTimeline, event_ids: Iterable[str], context: StepContext, effects: Effects
) -> list[str]:
    """Take pending touchpoints out, and correct what they have led to; their own rows are not sent again.

    Returns:
        The event ids of which no touchpoint is pending, or none any more: these change nothing.
    """
    _begin(timeline, context, effects, known_at=context.timers_until)
    # Where timers were due, this record has let it go on already.
    goes_on = timeline.offset < context.offset
    if timeline.is_behind and goes_on:
        _apply_waiting(timeline, context, effects)
    removal = take_out(timeline, event_ids)
    for one in removal.found:
        # The row of one that was cut is not made again wherever it goes: it stands as it was when that was whole.
        if not one.whole_bytes:
            effects.touchpoints.pop(one.event_id, None)
    for tombstone in removal.tombstones:
        _displace(timeline, tombstone, context)
    drop_waiting(timeline)
    goes_on = _begin_recomputation(timeline, context) or goes_on
    if timeline.applied < len(timeline.pending) and not timeline.is_behind:
        # What held these up may have left.
        _apply_waiting(timeline, context, effects)
    if goes_on and timeline.moved and not timeline.is_behind:
        _go_on(timeline, context, effects, limits.STEP_WORK)
    timeline.next_timer_at = _next_change(timeline, context, effects)
    if timeline.large:
        timeline.cut_large()
    _fold_early(timeline, context, effects)
    timeline.offset = context.offset
    return removal.missing


def step_parting(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> None:
    """Do some of what the last step has left, as it may change what parts.

    What parts has to be sent by the record that changes it. Else the settled time, which waits for what a record sends,
    could be beyond it in the partition of the owner.
    """
    effects.known_at = context.timers_until
    if timeline.is_behind:
        _apply_waiting(timeline, context, effects)
    elif timeline.moved:
        _go_on(timeline, context, effects, limits.STEP_WORK)
    else:
        timeline.recompute_at = min(timeline.recompute_at, context.timers_until)
        _begin_recomputation(timeline, context)
    timeline.next_timer_at = _next_change(timeline, context, effects)


def _begin(timeline: CustomerTimeline, context: StepContext, effects: Effects, *, known_at: int) -> None:
    """Let everything take effect that is due, and fold what is past the allowed lateness.

    Args:
        known_at: as of `Effects`.
    """
    effects.timers_until, effects.known_at = context.timers_until, known_at
    if timeline.recompute_at <= context.timers_until and not timeline.moved:
        # What is displaced may not be past the allowed lateness already when it is put in its place.
        _advance(timeline, context, effects)
        _begin_recomputation(timeline, context)
    fold_settled(timeline, context, effects)
    if timeline.next_timer_at <= context.timers_until:
        _advance(timeline, context, effects)


def _advance(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> None:
    """Fire the timers that are due, and apply the touchpoints that waited and wait no more."""
    if timeline.next_timer_at > context.timers_until:
        return
    _apply_waiting(timeline, context, effects)
    timeline.next_timer_at = _next_change(timeline, context, effects)


def _apply_waiting(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> None:
    effects.work_until = effects.work + limits.STEP_WORK
    current = timeline.current
    timeline.applied += apply_all(current, timeline.pending[timeline.applied :], context, effects)
    fire_timers(current, context.timers_until, effects)
    timeline.is_behind = effects.is_spent
    effects.work_until = NEVER
    timeline.work += effects.take_work()


def _next_change(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> int:
    """Return when the timeline next changes by itself: at a timer, or when a touchpoint that is ahead has its time.

    Where nothing happens by itself any more, it is when to look whether a profile can leave.
    """
    if timeline.is_behind or timeline.moved:
        # As soon as time goes on: by then nothing else is due.
        return context.timers_until + 1
    at = min(next_timer(timeline.current), timeline.recompute_at)
    if timeline.applied < len(timeline.pending):
        first = timeline.pending[timeline.applied]
        # One whose time has come waits for a timer alone: woken for its time, the customer would be woken for ever.
        if first.ahead and first.occurred_at > context.time:
            timer_delay_ms = context.time - context.timers_until
            at = min(at, first.occurred_at - timer_delay_ms)
    return at if at != NEVER else leaves_at(timeline, context, effects)


def is_urgent(timeline: CustomerTimeline, context: StepContext) -> bool:
    """Return whether what is left to the next step may be final by then."""
    return timeline.earliest_left(context.timers_until) <= context.settled_before


def _displace(timeline: CustomerTimeline, newcomer: Pending, context: StepContext) -> None:
    """Let a late touchpoint, or a tombstone, wait for a recomputation, but not for ever."""
    timeline.displaced.append(newcomer)
    longest = max(limits.DISPLACED_MS, (context.time - context.late_before) // limits.DISPLACED_SHARE)
    # Put in its place before the end of the allowed lateness, it still counts in every bucket. By the partition's own
    # time: timers are woken by it, and the settled time, by which buckets become final, is never ahead of it.
    lateness = context.timers_until - context.late_before
    due_at = min(context.timers_until + longest, newcomer.occurred_at + lateness - limits.MARGIN_MS)
    timeline.recompute_at = min(timeline.recompute_at, due_at)


def _begin_recomputation(timeline: CustomerTimeline, context: StepContext, *, more: bool = False) -> bool:
    """Begin to put in place, or leave out, what is displaced, unless it can wait; return whether it did.

    It can where it is not due, and is dear for so few, or more follow at once.
    """
    if not timeline.displaced or timeline.moved or timeline.is_behind:
        return False
    cost = timeline.recomputation_work()
    is_dear = cost > max(limits.AT_ONCE, limits.PAID * len(timeline.displaced))
    if (is_dear or more) and timeline.recompute_at > context.timers_until:
        return False
    timeline.moved = sorted(timeline.displaced, key=key_of)
    timeline.displaced, timeline.recompute_at = [], NEVER
    place = timeline.place_of_moved()
    if place < timeline.checkpoint:
        timeline.checkpoint = timeline.checkpoint_work = 0
    # Also where the checkpoint is not kept: how much a step does may not depend on that.
    timeline.reached = Reached(timeline.checkpoint, place=place)
    return True


def _go_on(timeline: CustomerTimeline, context: StepContext, effects: Effects, most: int) -> None:
    """Let a recomputation do about `most` units of work, and send what it finds."""
    if next_timer(timeline.current) <= context.timers_until:
        # A newcomer's, due already. The plain fold fires them too: what they lead to has to be sent by then.
        _apply_waiting(timeline, context, effects)
        if timeline.is_behind:
            return
    recomputation = _recomputation(timeline, context, effects)
    recomputation.leaving = frozenset(one.key for one in timeline.displaced if one.is_tombstone)
    is_done = recomputation.go_on(timeline.pending, timeline.applied, context, most)
    checkpoint = recomputation.checkpoint
    if checkpoint is not None and checkpoint.count:
        timeline.checkpoint, timeline.checkpoint_work = checkpoint.count, recomputation.checkpoint_work
        context.checkpoints.keep(effects.customer_id, timeline.folded_up_to, checkpoint)
        recomputation.checkpoint = None
    if not is_done:
        recomputation.send(effects)
        timeline.reached = recomputation.reached
        return
    timeline.current, timeline.applied, timeline.work = recomputation.finish(context, effects)
    timeline.reached = Reached()
    settle_moved(timeline)
    del context.recomputations[effects.customer_id]
    drop_waiting(timeline)
    _apply_waiting(timeline, context, effects)
    _begin_recomputation(timeline, context)


def _recomputation(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> Recomputation:
    """Return the recomputation under way, made again where it is not kept."""
    customer_id = effects.customer_id
    known = context.recomputations.get(customer_id)
    if known is None:
        place, start = timeline.reached.place, timeline.checkpoint
        checkpoint = context.checkpoints.find(customer_id, timeline.folded_up_to, start) if start else None
        keep_at = place - limits.CHECKPOINT_BEFORE if place - start > 2 * limits.CHECKPOINT_BEFORE else start
        begin, work = Checkpoint(0, timeline.snapshot), 0
        if checkpoint is not None:
            begin, work = checkpoint, timeline.checkpoint_work
        known = context.recomputations[customer_id] = Recomputation(
            begin, work, timeline.moved, place, keep_at, effects
        )
        known.return_to(timeline.reached, timeline.pending)
    return known


def _fold_early(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> None:
    """Fold the oldest pending touchpoints where all are too many, too large, or too dear to apply again."""
    while is_too_much(timeline):
        is_far = timeline.pending_bytes > limits.PENDING_MAX_BYTES + limits.OVERDRAWN_BYTES
        if timeline.displaced:
            timeline.recompute_at = min(timeline.recompute_at, context.timers_until)
            _begin_recomputation(timeline, context)
        if is_far and timeline.is_behind:
            _apply_waiting(timeline, context, effects)
        elif is_far and timeline.moved:
            _go_on(timeline, context, effects, NEVER)
        elif not timeline.moved and not timeline.displaced:
            oldest = max(1, len(timeline.pending) // limits.EARLY_SHARE)
            if timeline.applied:
                effects.folded_early += fold_oldest(timeline, effects, min(oldest, timeline.applied), limits.STEP_WORK)
            else:
                # All of these are folded at once: one that stayed pending would wait again in a recomputation.
                forced = apply_regardless(timeline, oldest, effects)
                effects.folded_early += fold_oldest(timeline, effects, forced)
            effects.trimmed.append("pending")
            # What held the others up may have been among these: no timer would wake them.
            _apply_waiting(timeline, context, effects)
        timeline.next_timer_at = _next_change(timeline, context, effects)
        if not is_far:
            return
