"""One customer's timeline, and the step that a touchpoint or a timer makes in it.

Touchpoints arrive in almost any order; the machines want them in event-time order. So the timeline keeps the
touchpoints of the last days (`pending`, in order), the state before them (`snapshot`) and the state after them
(`current`). A touchpoint in order is applied to `current`. A late one is put in its place and `current` is recomputed
from `snapshot`: what differs from before is sent as a correction, with a higher version. So the rows do not depend on
the order of arrival. Touchpoints older than the allowed lateness are folded into `snapshot` for good.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from schemas import journey_log
from schemas.journey_log import LogRecord, Touchpoint
from schemas.rows import AbandonmentRow
from streams.journeys import calls, carts, surveys
from streams.journeys.effects import Effects, difference
from streams.journeys.fold import apply_touchpoint, fire_timers, journey_row, next_deadline
from streams.journeys.order import rank_of
from streams.journeys.state import NEVER, Call, Cart, CustomerState, Survey, decode_state, encode_state

K = TypeVar("K")
R = TypeVar("R")

FOLD_AT = 32
"""With this many pending touchpoints, those past the horizon are folded; with fewer it is not worth the while."""
PENDING_MAX = 2_000
PENDING_MAX_BYTES = 1 << 20
"""With more than this pending (a robot's), the older half is folded before it is past the horizon."""


Key = tuple[int, int, str]
"""What orders a customer's touchpoints: when they happened, their rank within the millisecond, and their event id."""


class Pending(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A touchpoint that a late one may still have to be put before; `record` is its bytes in the journeys log."""

    occurred_at: int
    rank: int
    event_id: str
    fingerprint: int
    record: bytes

    @property
    def key(self) -> Key:
        """What orders a customer's touchpoints."""
        return self.occurred_at, self.rank, self.event_id


class CustomerTimeline(msgspec.Struct, array_like=True, gc=False):
    """What is kept of a customer in the changelog.

    Attributes:
        offset: the log offset last applied.
        deadline: when `current` next changes by itself, ms, or `NEVER`.
        folded_up_to: key of the last touchpoint in `snapshot`: none can be put before it any more.
        pending_bytes: bytes of the pending records.
        snapshot: the customer before the pending touchpoints, encoded.
        pending: the touchpoints since, ordered by their keys.
        current: the customer with all of them, advanced to the partition's time.
    """

    offset: int = -1
    deadline: int = NEVER
    folded_up_to: Key = (0, 0, "")
    pending_bytes: int = 0
    snapshot: bytes = b""
    pending: list[Pending] = msgspec.field(default_factory=list)
    current: CustomerState = msgspec.field(default_factory=CustomerState)


class Header(msgspec.Struct, array_like=True, gc=False):
    """The beginning of a `CustomerTimeline`, for a reader that needs no more."""

    offset: int
    deadline: int


@dataclass(frozen=True, slots=True)
class StepContext:
    """Where in the log a step is taken.

    Attributes:
        offset: the record's.
        until: deadlines up to this moment are due, ms.
        cutoff: what is older than this is past the horizon, ms.
    """

    offset: int
    until: int
    cutoff: int


def seen(timeline: CustomerTimeline, touchpoint: Touchpoint) -> Pending | None:
    """Return the pending touchpoint with the same event id, or None."""
    for pending in timeline.pending:
        if pending.event_id == touchpoint.event_id:
            return pending
    return None


def late(timeline: CustomerTimeline, touchpoint: Touchpoint, context: StepContext) -> bool:
    """Return whether a touchpoint comes too late to be put in its place."""
    at = touchpoint.occurred_at
    if at < context.cutoff or at < timeline.folded_up_to[0]:
        return True
    return at == timeline.folded_up_to[0] and (at, rank_of(touchpoint), touchpoint.event_id) <= timeline.folded_up_to


def step_time(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> None:
    """Let the customer's due deadlines take effect."""
    _compact(timeline, context)
    _fire_timers(timeline, context.until, effects)
    timeline.offset = context.offset


def step_touchpoint(timeline: CustomerTimeline, touchpoint: Touchpoint, context: StepContext, effects: Effects) -> bool:
    """Apply a touchpoint that has not been seen and is not late; return whether it came out of order."""
    _compact(timeline, context)
    _fire_timers(timeline, context.until, effects)
    record = journey_log.encode(touchpoint)
    rank = rank_of(touchpoint)
    pending = Pending(touchpoint.occurred_at, rank, touchpoint.event_id, touchpoint.fingerprint, record)
    in_order = pending.occurred_at >= timeline.current.last_timer_at and (
        not timeline.pending or pending.key > timeline.pending[-1].key
    )
    timeline.pending_bytes += len(record)
    if in_order:
        timeline.pending.append(pending)
        _fire_timers(timeline, touchpoint.occurred_at, effects)
        apply_touchpoint(timeline.current, touchpoint, effects)
    else:
        _recompute(timeline, pending, context, effects)
    timeline.deadline = next_deadline(timeline.current)
    _fire_timers(timeline, context.until, effects)
    timeline.offset = context.offset
    return not in_order


def _fire_timers(timeline: CustomerTimeline, until: int, effects: Effects) -> None:
    if timeline.deadline <= until:
        fire_timers(timeline.current, until, effects)
        timeline.deadline = next_deadline(timeline.current)


def _fold(timeline: CustomerTimeline, until: int, effects: Effects) -> CustomerState:
    """Return the customer that snapshot and pending touchpoints lead to, advanced to `until`."""
    customer = decode_state(timeline.snapshot)
    for pending in timeline.pending:
        touchpoint = _decode(pending.record)
        fire_timers(customer, touchpoint.occurred_at, effects)
        apply_touchpoint(customer, touchpoint, effects)
    fire_timers(customer, until, effects)
    return customer


def _decode(record: bytes) -> Touchpoint:
    touchpoint: LogRecord = journey_log.decode(record)
    if isinstance(touchpoint, journey_log.Tick):
        raise TypeError("a tick is never pending")
    return touchpoint


def _recompute(timeline: CustomerTimeline, late: Pending, context: StepContext, effects: Effects) -> None:
    """Put a touchpoint in its place and send what differs from what was sent before."""
    before, after = Effects(effects.customer_id), Effects(effects.customer_id)
    # What has been sent so far, in this chunk too, is all that the fold without the late one brings about.
    old = _fold(timeline, context.until, before)
    place = bisect_right([pending.key for pending in timeline.pending], late.key)
    timeline.pending.insert(place, late)
    timeline.current = _fold(timeline, context.until, after)
    _add_current_journey(old, before)
    _add_current_journey(timeline.current, after)
    _correct(timeline.current, before, after, effects)


def _add_current_journey(customer: CustomerState, effects: Effects) -> None:
    if customer.journey is not None:
        row = journey_row(customer.journey, None, effects)
        effects.journeys[row.journey_id] = row


def _correct(current: CustomerState, before: Effects, after: Effects, effects: Effects) -> None:
    """Add to `effects` what turns the rows and sums of `before` into those of `after`."""
    effects.touchpoints.update(_changed(before.touchpoints, after.touchpoints))
    effects.journeys.update(_changed(before.journeys, after.journeys))
    effects.shifts.update(_changed(before.shifts, after.shifts))
    effects.abandonments.update(_changed(before.abandonments, after.abandonments))
    for journey_id in before.journeys.keys() - after.journeys.keys():
        effects.journeys[journey_id] = replace(before.journeys[journey_id], deleted=True)
    for shift_id in before.shifts.keys() - after.shifts.keys():
        effects.shifts[shift_id] = replace(before.shifts[shift_id], deleted=True)
    for key in before.abandonments.keys() - after.abandonments.keys():
        effects.abandonments[key] = _as_it_stands(current, key, before.abandonments[key])
    effects.deltas.extend(difference(before.deltas, after.deltas))


def _changed(before: dict[K, R], after: dict[K, R]) -> dict[K, R]:
    return {key: row for key, row in after.items() if before.get(key) != row}


def _as_it_stands(current: CustomerState, key: tuple[str, str], was: AbandonmentRow) -> AbandonmentRow:
    """Return the row of a thing that the new fold leaves untouched: as the snapshot had it, or taken back."""
    family, subject_id = key
    again = Effects(was.customer_id)
    if family == "cart" and (cart := current.carts.get(subject_id)) and _given_up(cart):
        carts.report(subject_id, cart, again)
    elif family == "survey" and (survey := current.surveys.get(subject_id)) and _given_up(survey):
        surveys.report(subject_id, survey, again)
    elif (call := current.calls.get(subject_id)) and _given_up(call) and call.family == family:
        calls.report(subject_id, call, again)
    return again.abandonments.get(key) or replace(was, deleted=True)


def _given_up(thing: Cart | Call | Survey) -> bool:
    return thing.status in {"abandoned", "recovered"}


def _compact(timeline: CustomerTimeline, context: StepContext) -> None:
    """Fold what no touchpoint can be put before any more."""
    pending = timeline.pending
    if not pending:
        return
    if len(pending) > PENDING_MAX or (timeline.pending_bytes > PENDING_MAX_BYTES and len(pending) > 1):
        _fold_into_base(timeline, len(pending) // 2)
    elif pending[-1].occurred_at < context.cutoff and timeline.current.last_timer_at <= context.cutoff:
        # Nothing has happened since: the customer before whatever comes next is the customer as it stands.
        timeline.snapshot = encode_state(timeline.current)
        _drop(timeline, len(pending))
    elif len(pending) >= FOLD_AT and pending[len(pending) // 2].occurred_at < context.cutoff:
        _fold_into_base(timeline, bisect_left([p.occurred_at for p in pending], context.cutoff))


def _fold_into_base(timeline: CustomerTimeline, count: int) -> None:
    """Fold the first `count` pending touchpoints; what they bring about was sent when they came."""
    past = CustomerTimeline(snapshot=timeline.snapshot, pending=timeline.pending[:count])
    timeline.snapshot = encode_state(_fold(past, 0, Effects("")))
    _drop(timeline, count)


def _drop(timeline: CustomerTimeline, count: int) -> None:
    dropped, timeline.pending = timeline.pending[:count], timeline.pending[count:]
    timeline.pending_bytes -= sum(len(pending.record) for pending in dropped)
    timeline.folded_up_to = dropped[-1].key
