"""What all abandoned things have in common: row, count in the journey, deadline, and recovery by an order."""

from __future__ import annotations

from typing import Literal

from schemas.rows import AbandonmentRow
from streams.journeys.effects import Effects, EntityKey
from streams.journeys.state import NEVER, RECOVERY_MS, AbandonedCart, Call, Cart, CustomerState, FollowUp, Order, Survey

TABLE = "abandonments"
Family = Literal["cart", "call", "hold", "survey"]
"""With the customer and the subject's id, the key of a row: a checkout is a cart's."""


def put_row(
    effects: Effects,
    family: Family,
    subject_id: str,
    thing: Cart | Call | Survey,
    started_at: int,
    cart: AbandonedCart | None = None,
) -> None:
    """Put an abandoned thing's row, as it now is, among the effects.

    Args:
        cart: what a cart was when it was abandoned; other things are called as their family, and have no value.
    """
    row = AbandonmentRow(
        family=family,
        subject=cart.subject if cart else family,
        subject_id=subject_id,
        customer_id=effects.customer_id,
        journey_id=effects.journey_id(thing.attribution.journey),
        started_at=started_at,
        abandoned_at=thing.abandoned_at,
        waited_ms=thing.abandoned_at - started_at,
        value_minor=cart.value_minor if cart else None,
        currency=cart.currency if cart else None,
        status=thing.status,
        recovered_at=thing.recovered_at,
        recovered_by=thing.recovered_by,
        channel=thing.attribution.channel,
        attributes=thing.attribution.attributes,
        previous_customer_id=thing.attribution.stated_key,
        deleted=False,
        version=0,
    )
    effects.put(TABLE, key_of(family, subject_id, started_at), row)


def key_of(family: str, subject_id: str, started_at: int) -> EntityKey:
    """Return what tells an abandoned thing from the customer's others."""
    return family, subject_id, str(started_at)


def is_abandoned(thing: Cart | Call | Survey) -> bool:
    """Return whether a thing was abandoned, be it recovered since."""
    return thing.status in {"abandoned", "recovered"}


def count_in_journey(customer: CustomerState, thing: Cart | Call | Survey) -> None:
    """Count a thing as abandoned in the journey that it began in, while that is under way."""
    if customer.journey is not None and thing.attribution.journey == customer.journey.number:
        customer.journey.abandoned += 1


def take_from_journey(customer: CustomerState, thing: Cart | Call | Survey) -> None:
    """Take a recovered thing back from its journey, while that is under way."""
    if customer.journey is not None and thing.attribution.journey == customer.journey.number:
        customer.journey.abandoned -= 1


def recover_by_order(customer: CustomerState, thing: Cart | Call, at: int) -> bool:
    """Let an order, placed at `at`, recover an abandoned thing that is not its own; return whether it does.

    An order recovers what was abandoned before it, and not long before.
    """
    if thing.status != "abandoned" or not thing.abandoned_at <= at <= thing.abandoned_at + RECOVERY_MS:
        return False
    thing.status, thing.recovered_by, thing.recovered_at = "recovered", "order", at
    take_from_journey(customer, thing)
    return True


def keep(thing: Cart | Call, until: int, corrected: Order, now: int) -> None:
    """Keep a thing that a corrected order can touch for as long as if it had happened at `now`: it may change again.

    Args:
        until: when something last happened to the thing, ms.
    """
    if corrected.attribution.at <= until + RECOVERY_MS:
        thing.corrected_at = now


def earliest_deadline(kept: dict[str, Cart] | dict[str, Survey] | dict[str, FollowUp]) -> int:
    """Return the next deadline of these things, ms, or `NEVER`."""
    earliest = NEVER
    # Every touchpoint asks this: a plain loop takes half the time of `min` over a generator (CPython 3.11).
    for thing in kept.values():
        if 0 < thing.deadline < earliest:
            earliest = thing.deadline
    return earliest
