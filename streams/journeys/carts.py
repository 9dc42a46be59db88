"""Carts and checkouts: abandoned when at least one item lies in them and no order comes within half an hour."""

from __future__ import annotations

from schemas.log import CartEvent
from streams.journeys import abandonment
from streams.journeys.effects import Effects
from streams.journeys.life import MINUTE_MS, Cart, Life, Loss, Origin

METRIC = "cart_abandonment_rate"
SILENCE_MS = 30 * MINUTE_MS
"""How long after its last event a cart counts as abandoned."""


def on_cart_event(life: Life, event: CartEvent, origin: Origin, effects: Effects) -> None:
    """Apply a change to a cart. After its order, a cart's further events change nothing."""
    cart = _cart(life, event.cart_id, origin)
    if cart.status in {"ordered", "recovered"}:
        return
    cart.last_at = event.occurred_at
    _take_stock(cart, event)
    if event.action == "ordered":
        _order(life, event.cart_id, cart, event.occurred_at, effects)
        return
    if cart.items and not cart.counted:
        cart.counted = True
        effects.measure(METRIC, cart.origin, n=1, numerator=0)
    cart.deadline = event.occurred_at + SILENCE_MS if cart.items else 0


def on_order(life: Life, cart_id: str, origin: Origin, effects: Effects) -> None:
    """Apply a purchase that names its cart; a cart never heard of is then known to be ordered."""
    cart = _cart(life, cart_id, origin)
    if cart.status not in {"ordered", "recovered"}:
        cart.last_at = origin.at
        _order(life, cart_id, cart, origin.at, effects)


def next_deadline(life: Life) -> int | None:
    """Return the earliest moment at which a cart will be abandoned, or None."""
    return min((cart.deadline for cart in life.carts.values() if cart.deadline), default=None)


def on_deadline(life: Life, at: int, effects: Effects) -> None:
    """Abandon every cart whose deadline is `at`."""
    for cart_id, cart in life.carts.items():
        if cart.deadline != at:
            continue
        cart.deadline = 0
        cart.abandoned_at = at
        cart.loss = Loss("checkout" if cart.checkout else "cart", cart.value_minor, cart.currency)
        if cart.status == "open":
            cart.status = "abandoned"
            effects.measure(METRIC, cart.origin, n=0, numerator=1)
            abandonment.count(life)
        report(cart_id, cart, effects)


def report(cart_id: str, cart: Cart, effects: Effects) -> None:
    """Put the cart's row among the effects."""
    abandonment.report(effects, "cart", cart.loss.subject if cart.loss else "cart", cart_id, cart)


def _cart(life: Life, cart_id: str, origin: Origin) -> Cart:
    cart = life.carts.get(cart_id)
    if cart is None:
        cart = life.carts[cart_id] = Cart(origin=origin, last_at=origin.at)
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


def _order(life: Life, cart_id: str, cart: Cart, at: int, effects: Effects) -> None:
    cart.deadline = 0
    if cart.status == "open":
        cart.status = "ordered"
        return
    cart.status = "recovered"
    cart.recovered_at = at
    effects.measure(METRIC, cart.origin, n=0, numerator=-1)
    abandonment.uncount(life, cart)
    report(cart_id, cart, effects)
