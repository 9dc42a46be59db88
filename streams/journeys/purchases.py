"""Purchases: orders placed and refunded."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.kinds.purchase import Purchase
from schemas.kinds.touchpoint import Touchpoint
from schemas.metrics import ORDERS, REFUNDS, REVENUE
from streams.journeys.effects import Effects
from streams.journeys.machine import Handler, Machine
from streams.journeys.state import Attribution, CustomerState


class Purchases(Machine):
    """The machine that counts orders and money.

    A customer's and a journey's money is in the currency of the first purchase. Amounts in another currency are in
    `touchpoints` and in the metrics' dimension `currency`, and are never added to it.
    """

    def handlers(self) -> Mapping[type[Touchpoint], Handler]:
        """Want purchases."""
        return {Purchase: self.on_purchase}

    def on_purchase(self, customer: CustomerState, event: Purchase, attribution: Attribution, effects: Effects) -> None:
        """Count an order or a refund."""
        amount, currency = event.amount_minor, event.currency
        customer.currency = customer.currency or currency
        if customer.journey is not None:
            customer.journey.currency = customer.journey.currency or currency
        if event.action == "refunded":
            effects.change(REFUNDS, attribution, n=1, numerator=amount, currency=currency)
            if currency == customer.currency:
                customer.refunded_minor += amount
            return
        effects.change(ORDERS, attribution, n=1, numerator=1, currency=currency)
        effects.change(REVENUE, attribution, n=1, numerator=amount, currency=currency)
        customer.purchases += 1
        if currency == customer.currency:
            customer.spend_minor += amount
        if customer.journey is not None:
            customer.journey.purchases += 1
            if currency == customer.journey.currency:
                customer.journey.revenue_minor += amount
