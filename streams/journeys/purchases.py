"""Purchases: orders placed and refunded.

An order is placed once, however often it is stated: of the statements of an `order_id` the one with the greatest
(`occurred_at`, `event_id`) holds, or the leading source's, and counts where the first one does. An amount of 0 cancels
the order. Refunds count each.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.kinds.purchase import Purchase
from schemas.kinds.touchpoint import Touchpoint
from schemas.limits import held
from schemas.metrics import ORDERS, REFUNDS, REVENUE
from schemas.units import DAY_MS
from streams.journeys import calls, carts, carts_replay, follow_ups
from streams.journeys.effects import Effects
from streams.journeys.machine import Handler, Machine
from streams.journeys.state import Attribution, CustomerState, Order

REMEMBERED_MS = 90 * DAY_MS
"""How long an order is known, so that another statement of it does not count again."""
REMEMBERED_MAX = 1_000
"""Orders of one customer that are known: of more, the oldest go."""
CURRENCIES_MAX = 64
"""Currencies whose sums are kept of one customer, and of a journey: the first that came."""

SKU_BYTES_MAX = 2_048
"""Bytes of an order's skus that are kept: of more, those that come first by name."""


class Purchases(Machine):
    """The machine that counts orders and money.

    A customer's money is in the currency of the first order placed, a journey's in that of its own first. Amounts in
    another currency are in `touchpoints` and in the metrics' dimension `currency`, and are never added to it.
    """

    def handlers(self) -> Mapping[type[Touchpoint], Handler]:
        """Want purchases."""
        return {Purchase: self.on_purchase}

    def on_purchase(self, customer: CustomerState, event: Purchase, attribution: Attribution, effects: Effects) -> None:
        """Count an order or a refund."""
        if event.action == "refunded":
            _refund(customer, event, attribution, effects)
            return
        stated = (event.occurred_at, event.event_id)
        leading = event.source == effects.rules.order_source
        order = customer.orders.get(event.order_id)
        is_known = order is not None
        if order is None:
            order = Order(attribution, stated, leading, 0, event.currency)
            customer.orders[event.order_id] = order
        elif (leading, stated) < (order.leading, order.stated):
            effects.supersede(event.event_id, order.stated[1])
            _complete(customer, order, event, effects)
            return
        else:
            effects.supersede(order.stated[1], event.event_id)
            order.stated, order.leading = stated, leading
        _restate(customer, order, event, effects, is_correction=is_known)
        journey = customer.journey
        if is_known or not customer.currency or (journey is not None and not journey.currency):
            _fix_currencies(customer)

    def forget(self, customer: CustomerState, now: int) -> int:
        """Drop the orders that are not stated again any more."""
        orders, dropped = customer.orders, 0
        while orders:
            oldest = next(iter(orders.values()))
            if now <= oldest.attribution.at + REMEMBERED_MS:
                if len(orders) <= REMEMBERED_MAX:
                    break
                dropped += 1
            _forget_oldest(customer)
        return dropped

    def kept(self, customer: CustomerState) -> dict[str, Order]:
        """Return the orders that are known."""
        return customer.orders

    def shed(self, customer: CustomerState) -> None:
        """Forget the older half of the orders."""
        for _ in range((len(customer.orders) + 1) // 2):
            _forget_oldest(customer)


def _forget_oldest(customer: CustomerState) -> None:
    order_id = next(iter(customer.orders))
    customer.orders_forgotten_at = customer.orders.pop(order_id).attribution.at


def _refund(customer: CustomerState, event: Purchase, attribution: Attribution, effects: Effects) -> None:
    amount, currency = event.amount_minor, event.currency
    effects.change(REFUNDS, attribution, n=1, numerator=amount, currency=currency)
    _add(customer.refunded, currency, amount, effects)


def _restate(customer: CustomerState, order: Order, event: Purchase, effects: Effects, *, is_correction: bool) -> None:
    """Make an order what the statement that holds says, and count the difference."""
    was_placed, was_for = order.amount_minor > 0, (order.cart_id, order.skus)
    _count(customer, order, -1, effects)
    order.amount_minor, order.currency = event.amount_minor, event.currency
    # Books that state the net of what a shop has stated may not know of carts and skus: what was named stays named.
    order.cart_id = event.cart_id or order.cart_id
    order.skus = skus_of(event) or order.skus
    _count(customer, order, 1, effects)
    is_placed = order.amount_minor > 0
    if is_placed and not is_correction:
        carts.place_order(customer, order, effects)
        calls.place_order(customer, order, effects)
        follow_ups.place_order(customer, effects)
    elif was_placed != is_placed or was_for != (order.cart_id, order.skus):
        carts_replay.correct_order(customer, order, effects)
        calls.correct_order(customer, order, effects)
    elif not is_placed:
        carts_replay.keep(customer, order, effects)
        calls.keep(customer, order, effects.now)


def _complete(customer: CustomerState, order: Order, event: Purchase, effects: Effects) -> None:
    """Take from a statement that does not hold what the one that holds leaves out: the cart, and the skus."""
    was_for = order.cart_id, order.skus
    order.cart_id = order.cart_id or event.cart_id or ""
    order.skus = order.skus or skus_of(event)
    if order.amount_minor and was_for != (order.cart_id, order.skus):
        carts_replay.correct_order(customer, order, effects)


def skus_of(event: Purchase) -> list[str]:
    """Return the skus of an order that are kept, sorted."""
    skus = sorted({item.sku for item in event.items})
    size = sum(map(_bytes_of, skus))
    while size > SKU_BYTES_MAX:
        size -= _bytes_of(skus.pop())
    return skus


def _bytes_of(sku: str) -> int:
    return len(sku) if sku.isascii() else len(sku.encode())


def _count(customer: CustomerState, order: Order, sign: int, effects: Effects) -> None:
    """Add an order to the sums, or take it out of them; a cancelled one is in none."""
    amount, currency, attribution = sign * order.amount_minor, order.currency, order.attribution
    if not amount:
        return
    effects.change(ORDERS, attribution, n=sign, numerator=sign, currency=currency)
    effects.change(REVENUE, attribution, n=sign, numerator=amount, currency=currency)
    customer.purchases += sign
    _add(customer.spend, currency, amount, effects)
    journey = customer.journey
    if journey is not None and journey.number == attribution.journey:
        journey.purchases += sign
        _add(journey.revenue, currency, amount, effects)


def _add(sums: dict[str, int], currency: str, amount: int, effects: Effects) -> None:
    """Add an amount to the sum of its currency, which stays within what a column holds."""
    known = sums.get(currency)
    if known is None and len(sums) >= CURRENCIES_MAX:
        effects.trimmed.append("currencies")
        return
    total = (known or 0) + amount
    sums[currency] = held(total)
    if sums[currency] != total:
        effects.trimmed.append("sums")


def _fix_currencies(customer: CustomerState) -> None:
    """Let the first order placed fix the customer's currency, and the first of the journey under way that one's.

    An order that is known no more cannot be corrected: what it fixed stays.
    """
    orders, journey = customer.orders, customer.journey
    if not customer.currency_of or customer.currency_of in orders:
        placed = (order_id for order_id, order in orders.items() if order.amount_minor)
        customer.currency_of = next(placed, "")
        customer.currency = orders[customer.currency_of].currency if customer.currency_of else ""
    if journey is not None and (not journey.currency_of or journey.currency_of in orders):
        placed = (
            order_id
            for order_id, order in orders.items()
            if order.amount_minor and order.attribution.journey == journey.number
        )
        journey.currency_of = next(placed, "")
        journey.currency = orders[journey.currency_of].currency if journey.currency_of else ""
