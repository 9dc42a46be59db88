"""Applying pending touchpoints in event-time order, each when its time has come and no timer before it is left."""

from __future__ import annotations

from schemas.kinds.touchpoint import Touchpoint
from streams.journeys.effects import Effects
from streams.journeys.fold import apply_touchpoint, fire_timers, next_timer
from streams.journeys.pending import Pending
from streams.journeys.state import CustomerState
from streams.journeys.step_context import StepContext


def apply_all(customer: CustomerState, pending: list[Pending], context: StepContext, effects: Effects) -> int:
    """Apply pending touchpoints until one has to wait or `effects` is spent; return how many it were."""
    applied = 0
    for one in pending:
        if effects.is_spent or not apply_next(customer, one, None, next_timer(customer), context, effects):
            break
        applied += 1
    return applied


def apply_next(
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
        timer_at: the customer's next timer, or earlier; to find it costs a twentieth of the whole step.
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
