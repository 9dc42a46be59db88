"""Carts and checkouts: abandoned when at least one item lies in them and no order comes within half an hour."""

from __future__ import annotations

from schemas.kinds.cart_event import CartEvent
from schemas.units import MINUTE_MS
from streams.journeys import abandonment
from streams.journeys.effects import Effects
from streams.journeys.state import Attribution, Cart, CustomerState, Loss

METRIC = "cart_abandonment_rate"
SILENCE_MS = 30 * MINUTE_MS
"""How long after its last event a cart counts as abandoned."""


def on_cart_event(customer: CustomerState, event: CartEvent, attribution: Attribution, effects: Effects) -> None:
    """Apply a change to a cart. After its order, a cart's further events change nothing."""
    cart = _cart(customer, event.cart_id, attribution)
    if cart.status in {"ordered", "recovered"}:
        return
    cart.last_at = event.occurred_at
    _take_stock(cart, event)
    if event.action == "ordered":
        _order(customer, event.cart_id, cart, event.occurred_at, effects)
        return
    if cart.items and not cart.counted:
        cart.counted = True
        effects.measure(METRIC, cart.attribution, n=1, numerator=0)
    cart.deadline = event.occurred_at + SILENCE_MS if cart.items else 0


def on_order(customer: CustomerState, cart_id: str, attribution: Attribution, effects: Effects) -> None:
    """Apply a purchase that names its cart; a cart never heard of is then known to be ordered."""
    cart = _cart(customer, cart_id, attribution)
    if cart.status not in {"ordered", "recovered"}:
        cart.last_at = attribution.at
        _order(customer, cart_id, cart, attribution.at, effects)


def next_deadline(customer: CustomerState) -> int | None:
    """Return the earliest moment at which a cart will be abandoned, or None."""
    return min((cart.deadline for cart in customer.carts.values() if cart.deadline), default=None)


def on_deadline(customer: CustomerState, at: int, effects: Effects) -> None:
    """Abandon every cart whose deadline is `at`."""
    for cart_id, cart in customer.carts.items():
        if cart.deadline != at:
            continue
        cart.deadline = 0
        cart.abandoned_at = at
        cart.loss = Loss("checkout" if cart.checkout else "cart", cart.value_minor, cart.currency)
        if cart.status == "open":
            cart.status = "abandoned"
            effects.measure(METRIC, cart.attribution, n=0, numerator=1)
            abandonment.count(customer)
        report(cart_id, cart, effects)


def report(cart_id: str, cart: Cart, effects: Effects) -> None:
    """Put the cart's row among the effects."""
    abandonment.report(effects, "cart", cart.loss.subject if cart.loss else "cart", cart_id, cart)


def _cart(customer: CustomerState, cart_id: str, attribution: Attribution) -> Cart:
    cart = customer.carts.get(cart_id)
    if cart is None:
        cart = customer.carts[cart_id] = Cart(attribution=attribution, last_at=attribution.at)
    return cart


def _take_stock(cart: Cart, event: CartEvent) -> None:
    if event.action == "item_added":
        cart.items += event.quantity
    elif event.action == "item_removed":
        cart.items = max(0, cart.items - event.quantity)
    elif event.action == "cleared":
        cart.items = 0
    elif event.action == "checkout_started":
        cart.checkout = True
    # A source that leaves the value out sends 0, the field's default: what is still in the cart keeps its worth.
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
    effects.measure(METRIC, cart.attribution, n=0, numerator=-1)
    abandonment.uncount(customer, cart)
    report(cart_id, cart, effects)
