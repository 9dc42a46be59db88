"""Purchases: orders placed and refunded, and what an order recovers."""

from __future__ import annotations

from schemas.log import Purchase
from streams.journeys import calls, carts
from streams.journeys.effects import Effects
from streams.journeys.life import Journey, Life, Origin


def on_purchase(life: Life, journey: Journey, event: Purchase, origin: Origin, effects: Effects) -> None:
    """Apply an order or a refund.

    A customer's and a journey's money is in the currency of the first purchase; amounts in another are in
    `touchpoints` and in the metrics' dimension `currency`, and are never added to it.
    """
    life.currency = life.currency or event.currency
    journey.currency = journey.currency or event.currency
    if event.action == "refunded":
        effects.measure("refunds", origin, n=1, numerator=event.amount_minor, currency=event.currency)
        if event.currency == life.currency:
            life.refunded_minor += event.amount_minor
        return
    effects.measure("orders", origin, n=1, numerator=1, currency=event.currency)
    effects.measure("revenue", origin, n=1, numerator=event.amount_minor, currency=event.currency)
    life.purchases += 1
    journey.purchases += 1
    if event.currency == life.currency:
        life.spend_minor += event.amount_minor
    if event.currency == journey.currency:
        journey.revenue_minor += event.amount_minor
    if event.cart_id:
        carts.on_order(life, event.cart_id, origin, effects)
    calls.on_order(life, origin.at, effects)
