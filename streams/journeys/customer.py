"""One customer's state, and the step that a touchpoint or a deadline makes in it.

Touchpoints come in almost any order; the machines want them in the order of their times. So the state keeps the
touchpoints of the last days (`pending`, ordered) beside the life they led to (`head`) and the life before them
(`base`). One that comes in order is applied to `head`. One that comes late is put in its place and the whole of
`pending` is folded anew from `base`: what differs from before is sent as a correction, with a higher version. So the
rows do not depend on the order of arrival. What is older than the horizon is folded into `base` for good.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from schemas import log
from schemas.facts import AbandonmentRow
from schemas.log import AnyTouchpoint, LogRecord
from streams.journeys import calls, carts, surveys
from streams.journeys.effects import Effects, difference
from streams.journeys.fold import advance, journey_row, next_deadline, touch
from streams.journeys.life import NEVER, Call, Cart, Life, Survey, decode_life, encode_life
from streams.journeys.order import rank_of

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


class CustomerState(msgspec.Struct, array_like=True, gc=False):
    """What is kept of a customer in the changelog.

    Attributes:
        offset: the log offset last applied.
        deadline: when `head` next changes by itself, ms, or `NEVER`.
        floor: key of the last touchpoint that is in `base`: what belongs before it can no longer be put in its place.
        weight: bytes of the pending records.
        base: the life before the pending touchpoints, encoded.
        pending: the touchpoints since, ordered by their keys.
        head: the life with all of them, advanced to the partition's time.
    """

    offset: int = -1
    deadline: int = NEVER
    floor: Key = (0, 0, "")
    weight: int = 0
    base: bytes = b""
    pending: list[Pending] = msgspec.field(default_factory=list)
    head: Life = msgspec.field(default_factory=Life)


class Header(msgspec.Struct, array_like=True, gc=False):
    """The beginning of a `CustomerState`, for a reader that needs no more."""

    offset: int
    deadline: int


@dataclass(frozen=True, slots=True)
class Moment:
    """Where in the log a step is taken.

    Attributes:
        offset: the record's.
        until: deadlines up to this moment are due, ms.
        cutoff: what is older than this is past the horizon, ms.
    """

    offset: int
    until: int
    cutoff: int


def seen(state: CustomerState, touchpoint: AnyTouchpoint) -> Pending | None:
    """Return the pending touchpoint with the same event id, or None."""
    for pending in state.pending:
        if pending.event_id == touchpoint.event_id:
            return pending
    return None


def late(state: CustomerState, touchpoint: AnyTouchpoint, moment: Moment) -> bool:
    """Return whether a touchpoint comes too late to be put in its place."""
    at = touchpoint.occurred_at
    if at < moment.cutoff or at < state.floor[0]:
        return True
    return at == state.floor[0] and (at, rank_of(touchpoint), touchpoint.event_id) <= state.floor


def step_time(state: CustomerState, moment: Moment, effects: Effects) -> None:
    """Let the customer's due deadlines take effect."""
    _compact(state, moment)
    _advance(state, moment.until, effects)
    state.offset = moment.offset


def step_touchpoint(state: CustomerState, touchpoint: AnyTouchpoint, moment: Moment, effects: Effects) -> bool:
    """Apply a touchpoint that has not been seen and is not late; return whether it came out of order."""
    _compact(state, moment)
    _advance(state, moment.until, effects)
    record = log.encode(touchpoint)
    rank = rank_of(touchpoint)
    pending = Pending(touchpoint.occurred_at, rank, touchpoint.event_id, touchpoint.fingerprint, record)
    in_order = pending.occurred_at >= state.head.fired and (not state.pending or pending.key > state.pending[-1].key)
    state.weight += len(record)
    if in_order:
        state.pending.append(pending)
        _advance(state, touchpoint.occurred_at, effects)
        touch(state.head, touchpoint, effects)
    else:
        _refold(state, pending, moment, effects)
    state.deadline = next_deadline(state.head)
    _advance(state, moment.until, effects)
    state.offset = moment.offset
    return not in_order


