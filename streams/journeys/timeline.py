"""One customer's timeline, and the step that a touchpoint or a timer makes in it.

Touchpoints arrive in almost any order; the machines want them in event-time order. So the timeline keeps the
touchpoints of the last days (`pending`, in order), the state before them (`snapshot`) and the state after those that
have been applied (`current`). A touchpoint in order is applied to `current`. A late one is put in its place and
`current` is recomputed from `snapshot`: what differs from before is sent as a correction, with a higher version. So the
rows do not depend on the order of arrival. Touchpoints older than the allowed lateness are folded into `snapshot`.

A timer fires when the partition's time, less the timers' delay, has passed it, never because of the customer's own
later touchpoint. So a touchpoint behind a timer that is not yet due waits in `pending`, and so does one that is ahead
of the time at which it was received.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from schemas import journey_log
from schemas.journey_log import Tick
from schemas.kinds.touchpoint import Touchpoint
from streams.journeys.effects import Effects, difference
from streams.journeys.fold import apply_touchpoint, fire_timers, next_timer
from streams.journeys.formats import FORMAT
from streams.journeys.machines import OWNERS
from streams.journeys.order import rank_of
from streams.journeys.rows import journey_row
from streams.journeys.state import NEVER, STATE_MAX_BYTES, CustomerState, decode_state, encode_state

K = TypeVar("K")
R = TypeVar("R")

FOLD_AT = 32
"""With this many pending touchpoints, those past the allowed lateness are folded; fewer are not worth the work."""
PENDING_MAX = 2_000
PENDING_MAX_BYTES = 1 << 20
"""With more than this pending (a robot's), the older half is folded before it is past the allowed lateness."""
TIMELINE_MAX_BYTES = 2 * STATE_MAX_BYTES + PENDING_MAX_BYTES + (512 << 10)
"""What a timeline takes at most, encoded: two states, the pending touchpoints (one may be a little larger than all may
be together), their numbers, and what timers add to a state."""

Key = tuple[int, int, str]
"""What orders a customer's touchpoints: when they happened, their rank within the millisecond, and their event id."""


class Pending(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A touchpoint that a late one may still have to be put before.

    Attributes:
        record: its bytes in the journeys log.
        ahead: whether it was received long before it is said to have happened: it waits for its time.
    """

    occurred_at: int
    rank: int
    event_id: str
    fingerprint: int
    record: bytes
    ahead: bool = False

    @property
    def key(self) -> Key:
        """What orders a customer's touchpoints."""
        return self.occurred_at, self.rank, self.event_id

    @property
    def size(self) -> int:
        """Bytes that it takes, but for its numbers; rather too many than too few."""
        return len(self.record) + 4 * len(self.event_id)


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


class Header(msgspec.Struct, array_like=True, gc=False):
    """The beginning of a `CustomerTimeline`, for a reader that needs no more."""

    format: int
    offset: int
    next_timer_at: int


class StepContext(NamedTuple):
    """Where in the log a step is taken.

    Attributes:
        offset: the record's.
        time: the partition's time, ms.
        timers_until: timers up to this time are due, ms: the partition's time less the timers' delay.
        late_before: a touchpoint before this time is beyond the allowed lateness, ms.
    """

    offset: int
    time: int
    timers_until: int
    late_before: int


def find_pending(timeline: CustomerTimeline, event_id: str) -> Pending | None:
    """Return the pending touchpoint with an event id, or None."""
    for pending in timeline.pending:
        if pending.event_id == event_id:
            return pending
    return None


def is_late(timeline: CustomerTimeline, touchpoint: Touchpoint, context: StepContext) -> bool:
    """Return whether a touchpoint comes too late to be put in its place."""
    at = touchpoint.occurred_at
    if at < context.late_before or at < timeline.folded_up_to[0]:
        return True
    return at == timeline.folded_up_to[0] and (at, rank_of(touchpoint), touchpoint.event_id) <= timeline.folded_up_to


def step_timers(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> None:
    """Let the customer's due timers take effect, and the touchpoints that waited for them."""
    effects.timers_until = context.timers_until
    _compact(timeline, context)
    _advance(timeline, context, effects)
    timeline.offset = context.offset


def step_touchpoint(
    timeline: CustomerTimeline,
    touchpoint: Touchpoint,
    newcomer: Pending,
    context: StepContext,
    effects: Effects,
) -> bool:
    """Take in a touchpoint that is neither a repeat nor late; return whether it made the state be recomputed.

    Args:
        touchpoint: the touchpoint that `newcomer` holds.
    """
    effects.timers_until = context.timers_until
    _compact(timeline, context)
    _advance(timeline, context, effects)
    timeline.pending_bytes += newcomer.size
    pending, applied = timeline.pending, timeline.applied
    in_order = newcomer.occurred_at >= timeline.current.last_timer_at and (
        not applied or newcomer.key > pending[applied - 1].key
    )
    if not in_order:
        _recompute(timeline, newcomer, context, effects)
    elif applied == len(pending):
        pending.append(newcomer)
        # Nothing else waits, so the timeline's next change is the customer's next timer.
        if _apply_next(timeline.current, newcomer, touchpoint, timeline.next_timer_at, context, effects):
            timeline.applied += 1
    else:
        place = bisect_right([one.key for one in pending], newcomer.key)
        pending.insert(place, newcomer)
        if place == applied:
            timeline.applied += _fold_into(timeline.current, pending[applied:], context, effects)
    timeline.next_timer_at = _next_change(timeline, context)
    _advance(timeline, context, effects)
    _fold_early(timeline, context, effects)
    timeline.offset = context.offset
    return not in_order


def _advance(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> None:
    """Fire the timers that are due, and apply the touchpoints that waited and wait no more."""
    if timeline.next_timer_at > context.timers_until:
        return
    waiting = timeline.pending[timeline.applied :]
    timeline.applied += _fold_into(timeline.current, waiting, context, effects)
    timeline.next_timer_at = _next_change(timeline, context)


def _next_change(timeline: CustomerTimeline, context: StepContext) -> int:
    """Return when the timeline next changes by itself: at a timer, or when a touchpoint that is ahead has its time."""
    at = next_timer(timeline.current)
    if timeline.applied < len(timeline.pending):
        first = timeline.pending[timeline.applied]
        # One whose time has come waits for a timer alone: woken for its time, the customer would be woken for ever.
        if first.ahead and first.occurred_at > context.time:
            timer_delay_ms = context.time - context.timers_until
            at = min(at, first.occurred_at - timer_delay_ms)
    return at


def _fold_into(customer: CustomerState, pending: list[Pending], context: StepContext, effects: Effects) -> int:
    """Apply pending touchpoints in order, as far as none has to wait, and fire due timers; return how many it were."""
    applied = 0
    for one in pending:
        if not _apply_next(customer, one, None, next_timer(customer), context, effects):
            break
        applied += 1
    fire_timers(customer, context.timers_until, effects)
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
    apply_touchpoint(customer, touchpoint or _decoded(one), effects, len(one.record))
    return True


def _decoded(one: Pending) -> Touchpoint:
    record = journey_log.decode(one.record)
    if isinstance(record, Tick):
        raise TypeError("a tick is never pending")
    return record


def _recompute(timeline: CustomerTimeline, newcomer: Pending, context: StepContext, effects: Effects) -> None:
    """Put a touchpoint in its place and send what differs from what was sent before."""
    before, after = effects.fresh(), effects.fresh()
    # What has been sent so far, in this chunk too, is all that the fold without the newcomer brings about.
    old = decode_state(timeline.snapshot)
    _fold_into(old, timeline.pending, context, before)
    place = bisect_right([pending.key for pending in timeline.pending], newcomer.key)
    timeline.pending.insert(place, newcomer)
    timeline.current = decode_state(timeline.snapshot)
    timeline.applied = _fold_into(timeline.current, timeline.pending, context, after)
    _add_current_journey(old, before)
    _add_current_journey(timeline.current, after)
    _correct(timeline.current, before, after, effects)
    effects.trimmed.extend(after.trimmed[len(before.trimmed) :])


def _add_current_journey(customer: CustomerState, effects: Effects) -> None:
    if customer.journey is not None:
        row = journey_row(customer.journey, None, effects)
        effects.journeys[row.journey_id] = row


def _correct(current: CustomerState, before: Effects, after: Effects, effects: Effects) -> None:
    """Add to `effects` what turns the rows and sums of `before` into those of `after`."""
    effects.touchpoints.update(_changed(before.touchpoints, after.touchpoints))
    effects.journeys.update(_changed(before.journeys, after.journeys))
    for journey_id in before.journeys.keys() - after.journeys.keys():
        effects.journeys[journey_id] = replace(before.journeys[journey_id], deleted=True)
    for table in sorted(before.entities.keys() | after.entities.keys()):
        _correct_table(table, current, before, after, effects)
    effects.deltas.extend(difference(before.deltas, after.deltas))


def _correct_table(table: str, current: CustomerState, before: Effects, after: Effects, effects: Effects) -> None:
    was, now = before.entities.get(table, {}), after.entities.get(table, {})
    for key, row in _changed(was, now).items():
        effects.put(table, key, row)
    for key in sorted(was.keys() - now.keys()):
        # The new fold leaves it untouched: it is as the snapshot had it, or it never was.
        as_kept = effects.fresh()
        for machine in OWNERS.get(table, ()):
            machine.report(current, table, key, as_kept)
        kept = as_kept.entities.get(table, {}).get(key)
        effects.put(table, key, kept or _deleted(was[key]))


def _deleted(row: Any) -> Any:
    return replace(row, deleted=True)


def _changed(before: dict[K, R], after: dict[K, R]) -> dict[K, R]:
    return {key: row for key, row in after.items() if before.get(key) != row}


def _compact(timeline: CustomerTimeline, context: StepContext) -> None:
    """Fold the touchpoints that no other can be put before any more."""
    pending = timeline.pending
    if not pending or timeline.applied < len(pending):
        return
    late_before = context.late_before
    if pending[-1].occurred_at < late_before and timeline.current.last_timer_at <= late_before:
        # Nothing has happened since: the state before whatever comes next is the current one.
        timeline.snapshot = encode_state(timeline.current)
        _drop(timeline, len(pending))
    elif len(pending) >= FOLD_AT and pending[len(pending) // 2].occurred_at < late_before:
        _fold_into_snapshot(timeline, bisect_left([p.occurred_at for p in pending], late_before))


def _fold_early(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> None:
    """Fold the older half of the pending touchpoints where they are too many or too large."""
    while (count := len(timeline.pending)) > PENDING_MAX or (count > 1 and timeline.pending_bytes > PENDING_MAX_BYTES):
        half = count // 2
        _apply_regardless(timeline, half, effects)
        timeline.next_timer_at = _next_change(timeline, context)
        _fold_into_snapshot(timeline, half)
        effects.trimmed.append("pending")


def _apply_regardless(timeline: CustomerTimeline, count: int, effects: Effects) -> None:
    """Apply the first `count` pending touchpoints, also those that should wait: a robot's must not pile up."""
    for one in timeline.pending[timeline.applied : count]:
        fire_timers(timeline.current, one.occurred_at, effects)
        apply_touchpoint(timeline.current, _decoded(one), effects, len(one.record))
    timeline.applied = max(timeline.applied, count)


def _fold_into_snapshot(timeline: CustomerTimeline, count: int) -> None:
    """Fold the first `count` pending touchpoints; what they bring about was sent when they came."""
    customer, unsent = decode_state(timeline.snapshot), Effects("")
    for one in timeline.pending[:count]:
        fire_timers(customer, one.occurred_at, unsent)
        apply_touchpoint(customer, _decoded(one), unsent, len(one.record))
    timeline.snapshot = encode_state(customer)
    _drop(timeline, count)


def _drop(timeline: CustomerTimeline, count: int) -> None:
    dropped, timeline.pending = timeline.pending[:count], timeline.pending[count:]
    timeline.applied -= count
    timeline.pending_bytes -= sum(pending.size for pending in dropped)
    timeline.folded_up_to = dropped[-1].key
