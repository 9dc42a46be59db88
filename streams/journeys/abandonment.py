"""One row for an abandoned thing, whichever machine found it."""

from __future__ import annotations

from schemas.facts import AbandonmentRow
from streams.journeys.effects import Effects
from streams.journeys.life import Call, Cart, Survey


def report(effects: Effects, family: str, subject: str, subject_id: str, thing: Cart | Call | Survey) -> None:
    """Put the thing's row, as it now stands, among the effects.

    Args:
        family: cart, call, hold or survey: with the customer and `subject_id`, the row's key.
        subject: what the contract calls it: a cart whose checkout had begun is a `checkout`.
    """
    started_at = thing.origin.at if isinstance(thing, Cart) else thing.started_at
    loss = thing.loss if isinstance(thing, Cart) else None
    effects.abandonments[family, subject_id] = AbandonmentRow(
        family=family,
        subject=subject,
        subject_id=subject_id,
        customer_id=effects.customer_id,
        journey_id=effects.journey_id(thing.origin.journey),
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
