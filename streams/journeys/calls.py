"""Support calls: waiting, holding, and callers who gave up in the queue or on hold."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.kinds.purchase import Purchase
from schemas.kinds.support_call import SupportCall
from schemas.kinds.touchpoint import Touchpoint
from schemas.metrics import CALL_ABANDONMENT_RATE, HOLD_TIME, SERVICE_LEVEL, SPEED_OF_ANSWER
from streams.journeys import abandonment
from streams.journeys.effects import Effects, EntityKey
from streams.journeys.experience import CALL_ABANDONED, HAPPENED, HOLD_ABANDONED
from streams.journeys.machine import Handler, Machine, drop_oldest
from streams.journeys.state import RECOVERY_MS, Attribution, Call, CallFamily, CustomerState

SHORT_MS = 5_000
"""A call ended in the queue sooner than this is a short call: neither offered nor abandoned."""
SERVICE_LEVEL_MS = 20_000
"""The wait within which an answer keeps the service level."""


class Calls(Machine):
    """The machine of support calls."""

    tables = (abandonment.TABLE,)

    def handlers(self) -> Mapping[type[Touchpoint], Handler]:
        """Want the phases of calls, and the orders that recover abandoned ones."""
        return {SupportCall: self.on_support_call, Purchase: self.on_purchase}

    def on_support_call(
        self, customer: CustomerState, event: SupportCall, attribution: Attribution, effects: Effects
    ) -> int | None:
        """Apply a phase of a call; return what its end says of how the customer was served, or None."""
        call = customer.calls.get(event.call_id)
        if call is None:
            call = customer.calls[event.call_id] = Call(attribution=attribution, last_at=attribution.at)
        if call.status != "open":
            return None
        call.last_at = attribution.at
        if event.phase == "held":
            call.held_at = call.held_at or attribution.at
            return None
        if event.phase == "ended":
            return _end(customer, event, call, effects)
        if event.phase == "queued":
            _queue(call, attribution, effects)
            return None
        _end_hold(call, attribution.at, effects)
        if event.phase == "answered" and not call.answered_at:
            _answer(call, attribution.at, effects)
        return None

    def on_purchase(self, customer: CustomerState, event: Purchase, attribution: Attribution, effects: Effects) -> None:
        """Recover the calls that were abandoned not long ago: their customer has ordered after all."""
        if event.action != "placed":
            return
        at = attribution.at
        for call_id, call in customer.calls.items():
            if call.status == "abandoned" and at <= call.abandoned_at + RECOVERY_MS:
                call.status = "recovered"
                call.recovered_at = at
                abandonment.take_from_journey(customer, call)
                _put_row(call_id, call, effects)

    def forget(self, customer: CustomerState, now: int) -> None:
        """Drop the calls that no order can recover any more."""
        if not customer.calls:
            return
        gone = [call_id for call_id, call in customer.calls.items() if now > call.last_at + RECOVERY_MS]
        for call_id in gone:
            del customer.calls[call_id]
        drop_oldest(customer.calls)

    def report(self, customer: CustomerState, _table: str, key: EntityKey, effects: Effects) -> None:
        """Put an abandoned call's row among the effects."""
        family, call_id = key
        call = customer.calls.get(call_id)
        if call is not None and call.family == family and abandonment.is_abandoned(call):
            _put_row(call_id, call, effects)


def _put_row(call_id: str, call: Call, effects: Effects) -> None:
    if call.family:
        abandonment.put_row(effects, call.family, call_id, call, call.started_at)


def _queue(call: Call, attribution: Attribution, effects: Effects) -> None:
    if call.queued_at or call.answered_at:
        return
    call.queued_at = attribution.at
    call.attribution = attribution
    effects.change(CALL_ABANDONMENT_RATE, attribution, n=1, numerator=0)


def _answer(call: Call, at: int, effects: Effects) -> None:
    call.answered_at = at
    if not call.queued_at:
        return
    waited = at - call.queued_at
    effects.observe_duration(SPEED_OF_ANSWER, call.attribution, waited)
    effects.observe_duration(HOLD_TIME, call.attribution, call.hold_ms)
    effects.change(SERVICE_LEVEL, call.attribution, n=1, numerator=int(waited <= SERVICE_LEVEL_MS))


def _end_hold(call: Call, at: int, effects: Effects) -> None:
    if not call.held_at:
        return
    held = at - call.held_at
    call.held_at = 0
    before, call.hold_ms = call.hold_ms, call.hold_ms + held
    if call.queued_at and call.answered_at:
        samples = ((call.hold_ms, 1), (before, -1))
        effects.change(HOLD_TIME, call.attribution, n=0, numerator=held, samples=samples)


def _end(customer: CustomerState, event: SupportCall, call: Call, effects: Effects) -> int | None:
    at = event.occurred_at
    held_at = call.held_at
    _end_hold(call, at, effects)
    call.status = "ended"
    if held_at:
        _abandon(customer, event.call_id, call, "hold", held_at, effects)
        return HOLD_ABANDONED
    if call.queued_at and not call.answered_at:
        return _leave_queue(customer, event, call, effects)
    if event.resolved is None:
        return None
    if customer.journey is not None:
        customer.journey.resolved = customer.journey.resolved or event.resolved
        customer.journey.unresolved = not event.resolved
    return HAPPENED["support_call", "ended, resolved" if event.resolved else "ended, not resolved"]


def _leave_queue(customer: CustomerState, event: SupportCall, call: Call, effects: Effects) -> int | None:
    waited = event.occurred_at - call.queued_at
    if waited < SHORT_MS:
        effects.change(CALL_ABANDONMENT_RATE, call.attribution, n=-1, numerator=0)
        return None
    effects.change(CALL_ABANDONMENT_RATE, call.attribution, n=0, numerator=1)
    if waited > SERVICE_LEVEL_MS:
        effects.change(SERVICE_LEVEL, call.attribution, n=1, numerator=0)
    _abandon(customer, event.call_id, call, "call", call.queued_at, effects)
    return CALL_ABANDONED


def _abandon(
    customer: CustomerState, call_id: str, call: Call, family: CallFamily, started_at: int, effects: Effects
) -> None:
    call.status = "abandoned"
    call.family = family
    call.started_at = started_at
    call.abandoned_at = call.last_at
    abandonment.count_in_journey(customer)
    _put_row(call_id, call, effects)
