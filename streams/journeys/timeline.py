"""One customer's timeline, and the step that a touchpoint or a timer makes in it.

Touchpoints arrive in almost any order; the machines want them in event-time order. So the timeline keeps the
touchpoints of the last days (`pending`, in order), the state before them (`snapshot`) and the state after those that
have been applied (`current`). A touchpoint in order is applied to `current`. A late one is put in its place and
`current` is recomputed: what differs from before is sent as a correction, with a higher version. So the rows do not
depend on the order of arrival. Touchpoints older than the allowed lateness are folded into `snapshot`.

A recomputation costs by what it applies again. It begins at the last one's checkpoint, where the late touchpoint's
place is behind that. Where it would still be dear, the late touchpoint is displaced: it waits until so many have come
that each pays for its share, or for an hour of event time. The log alone decides, wherever the chunks are cut.

A timer fires when the partition's time, less the timers' delay, has passed it, never because of the customer's own
later touchpoint. So a touchpoint behind a timer that is not yet due waits in `pending`, and so does one that is ahead
of the time at which it was received.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import attrgetter

import msgspec

from schemas.kinds.touchpoint import Touchpoint
from schemas.units import HOUR_MS
from streams.journeys.checkpoints import Checkpoint
from streams.journeys.corrections import correct
from streams.journeys.effects import Effects
from streams.journeys.fold import apply_touchpoint, fire_timers, next_timer
from streams.journeys.formats import FORMAT
from streams.journeys.order import rank_of
from streams.journeys.pending import Key, Pending, key_of
from streams.journeys.state import NEVER, STATE_MAX_BYTES, CustomerState, decode_state, encode_state
from streams.journeys.step_context import StepContext

FOLD_AT = 32
"""With this many pending touchpoints, those past the allowed lateness are folded; fewer are not worth the work."""
FOLD_MAX = 256
"""How many are folded in one step at most: the next steps fold the others."""
PENDING_MAX = 1_500
PENDING_MAX_BYTES = 1 << 20
WORK_MAX = 2_000
"""With more than this pending (a robot's), the oldest are folded before they are past the allowed lateness.

Work is counted in units of an ordinary touchpoint's (see `Effects.work`)."""
EARLY_SHARE = 8
"""What part of them is then folded in one step."""
TIMELINE_MAX_BYTES = 2 * STATE_MAX_BYTES + PENDING_MAX_BYTES + (512 << 10)
"""What a timeline takes at most, encoded: two states, the pending touchpoints (one may be a little larger than all may
be together), their numbers, and what timers add to a state."""
AT_ONCE = 512
"""Work up to which a recomputation is done at once."""
PAID = 128
"""Work of a dearer recomputation that each displaced touchpoint pays for."""
DISPLACED_MS = HOUR_MS
DISPLACED_SHARE = 72
"""How long a touchpoint is displaced at most: an hour of event time, or this share of a longer allowed lateness."""
CHECKPOINT_BEFORE = 32
"""How many touchpoints before the place of a late one the checkpoint is made: others come late with it."""


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


def find_pending(timeline: CustomerTimeline, event_id: str) -> Pending | None:
    """Return the pending or displaced touchpoint with an event id, or None."""
    for pending in timeline.pending:
        if pending.event_id == event_id:
            return pending
    for displaced in timeline.displaced:
        if displaced.event_id == event_id:
            return displaced
    return None


def is_late(timeline: CustomerTimeline, touchpoint: Touchpoint, context: StepContext) -> bool:
    """Return whether a touchpoint comes too late to be put in its place."""
    at = touchpoint.occurred_at
    if at < context.late_before or at < timeline.folded_up_to[0]:
        return True
    return at == timeline.folded_up_to[0] and (at, rank_of(touchpoint), touchpoint.event_id) <= timeline.folded_up_to


def step_timers(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> None:
    """Let the customer's due timers take effect, and the touchpoints that waited for them."""
    _begin(timeline, context, effects)
    _cut_large(timeline)
    timeline.offset = context.offset


def step_touchpoint(
    timeline: CustomerTimeline,
    touchpoint: Touchpoint,
    newcomer: Pending,
    context: StepContext,
    effects: Effects,
) -> None:
    """Take in a touchpoint that is neither a repeat nor late.

    Args:
        touchpoint: the touchpoint that `newcomer` holds.
    """
    _begin(timeline, context, effects)
    timeline.pending_bytes += newcomer.size
    timeline.large += newcomer.is_large
    pending, applied = timeline.pending, timeline.applied
    if newcomer.occurred_at < timeline.current.last_timer_at or (applied and newcomer.key <= pending[applied - 1].key):
        _displace(timeline, newcomer, context, effects)
    elif applied == len(pending):
        pending.append(newcomer)
        # Nothing else waits, so no timer of the customer's is earlier than the timeline's next change.
        if _apply_next(timeline.current, newcomer, touchpoint, timeline.next_timer_at, context, effects):
            timeline.applied += 1
            timeline.work += effects.take_work()
    else:
        place = bisect_right(pending, newcomer.key, applied, key=key_of)
        pending.insert(place, newcomer)
        if place == applied:
            _apply_waiting(timeline, context, effects)
    timeline.next_timer_at = _next_change(timeline, context)
    _advance(timeline, context, effects)
    _cut_large(timeline)
    _fold_early(timeline, context, effects)
    timeline.offset = context.offset


def _begin(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> None:
    """Let everything take effect that is due, and fold what is past the allowed lateness."""
    effects.timers_until = context.timers_until
    if timeline.recompute_at <= context.timers_until:
        # What is displaced may not be past the allowed lateness already when it is put in its place.
        _advance(timeline, context, effects)
        _recompute(timeline, context, effects)
        timeline.next_timer_at = _next_change(timeline, context)
    _compact(timeline, context)
    _advance(timeline, context, effects)


def _advance(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> None:
    """Fire the timers that are due, and apply the touchpoints that waited and wait no more."""
    if timeline.next_timer_at > context.timers_until:
        return
    _apply_waiting(timeline, context, effects)
    timeline.next_timer_at = _next_change(timeline, context)


def _apply_waiting(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> None:
    timeline.applied += _fold_into(timeline.current, timeline.pending[timeline.applied :], context, effects)
    timeline.work += effects.take_work()


def _next_change(timeline: CustomerTimeline, context: StepContext) -> int:
    """Return when the timeline next changes by itself: at a timer, or when a touchpoint that is ahead has its time."""
    at = min(next_timer(timeline.current), timeline.recompute_at)
    if timeline.applied < len(timeline.pending):
        first = timeline.pending[timeline.applied]
        # One whose time has come waits for a timer alone: woken for its time, the customer would be woken for ever.
        if first.ahead and first.occurred_at > context.time:
            timer_delay_ms = context.time - context.timers_until
            at = min(at, first.occurred_at - timer_delay_ms)
    return at


def _fold_into(customer: CustomerState, pending: list[Pending], context: StepContext, effects: Effects) -> int:
    """Apply pending touchpoints in order, as far as none has to wait, and fire due timers; return how many it were."""
    applied = _apply_all(customer, pending, context, effects)
    fire_timers(customer, context.timers_until, effects)
    return applied


def _apply_all(customer: CustomerState, pending: list[Pending], context: StepContext, effects: Effects) -> int:
    """Apply pending touchpoints in order, as far as none has to wait; return how many it were."""
    applied = 0
    for one in pending:
        if not _apply_next(customer, one, None, next_timer(customer), context, effects):
            break
        applied += 1
    return applied


def _apply_next(
    customer: CustomerState,
    one: Pending,
    touchpoint: Touchpoint | None,
    timer_at: int,
    context: StepContext,
    effects: Effects,
) -> bool:
    """Apply a customer's next touchpoint, the timers before it first; return False where it has to wait.

    Args:
        touchpoint: the touchpoint that `one` holds, where the caller has it decoded.
        timer_at: the customer's next timer; to find it costs a twentieth of the whole step.
    """
    at = one.occurred_at
    if one.ahead and at > context.time:
        return False
    if timer_at <= at:
        fire_timers(customer, min(at, context.timers_until), effects)
        if next_timer(customer) <= at:
            return False
    apply_touchpoint(customer, touchpoint or one.touchpoint(), effects, one.applied_bytes)
    return True


def _displace(timeline: CustomerTimeline, newcomer: Pending, context: StepContext, effects: Effects) -> None:
    """Put a late touchpoint in its place, or let it wait where that is dear: for others, and not for ever."""
    timeline.displaced.append(newcomer)
    longest = max(DISPLACED_MS, (context.time - context.late_before) // DISPLACED_SHARE)
    # Put in its place no later than at the end of the allowed lateness, it still counts in every bucket.
    lateness = context.timers_until - context.late_before
    due_at = min(context.timers_until + longest, newcomer.occurred_at + lateness)
    timeline.recompute_at = min(timeline.recompute_at, due_at)
    cost = _cost(timeline)
    if cost <= AT_ONCE or cost <= PAID * len(timeline.displaced) or timeline.recompute_at <= context.timers_until:
        _recompute(timeline, context, effects)


def _cost(timeline: CustomerTimeline) -> int:
    """Return the work of a recomputation: it applies the touchpoints since its checkpoint twice."""
    is_behind = min(map(key_of, timeline.displaced)) > _key_before(timeline)
    return 2 * (timeline.work - timeline.checkpoint_work if is_behind else timeline.work)


def _key_before(timeline: CustomerTimeline) -> Key:
    """Return the key of the last touchpoint before the checkpoint."""
    return timeline.pending[timeline.checkpoint - 1].key if timeline.checkpoint else timeline.folded_up_to


def _recompute(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> None:
    """Put the displaced touchpoints in their places and send what differs from what was sent before."""
    displaced = sorted(timeline.displaced, key=key_of)
    timeline.displaced, timeline.recompute_at = [], NEVER
    pending = timeline.pending
    place = min(bisect_right(pending, displaced[0].key, key=key_of), timeline.applied)
    begin = _checkpoint(timeline, place, context, effects)
    before, after = begin.effects(effects), begin.effects(effects)
    # What has been sent so far, in this chunk too, is all that the fold without the displaced brings about.
    old = decode_state(begin.state)
    _fold_into(old, pending[begin.count :], context, before)
    pending[place:] = sorted([*pending[place:], *displaced], key=key_of)
    timeline.current = decode_state(begin.state)
    timeline.applied = begin.count + _fold_into(timeline.current, pending[begin.count :], context, after)
    timeline.work = timeline.checkpoint_work + after.work
    for one in timeline.pending:
        if one.whole_bytes:
            before.touchpoints.pop(one.event_id, None)
            after.touchpoints.pop(one.event_id, None)
    correct(old, before, timeline.current, after, effects)
    effects.trimmed.extend(after.trimmed[len(before.trimmed) :])
    effects.recomputations += 1


def _checkpoint(timeline: CustomerTimeline, place: int, context: StepContext, effects: Effects) -> Checkpoint:
    """Return the checkpoint to recompute from: the last one, or a new one not far before a place in `pending`."""
    if place < timeline.checkpoint:
        timeline.checkpoint = timeline.checkpoint_work = 0
    start, since, customer_id = timeline.checkpoint, timeline.folded_up_to, effects.customer_id
    known = context.checkpoints.find(customer_id, since, start) if start else Checkpoint(0, timeline.snapshot)
    count = place - CHECKPOINT_BEFORE if place - start > 2 * CHECKPOINT_BEFORE else start
    if known is not None and known.count == count:
        return known
    begin = known or Checkpoint(0, timeline.snapshot)
    customer, common = decode_state(begin.state), begin.effects(effects)
    _apply_all(customer, timeline.pending[begin.count : count], context, common)
    checkpoint = Checkpoint(count, encode_state(customer), common.entities)
    timeline.checkpoint_work = common.work + (timeline.checkpoint_work if begin.count else 0)
    timeline.checkpoint = count
    context.checkpoints.keep(customer_id, since, checkpoint)
    return checkpoint


def _compact(timeline: CustomerTimeline, context: StepContext) -> None:
    """Fold the touchpoints that no other can be put before any more."""
    pending, applied = timeline.pending, timeline.applied
    if not applied:
        return
    late_before = context.late_before
    is_all = applied == len(pending)
    if is_all and pending[-1].occurred_at < late_before and timeline.current.last_timer_at <= late_before:
        # Nothing has happened since: the state before whatever comes next is the current one. And nothing is displaced:
        # that would be before the last touchpoint or timer, and due.
        timeline.snapshot = encode_state(timeline.current)
        timeline.work = 0
        _drop(timeline, applied)
    elif applied >= FOLD_AT and pending[applied // 2].occurred_at < late_before:
        past = bisect_left(pending, late_before, key=attrgetter("occurred_at"))
        _fold_into_snapshot(timeline, min(applied, past, FOLD_MAX))


def _fold_early(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> None:
    """Fold the oldest pending touchpoints where all are too many, too large, or too dear to apply again."""
    while _is_too_much(timeline):
        if timeline.displaced:
            _recompute(timeline, context, effects)
        oldest = max(1, len(timeline.pending) // EARLY_SHARE)
        _apply_regardless(timeline, oldest, effects)
        _fold_into_snapshot(timeline, oldest)
        # What held the others up may have been among these: no timer would wake them.
        _apply_waiting(timeline, context, effects)
        timeline.next_timer_at = _next_change(timeline, context)
        effects.folded_early += oldest
        effects.trimmed.append("pending")


def _is_too_much(timeline: CustomerTimeline) -> bool:
    count = len(timeline.pending) + len(timeline.displaced)
    return count > PENDING_MAX or (
        count > 1 and (timeline.pending_bytes > PENDING_MAX_BYTES or timeline.work > WORK_MAX)
    )


def _cut_large(timeline: CustomerTimeline) -> None:
    """Cut the large touchpoints that have been applied: their rows have been sent."""
    if not timeline.large:
        return
    for place, one in enumerate(timeline.pending[: timeline.applied]):
        if one.is_large:
            timeline.pending[place] = one.cut()
            timeline.pending_bytes -= len(one.record) - len(timeline.pending[place].record)
            timeline.large -= 1


def _apply_regardless(timeline: CustomerTimeline, count: int, effects: Effects) -> None:
    """Apply the first `count` pending touchpoints, also those that should wait: a robot's must not pile up."""
    for one in timeline.pending[timeline.applied : count]:
        fire_timers(timeline.current, one.occurred_at, effects)
        apply_touchpoint(timeline.current, one.touchpoint(), effects, one.applied_bytes)
    timeline.applied = max(timeline.applied, count)
    timeline.work += effects.take_work()


def _fold_into_snapshot(timeline: CustomerTimeline, count: int) -> None:
    """Fold the first `count` pending touchpoints; what they bring about was sent when they came."""
    customer, unsent = decode_state(timeline.snapshot), Effects("")
    for one in timeline.pending[:count]:
        fire_timers(customer, one.occurred_at, unsent)
        apply_touchpoint(customer, one.touchpoint(), unsent, one.applied_bytes)
    timeline.snapshot = encode_state(customer)
    timeline.work -= unsent.work
    _drop(timeline, count)


def _drop(timeline: CustomerTimeline, count: int) -> None:
    dropped, timeline.pending = timeline.pending[:count], timeline.pending[count:]
    timeline.applied -= count
    timeline.pending_bytes -= sum(pending.size for pending in dropped)
    timeline.large -= sum(pending.is_large for pending in dropped)
    timeline.folded_up_to = dropped[-1].key
    timeline.checkpoint = timeline.checkpoint_work = 0