def _advance(state: CustomerState, until: int, effects: Effects) -> None:
    if state.deadline <= until:
        advance(state.head, until, effects)
        state.deadline = next_deadline(state.head)


def _fold(state: CustomerState, until: int, effects: Effects) -> Life:
    """Return the life that base and pending touchpoints lead to, advanced to `until`."""
    life = decode_life(state.base)
    for pending in state.pending:
        touchpoint = _decode(pending.record)
        advance(life, touchpoint.occurred_at, effects)
        touch(life, touchpoint, effects)
    advance(life, until, effects)
    return life


def _decode(record: bytes) -> AnyTouchpoint:
    touchpoint: LogRecord = log.decode(record)
    if isinstance(touchpoint, log.Tick):
        raise TypeError("a tick is never pending")
    return touchpoint


def _refold(state: CustomerState, late: Pending, moment: Moment, effects: Effects) -> None:
    """Put a touchpoint in its place and send what differs from what was sent before."""
    before, after = Effects(effects.customer_id), Effects(effects.customer_id)
    # What has been sent so far, in this chunk too, is all that the fold without the late one brings about.
    old = _fold(state, moment.until, before)
    place = bisect_right([pending.key for pending in state.pending], late.key)
    state.pending.insert(place, late)
    state.head = _fold(state, moment.until, after)
    _add_current_journey(old, before)
    _add_current_journey(state.head, after)
    _correct(state.head, before, after, effects)


def _add_current_journey(life: Life, effects: Effects) -> None:
    if life.journey is not None:
        row = journey_row(life.journey, None, effects)
        effects.journeys[row.journey_id] = row


def _correct(head: Life, before: Effects, after: Effects, effects: Effects) -> None:
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
        effects.abandonments[key] = _as_it_stands(head, key, before.abandonments[key])
    effects.measures.extend(difference(before.measures, after.measures))


def _changed(before: dict[K, R], after: dict[K, R]) -> dict[K, R]:
    return {key: row for key, row in after.items() if before.get(key) != row}


def _as_it_stands(head: Life, key: tuple[str, str], was: AbandonmentRow) -> AbandonmentRow:
    """Return the row of a thing that the new fold leaves untouched: as the base had it, or taken back."""
    family, subject_id = key
    again = Effects(was.customer_id)
    if family == "cart" and (cart := head.carts.get(subject_id)) and _given_up(cart):
        carts.report(subject_id, cart, again)
    elif family == "survey" and (survey := head.surveys.get(subject_id)) and _given_up(survey):
        surveys.report(subject_id, survey, again)
    elif (call := head.calls.get(subject_id)) and _given_up(call) and call.family == family:
        calls.report(subject_id, call, again)
    return again.abandonments.get(key) or replace(was, deleted=True)


def _given_up(thing: Cart | Call | Survey) -> bool:
    return thing.status in {"abandoned", "recovered"}


def _compact(state: CustomerState, moment: Moment) -> None:
    """Fold what no touchpoint can be put before any more."""
    pending = state.pending
    if not pending:
        return
    if len(pending) > PENDING_MAX or (state.weight > PENDING_MAX_BYTES and len(pending) > 1):
        _fold_into_base(state, len(pending) // 2)
    elif pending[-1].occurred_at < moment.cutoff and state.head.fired <= moment.cutoff:
        # Nothing has happened since: the life before whatever comes next is the life as it stands.
        state.base = encode_life(state.head)
        _drop(state, len(pending))
    elif len(pending) >= FOLD_AT and pending[len(pending) // 2].occurred_at < moment.cutoff:
        _fold_into_base(state, bisect_left([p.occurred_at for p in pending], moment.cutoff))


def _fold_into_base(state: CustomerState, count: int) -> None:
    """Fold the first `count` pending touchpoints; what they bring about was sent when they came."""
    past = CustomerState(base=state.base, pending=state.pending[:count])
    state.base = encode_life(_fold(past, 0, Effects("")))
    _drop(state, count)


def _drop(state: CustomerState, count: int) -> None:
    dropped, state.pending = state.pending[:count], state.pending[count:]
    state.weight -= sum(len(pending.record) for pending in dropped)
    state.floor = dropped[-1].key
