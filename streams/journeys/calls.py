"""Support calls: waiting, holding, and callers who gave up in a queue or on hold.

A call may wait more than once. The first wait alone can be short, and is what speed of answer and service level speak
of. A call that ends while it waits in any queue, 5 s or more after it began to wait there, is abandoned. A call ends by
itself after 24 h: what is said of its id later is another call.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from schemas.kinds.support_call import SupportCall
from schemas.kinds.touchpoint import Touchpoint
from schemas.metrics import CALL_ABANDONMENT_RATE, HOLD_TIME, SERVICE_LEVEL, SPEED_OF_ANSWER
from schemas.units import DAY_MS
from streams.journeys import abandonment, follow_ups
from streams.journeys.effects import Effects, EntityKey
from streams.journeys.experience import CALL_ABANDONED, HAPPENED, HOLD_ABANDONED
from streams.journeys.machine import Handler, Machine, Outcome, drop_oldest
from streams.journeys.state import RECOVERY_MS, Attribution, Call, CallFamily, CustomerState, Order

SHORT_MS = 5_000
"""A call ended in its first wait sooner than this is a short call: neither offered nor abandoned."""
SERVICE_LEVEL_MS = 20_000
"""The wait within which an answer keeps the service level."""
LONGEST_MS = DAY_MS
"""A call whose hang-up nobody reports ends after this, neither abandoned nor resolved."""

CALLS_A_UNIT = 64
"""Calls that are looked through with one unit of work (see `Effects.work`)."""


class Calls(Machine):
    """The machine of support calls; `purchases` tells it of orders."""

    tables = (abandonment.TABLE,)

    def handlers(self) -> Mapping[type[Touchpoint], Handler]:
        """Want the phases of calls."""
        return {SupportCall: self.on_support_call}

    def on_support_call(
        self, customer: CustomerState, event: SupportCall, attribution: Attribution, effects: Effects
    ) -> Outcome | None:
        """Apply a phase of a call; return what its end says of how the customer was served, or None."""
        call = _call(customer, event.call_id, attribution)
        if call.status != "open":
            return None
        at = call.last_at = attribution.at
        if event.phase == "ended":
            outcome = _end(customer, event, call, effects)
            if call.family and outcome is not None:
                follow_ups.abandoned_call(customer, event, attribution, outcome.experience, effects)
            return outcome
        if event.phase == "held":
            call.held_at = call.held_at or at
            return None
        _end_hold(call, at, effects)
        if event.phase == "queued":
            _queue(call, attribution, effects)
        elif event.phase == "answered":
            _answer(call, at, effects)
        elif event.phase == "transferred" and call.requeued_at == at and not call.waiting_at:
            # Clocks that know only seconds put the answer, the transfer and the next queue into one moment.
            call.waiting_at = at
        return None

    def forget(self, customer: CustomerState, now: int) -> int:
        """Drop the calls that no order can recover any more."""
        if not customer.calls:
            return 0
        oldest = now - RECOVERY_MS
        calls = customer.calls.items()
        gone = [
            key
            for key, call in calls
            if call.last_at < oldest and call.corrected_at < oldest and (call.recovered_at or 0) < oldest
        ]
        for key in gone:
            del customer.calls[key]
        return drop_oldest(customer.calls)

    def kept(self, customer: CustomerState) -> dict[str, Call]:
        """Return the calls."""
        return customer.calls

    def report(self, customer: CustomerState, _table: str, key: EntityKey, effects: Effects) -> None:
        """Put an abandoned call's row among the effects."""
        for call in customer.calls.values():
            if call.family and abandonment.key_of(call.family, call.call_id, call.started_at) == key:
                put_row(call, effects)


def place_order(customer: CustomerState, order: Order, effects: Effects) -> None:
    """Recover the calls that were abandoned not long before an order: their customer has ordered after all."""
    effects.work += len(customer.calls) // CALLS_A_UNIT
    for call in customer.calls.values():
        if abandonment.recover_by_order(customer, call, order.attribution.at):
            put_row(call, effects)


def correct_order(customer: CustomerState, corrected: Order, effects: Effects) -> None:
    """Let the orders recover the calls anew, as one of them is no longer what it was."""
    effects.work += (len(customer.calls) + len(customer.orders)) // CALLS_A_UNIT
    placed = [order.attribution.at for order in customer.orders.values() if order.amount_minor]
    for call in customer.calls.values():
        # What a forgotten order may have recovered stays as it is.
        if not abandonment.is_abandoned(call) or call.abandoned_at <= customer.orders_forgotten_at:
            continue
        was_recovered_at = call.recovered_at
        if call.status == "recovered":
            call.status, call.recovered_by, call.recovered_at = "abandoned", None, None
            abandonment.count_in_journey(customer, call)
        first = bisect_left(placed, call.abandoned_at)
        if first < len(placed):
            abandonment.recover_by_order(customer, call, placed[first])
        if call.recovered_at != was_recovered_at:
            put_row(call, effects)
    keep(customer, corrected, effects.now)


