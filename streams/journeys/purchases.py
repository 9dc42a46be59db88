"""Purchases: orders placed and refunded, and what an order recovers."""

from __future__ import annotations

from schemas.kinds.purchase import Purchase
from streams.journeys import calls, carts
from streams.journeys.effects import Effects
from streams.journeys.state import Attribution, CustomerState, Journey


def on_purchase(
    customer: CustomerState, journey: Journey, event: Purchase, attribution: Attribution, effects: Effects
) -> None:
    """Apply an order or a refund.

    A customer's and a journey's money is in the currency of the first purchase; amounts in another are in
    `touchpoints` and in the metrics' dimension `currency`, and are never added to it.
    """
    customer.currency = customer.currency or event.currency
    journey.currency = journey.currency or event.currency
    if event.action == "refunded":
        effects.measure("refunds", attribution, n=1, numerator=event.amount_minor, currency=event.currency)
        if event.currency == customer.currency:
            customer.refunded_minor += event.amount_minor
        return
    effects.measure("orders", attribution, n=1, numerator=1, currency=event.currency)
    effects.measure("revenue", attribution, n=1, numerator=event.amount_minor, currency=event.currency)
    customer.purchases += 1
    journey.purchases += 1
    if event.currency == customer.currency:
        customer.spend_minor += event.amount_minor
    if event.currency == journey.currency:
        journey.revenue_minor += event.amount_minor
    if event.cart_id:
        carts.on_order(customer, event.cart_id, attribution, effects)
    calls.on_order(customer, attribution.at, effects)
