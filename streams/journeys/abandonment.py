"""What is the same for every abandoned thing, whichever machine found it: its row, its journey, and being forgotten."""

from __future__ import annotations

from schemas.rows import AbandonmentRow
from streams.journeys.effects import Effects
from streams.journeys.state import RECOVERY_MS, Call, Cart, CustomerState, Survey


def report(effects: Effects, family: str, subject: str, subject_id: str, thing: Cart | Call | Survey) -> None:
    """Put the thing's row, as it now stands, among the effects.

    Args:
        family: cart, call, hold or survey: with the customer and `subject_id`, the row's key.
        subject: what the contract calls it: a cart whose checkout had begun is a `checkout`.
    """
    started_at = thing.attribution.at if isinstance(thing, Cart) else thing.started_at
    loss = thing.loss if isinstance(thing, Cart) else None
    effects.abandonments[family, subject_id] = AbandonmentRow(
        family=family,
        subject=subject,
        subject_id=subject_id,
        customer_id=effects.customer_id,
        journey_id=effects.journey_id(thing.attribution.journey),
        started_at=started_at,
        abandoned_at=thing.abandoned_at,
        waited_ms=thing.abandoned_at - started_at,
        value_minor=loss.value_minor if loss else None,
        currency=loss.currency if loss else None,
        status=thing.status,
        recovered_at=thing.recovered_at,
        deleted=False,
        version=0,
    )


def count(customer: CustomerState) -> None:
    """Count a thing as abandoned in the journey that is under way."""
    if customer.journey is not None:
        customer.journey.abandoned += 1


def uncount(customer: CustomerState, thing: Cart | Call | Survey) -> None:
    """Take a recovered thing back from its journey, while that is under way."""
    if customer.journey is not None and thing.attribution.journey == customer.journey.number:
        customer.journey.abandoned -= 1


def forget(kept: dict[str, Cart] | dict[str, Survey], now: int) -> None:
    """Drop the things that nothing can happen to any more at `now`, ms."""
    gone = [
        subject_id
        for subject_id, thing in kept.items()
        if not thing.deadline and now > max(thing.last_at, thing.abandoned_at) + RECOVERY_MS
    ]
    for subject_id in gone:
        del kept[subject_id]
