"""Adopted carts: a profile's carts are replayed beside its owner's orders, as if they had been the owner's all along.

Of a cart of which each has a part, by its id, the parts are one: the events of both are replayed together. A cart that
an order of the profile's has ordered or recovered is not replayed, for that order stays where it is; it meets the
orders of the owner that come after all that happened to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from streams.journeys import carts, carts_replay
from streams.journeys.effects import Effects
from streams.journeys.state import Cart, CartStep, CustomerState, Order


def adopt(customer: CustomerState, adopted: Mapping[str, Cart], effects: Effects) -> None:
    """Take a profile's carts into a customer's state; those that it has, by id and first event, stay as they are."""
    # Of several with one id, the one under its own name goes on under that.
    by_name = sorted(adopted.items(), key=lambda item: item[0] != item[1].cart_id)
    newcomers = [cart for _, cart in by_name if not any(_holds(one, cart) for one in customer.carts.values())]
    if not newcomers:
        return
    own = _own(customer, {cart.cart_id for cart in newcomers}, effects.now)
    settled = {cart.cart_id for cart in (*own.values(), *newcomers) if cart.is_settled}
    unsettled = {key: cart for key, cart in own.items() if cart.cart_id not in settled}
    _replay(customer, unsettled, [cart for cart in newcomers if cart.cart_id not in settled], effects)
    for cart in newcomers:
        if cart.cart_id in settled:
            _put_beside(customer, cart, effects)
    customer.carts = dict(sorted(customer.carts.items(), key=lambda item: item[1].attribution.at))


def _own(customer: CustomerState, names: AbstractSet[str], now: int) -> dict[str, Cart]:
    """Return a customer's carts that go on with the newcomers of their names.

    What is over goes on with nobody, also where it is kept for the sake of an order that may be corrected.
    """
    before = now - carts.KEPT_MS
    own = {
        key: cart for key, cart in customer.carts.items() if cart.cart_id in names and not carts.is_past(cart, before)
    }
    for name in sorted(names - own.keys()):
        carts.put_away(customer, name, now)
    return own


def _holds(cart: Cart, newcomer: Cart) -> bool:
    """Return whether a cart is the newcomer, or was made of it, too."""
    began = newcomer.attribution
    return cart.cart_id == newcomer.cart_id and (
        cart.attribution == began or any(step.attribution == began for step in cart.steps)
    )


def _replay(customer: CustomerState, own: dict[str, Cart], newcomers: list[Cart], effects: Effects) -> None:
    for cart in (*own.values(), *newcomers):
        # Of one cart of several parts, each event says itself where it was.
        cart.steps = [_told(step, cart) for step in cart.steps]
    # By what no key of the customer's own is.
    before = own | {f"\0{number}": cart for number, cart in enumerate(newcomers)}
    after = carts_replay.replayed(before, carts_replay.replayed_orders(customer, len(before)), None, effects)
    kept = {key: cart for key, cart in customer.carts.items() if key not in own}
    customer.carts = kept | after
    carts_replay.correct_rows(own, after, effects)
    carts_replay.correct_counts(before, after, effects)
    carts_replay.correct_journey(customer, own, after)


def _told(step: CartStep, cart: Cart) -> CartStep:
    own = step.attribution or replace(cart.attribution, at=step.occurred_at)
    return replace(step, attribution=own)


def _put_beside(customer: CustomerState, cart: Cart, effects: Effects) -> None:
    name = cart.cart_id
    carts.put_away(customer, name, effects.now)
    customer.carts[name if name not in customer.carts else f"{name} {cart.attribution.at}"] = cart
    happened_at = max(cart.last_at, cart.abandoned_at, cart.recovered_at or 0)
    later = [order for order in customer.orders.values() if order.amount_minor and order.attribution.at >= happened_at]
    for order in sorted(later, key=_placed_at):
        if not carts.is_converted(cart):
            carts.meet_order(customer, cart, order, effects, is_named=order.cart_id == name)
    if cart.abandoned_as is not None:
        carts.put_row(cart, effects)


def _placed_at(order: Order) -> int:
    return order.attribution.at
