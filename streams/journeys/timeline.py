"""One customer's timeline, and the step that a touchpoint or a timer makes in it.

Touchpoints arrive in almost any order; the machines want them in event-time order. So the timeline keeps the
touchpoints of the last days (`pending`, in order), the state before them (`snapshot`) and the state after them
(`current`). A touchpoint in order is applied to `current`. A late one is put in its place and `current` is recomputed
from `snapshot`: what differs from before is sent as a correction, with a higher version. So the rows do not depend on
the order of arrival. Touchpoints older than the allowed lateness are folded into `snapshot` for good.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

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
from streams.journeys.state import NEVER, CustomerState, decode_state, encode_state

K = TypeVar("K")
R = TypeVar("R")

FOLD_AT = 32
"""With this many pending touchpoints, those past the allowed lateness are folded; fewer are not worth the work."""
PENDING_MAX = 2_000
PENDING_MAX_BYTES = 1 << 20
"""With more than this pending (a robot's), the older half is folded before it is past the allowed lateness."""

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
        format: see `streams.journeys.formats`.
        offset: the log offset last applied.
        next_timer_at: when `current` next changes by itself, ms, or `NEVER`.
        folded_up_to: key of the last touchpoint in `snapshot`: none can be put before it any more.
        pending_bytes: bytes of the pending records.
        snapshot: the state before the pending touchpoints, encoded.
        pending: the touchpoints since, ordered by their keys.
        current: the state after all of them, its timers fired up to the partition's time.
    """

    format: int = FORMAT
    offset: int = -1
    next_timer_at: int = NEVER
    folded_up_to: Key = (0, 0, "")
    pending_bytes: int = 0
    snapshot: bytes = b""
    pending: list[Pending] = msgspec.field(default_factory=list)
    current: CustomerState = msgspec.field(default_factory=CustomerState)


class Header(msgspec.Struct, array_like=True, gc=False):
    """The beginning of a `CustomerTimeline`, for a reader that needs no more."""

    format: int
    offset: int
    next_timer_at: int


@dataclass(frozen=True, slots=True)
class StepContext:
    """Where in the log a step is taken.

    Attributes:
        offset: the record's.
        timers_until: timers up to this time are due, ms.
        late_before: a touchpoint before this time is beyond the allowed lateness, ms.
    """

    offset: int
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
    """Let the customer's due timers take effect."""
    _compact(timeline, context)
    _fire_timers(timeline, context.timers_until, effects)
    timeline.offset = context.offset


def step_touchpoint(
    timeline: CustomerTimeline, touchpoint: Touchpoint, record: bytes, context: StepContext, effects: Effects
) -> bool:
    """Apply a touchpoint that is neither a repeat nor late; return whether it came out of order.

    Args:
        record: the touchpoint as it stands in the journeys log.
    """
    _compact(timeline, context)
    _fire_timers(timeline, context.timers_until, effects)
    at, event_id = touchpoint.occurred_at, touchpoint.event_id
    newcomer = Pending(at, rank_of(touchpoint), event_id, touchpoint.fingerprint, record)
    pending, current = timeline.pending, timeline.current
    in_order = at >= current.last_timer_at and (not pending or newcomer.key > pending[-1].key)
    timeline.pending_bytes += len(record)
    if in_order:
        pending.append(newcomer)
        _fire_timers(timeline, at, effects)
        apply_touchpoint(current, touchpoint, effects)
    else:
        _recompute(timeline, newcomer, context, effects)
    timeline.next_timer_at = next_timer(timeline.current)
    _fire_timers(timeline, context.timers_until, effects)
    timeline.offset = context.offset
    return not in_order


def _fire_timers(timeline: CustomerTimeline, until: int, effects: Effects) -> None:
    if timeline.next_timer_at <= until:
        fire_timers(timeline.current, until, effects)
        timeline.next_timer_at = next_timer(timeline.current)


def _fold(snapshot: bytes, pending: list[Pending], until: int, effects: Effects) -> CustomerState:
    """Return the state that pending touchpoints lead to from a snapshot, its timers fired up to `until`."""
    customer = decode_state(snapshot)
    for touchpoint in _touchpoints(pending):
        fire_timers(customer, touchpoint.occurred_at, effects)
        apply_touchpoint(customer, touchpoint, effects)
    fire_timers(customer, until, effects)
    return customer


def _touchpoints(pending: list[Pending]) -> Iterator[Touchpoint]:
    for one in pending:
        record = journey_log.decode(one.record)
        if isinstance(record, Tick):
            raise TypeError("a tick is never pending")
        yield record


def _recompute(timeline: CustomerTimeline, newcomer: Pending, context: StepContext, effects: Effects) -> None:
    """Put a touchpoint in its place and send what differs from what was sent before."""
    before, after = Effects(effects.customer_id), Effects(effects.customer_id)
    # What has been sent so far, in this chunk too, is all that the fold without the newcomer brings about.
    old = _fold(timeline.snapshot, timeline.pending, context.timers_until, before)
    place = bisect_right([pending.key for pending in timeline.pending], newcomer.key)
    timeline.pending.insert(place, newcomer)
    timeline.current = _fold(timeline.snapshot, timeline.pending, context.timers_until, after)
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
        as_kept = Effects(effects.customer_id)
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
    if not pending:
        return
    late_before = context.late_before
    if len(pending) > PENDING_MAX or (timeline.pending_bytes > PENDING_MAX_BYTES and len(pending) > 1):
        _fold_into_snapshot(timeline, len(pending) // 2)
    elif pending[-1].occurred_at < late_before and timeline.current.last_timer_at <= late_before:
        # Nothing has happened since: the state before whatever comes next is the current one.
        timeline.snapshot = encode_state(timeline.current)
        _drop(timeline, len(pending))
    elif len(pending) >= FOLD_AT and pending[len(pending) // 2].occurred_at < late_before:
        _fold_into_snapshot(timeline, bisect_left([p.occurred_at for p in pending], late_before))


def _fold_into_snapshot(timeline: CustomerTimeline, count: int) -> None:
    """Fold the first `count` pending touchpoints; what they bring about was sent when they came."""
    folded = _fold(timeline.snapshot, timeline.pending[:count], 0, Effects(""))
    timeline.snapshot = encode_state(folded)
    _drop(timeline, count)


def _drop(timeline: CustomerTimeline, count: int) -> None:
    dropped, timeline.pending = timeline.pending[:count], timeline.pending[count:]
    timeline.pending_bytes -= sum(len(pending.record) for pending in dropped)
    timeline.folded_up_to = dropped[-1].key
