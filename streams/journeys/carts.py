"""Carts and checkouts: abandoned when at least one item lies in them and no order comes within half an hour."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.kinds.cart_event import CartEvent
from schemas.kinds.purchase import Purchase
from schemas.kinds.touchpoint import Touchpoint
from schemas.metrics import CART_ABANDONMENT_RATE
from schemas.units import MINUTE_MS
from streams.journeys import abandonment
from streams.journeys.effects import Effects, EntityKey
from streams.journeys.machine import Handler, Machine, drop_oldest
from streams.journeys.state import NEVER, AbandonedCart, Attribution, Cart, CustomerState

SILENCE_MS = 30 * MINUTE_MS
"""How long after its last event a cart counts as abandoned."""
ORDERED = frozenset({"ordered", "recovered"})


class Carts(Machine):
    """The machine of carts."""

    tables = (abandonment.TABLE,)

    def handlers(self) -> Mapping[type[Touchpoint], Handler]:
        """Want cart events, and purchases that name their cart."""
        return {CartEvent: self.on_cart_event, Purchase: self.on_purchase}

    def on_cart_event(
        self, customer: CustomerState, event: CartEvent, attribution: Attribution, effects: Effects
    ) -> None:
        """Apply a change to a cart. After its order, a cart's further events change nothing."""
        cart = _cart(customer, event.cart_id, attribution)
        if cart.status in ORDERED:
            return
        cart.last_at = event.occurred_at
        _update_contents(cart, event)
        if event.action == "ordered":
            _order(customer, event.cart_id, cart, event.occurred_at, effects)
            return
        if cart.items and not cart.counted:
            cart.counted = True
            effects.change(CART_ABANDONMENT_RATE, cart.attribution, n=1, numerator=0)
        cart.deadline = event.occurred_at + SILENCE_MS if cart.items else 0

    def on_purchase(self, customer: CustomerState, event: Purchase, attribution: Attribution, effects: Effects) -> None:
        """Apply an order that names its cart; a cart that was unknown is then known to be ordered."""
        if event.action != "placed" or not event.cart_id:
            return
        cart = _cart(customer, event.cart_id, attribution)
        if cart.status not in ORDERED:
            cart.last_at = attribution.at
            _order(customer, event.cart_id, cart, attribution.at, effects)

    def next_deadline(self, customer: CustomerState) -> int:
        """Return when the next cart is abandoned."""
        if not customer.carts:
            return NEVER
        return min((cart.deadline for cart in customer.carts.values() if cart.deadline), default=NEVER)

    def on_deadline(self, customer: CustomerState, at: int, effects: Effects) -> None:
        """Abandon every cart whose deadline is `at`."""
        for cart_id, cart in customer.carts.items():
            if cart.deadline != at:
                continue
            cart.deadline = 0
            cart.abandoned_at = at
            cart.abandoned_as = AbandonedCart("checkout" if cart.checkout else "cart", cart.value_minor, cart.currency)
            if cart.status == "open":
                cart.status = "abandoned"
                effects.change(CART_ABANDONMENT_RATE, cart.attribution, n=0, numerator=1)
                abandonment.count_in_journey(customer)
            _put_row(cart_id, cart, effects)

    def forget(self, customer: CustomerState, now: int) -> None:
        """Drop carts past their recovery."""
        if customer.carts:
            abandonment.forget_old(customer.carts, now)
            drop_oldest(customer.carts)

    def report(self, customer: CustomerState, _table: str, key: EntityKey, effects: Effects) -> None:
        """Put an abandoned cart's row among the effects."""
        family, cart_id = key
        if family == "cart" and (cart := customer.carts.get(cart_id)) and abandonment.is_abandoned(cart):
            _put_row(cart_id, cart, effects)


def _put_row(cart_id: str, cart: Cart, effects: Effects) -> None:
    abandonment.put_row(effects, "cart", cart_id, cart, cart.attribution.at, cart.abandoned_as)


def _cart(customer: CustomerState, cart_id: str, attribution: Attribution) -> Cart:
    cart = customer.carts.get(cart_id)
    if cart is None:
        cart = customer.carts[cart_id] = Cart(attribution=attribution, last_at=attribution.at)
    return cart


def _update_contents(cart: Cart, event: CartEvent) -> None:
    if event.action == "item_added":
        cart.items += event.quantity
    elif event.action == "item_removed":
        cart.items = max(0, cart.items - event.quantity)
    elif event.action == "cleared":
        cart.items = 0
    elif event.action == "checkout_started":
        cart.checkout = True
    # A source that leaves the value out sends 0, the field's default: what is still in the cart keeps its value.
    if event.value_minor or not cart.items:
        cart.value_minor = event.value_minor
    cart.currency = event.currency or cart.currency


def _order(customer: CustomerState, cart_id: str, cart: Cart, at: int, effects: Effects) -> None:
    cart.deadline = 0
    if cart.status == "open":
        cart.status = "ordered"
        return
    cart.status = "recovered"
    cart.recovered_at = at
    effects.change(CART_ABANDONMENT_RATE, cart.attribution, n=0, numerator=-1)
    abandonment.take_from_journey(customer, cart)
    _put_row(cart_id, cart, effects)