def keep(customer: CustomerState, corrected: Order, now: int) -> None:
    """Keep the calls that a corrected order can recover: it may be placed, or cancelled, once more."""
    for call in customer.calls.values():
        if call.family:
            abandonment.keep(call, call.abandoned_at, corrected, now)


def _call(customer: CustomerState, call_id: str, attribution: Attribution) -> Call:
    """Return the call that a phase belongs to; the id of one that is long over is that of another call now."""
    call = customer.calls.get(call_id)
    if call is not None and attribution.at >= call.began_at + LONGEST_MS:
        if call.family:
            customer.calls[f"{call_id} {call.began_at}"] = call
        del customer.calls[call_id]
        call = None
    if call is None:
        call = customer.calls[call_id] = Call(attribution, call_id, began_at=attribution.at, last_at=attribution.at)
    return call


def put_row(call: Call, effects: Effects) -> None:
    """Put the row of a call among the effects, if it was abandoned."""
    if call.family:
        abandonment.put_row(effects, call.family, call.call_id, call, call.started_at)


def _queue(call: Call, attribution: Attribution, effects: Effects) -> None:
    at = attribution.at
    if call.waiting_at:
        call.requeued_at = at
        return
    call.waiting_at = at
    if not call.queued_at:
        call.queued_at = at
        call.attribution = attribution
        effects.change(CALL_ABANDONMENT_RATE, attribution, n=1, numerator=0)


def _answer(call: Call, at: int, effects: Effects) -> None:
    waited = at - call.waiting_at
    if call.waiting_at and not call.answered_at:
        effects.observe_duration(SPEED_OF_ANSWER, call.attribution, waited)
        effects.observe_duration(HOLD_TIME, call.attribution, call.hold_ms)
        effects.change(SERVICE_LEVEL, call.attribution, n=1, numerator=int(waited <= SERVICE_LEVEL_MS))
        call.answered_at = at
    call.talked = True
    call.waiting_at = 0


def _end_hold(call: Call, at: int, effects: Effects) -> None:
    if not call.held_at:
        return
    held = at - call.held_at
    call.held_at = 0
    before, call.hold_ms = call.hold_ms, call.hold_ms + held
    if call.answered_at:
        samples = ((call.hold_ms, 1), (before, -1))
        effects.change(HOLD_TIME, call.attribution, n=0, numerator=held, samples=samples)


def _end(customer: CustomerState, event: SupportCall, call: Call, effects: Effects) -> Outcome | None:
    held_at = call.held_at
    _end_hold(call, event.occurred_at, effects)
    call.status = "ended"
    if event.resolved is not True:
        if held_at:
            _abandon(customer, call, "hold", held_at, effects)
            return Outcome(HOLD_ABANDONED)
        if call.waiting_at:
            return _leave_queue(customer, event, call, effects)
    return _resolve(customer, event)


def _resolve(customer: CustomerState, event: SupportCall) -> Outcome | None:
    """Take down whether a call's end resolved the matter, if the end says so."""
    if event.resolved is None:
        return None
    if customer.journey is not None:
        customer.journey.resolved = customer.journey.resolved or event.resolved
        customer.journey.unresolved = not event.resolved
    return Outcome(HAPPENED["support_call", "ended, resolved" if event.resolved else "ended, not resolved"])


def _leave_queue(customer: CustomerState, event: SupportCall, call: Call, effects: Effects) -> Outcome | None:
    waited = event.occurred_at - call.waiting_at
    if waited < SHORT_MS:
        if call.talked:
            return _resolve(customer, event)
        effects.change(CALL_ABANDONMENT_RATE, call.attribution, n=-1, numerator=0)
        return None
    effects.change(CALL_ABANDONMENT_RATE, call.attribution, n=0, numerator=1)
    if not call.answered_at and waited > SERVICE_LEVEL_MS:
        effects.change(SERVICE_LEVEL, call.attribution, n=1, numerator=0)
    _abandon(customer, call, "call", call.waiting_at, effects)
    return Outcome(CALL_ABANDONED)


def _abandon(customer: CustomerState, call: Call, family: CallFamily, started_at: int, effects: Effects) -> None:
    call.status = "abandoned"
    call.family = family
    call.started_at = started_at
    call.abandoned_at = call.last_at
    abandonment.count_in_journey(customer, call)
    put_row(call, effects)
