"""Support calls: waiting, holding, and callers who gave up in the queue or on hold."""

from __future__ import annotations

from schemas.kinds.support_call import SupportCall
from streams.journeys import abandonment
from streams.journeys.effects import Effects
from streams.journeys.experience import CALL_ABANDONED, HAPPENED, HOLD_ABANDONED
from streams.journeys.state import RECOVERY_MS, Attribution, Call, CustomerState

SHORT_MS = 5_000
"""A call ended in the queue sooner than this is a short call: neither offered nor abandoned."""
SERVICE_LEVEL_MS = 20_000
"""The wait within which an answer keeps the service level."""


def on_support_call(
    customer: CustomerState, event: SupportCall, attribution: Attribution, effects: Effects
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
    _release(call, attribution.at, effects)
    if event.phase == "answered" and not call.answered_at:
        _answer(call, attribution.at, effects)
    return None


def on_order(customer: CustomerState, at: int, effects: Effects) -> None:
    """Recover the calls given up not long ago: their customer has ordered after all."""
    for call_id, call in customer.calls.items():
        if call.status == "abandoned" and at <= call.abandoned_at + RECOVERY_MS:
            call.status = "recovered"
            call.recovered_at = at
            abandonment.uncount(customer, call)
            report(call_id, call, effects)


def report(call_id: str, call: Call, effects: Effects) -> None:
    """Put the call's row among the effects."""
    abandonment.report(effects, call.family, call.family, call_id, call)


def forget(customer: CustomerState, now: int) -> None:
    """Drop the calls that nothing can happen to any more at `now`."""
    gone = [call_id for call_id, call in customer.calls.items() if now > call.last_at + RECOVERY_MS]
    for call_id in gone:
        del customer.calls[call_id]


def _queue(call: Call, attribution: Attribution, effects: Effects) -> None:
    if call.queued_at or call.answered_at:
        return
    call.queued_at = attribution.at
    call.attribution = attribution
    effects.measure("call_abandonment_rate", call.attribution, n=1, numerator=0)


def _answer(call: Call, at: int, effects: Effects) -> None:
    call.answered_at = at
    if not call.queued_at:
        return
    waited = at - call.queued_at
    effects.measure("speed_of_answer", call.attribution, n=1, numerator=waited, add=waited)
    effects.measure("hold_time", call.attribution, n=1, numerator=call.hold_ms, add=call.hold_ms)
    in_time = int(waited <= SERVICE_LEVEL_MS)
    effects.measure("service_level", call.attribution, n=1, numerator=in_time)


def _release(call: Call, at: int, effects: Effects) -> None:
    if not call.held_at:
        return
    held = at - call.held_at
    call.held_at = 0
    before, call.hold_ms = call.hold_ms, call.hold_ms + held
    if call.queued_at and call.answered_at:
        effects.measure("hold_time", call.attribution, n=0, numerator=held, add=call.hold_ms, remove=before)


def _end(customer: CustomerState, event: SupportCall, call: Call, effects: Effects) -> int | None:
    at = event.occurred_at
    held_at = call.held_at
    _release(call, at, effects)
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
    how = "ended, resolved" if event.resolved else "ended, not resolved"
    return HAPPENED["support_call", how]


def _leave_queue(customer: CustomerState, event: SupportCall, call: Call, effects: Effects) -> int | None:
    waited = event.occurred_at - call.queued_at
    if waited < SHORT_MS:
        effects.measure("call_abandonment_rate", call.attribution, n=-1, numerator=0)
        return None
    effects.measure("call_abandonment_rate", call.attribution, n=0, numerator=1)
    if waited > SERVICE_LEVEL_MS:
        effects.measure("service_level", call.attribution, n=1, numerator=0)
    _abandon(customer, event.call_id, call, "call", call.queued_at, effects)
    return CALL_ABANDONED


def _abandon(customer: CustomerState, call_id: str, call: Call, family: str, started_at: int, effects: Effects) -> None:
    call.status = "abandoned"
    call.family = family
    call.started_at = started_at
    call.abandoned_at = call.last_at
    abandonment.count(customer)
    report(call_id, call, effects)
