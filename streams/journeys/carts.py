"""Carts and checkouts: abandoned when something lies in them and no order comes within half an hour.

An order converts the cart that it names; else each cart of the customer, from 30 days before to 5 minutes after it, all
of whose skus it holds. These carts leave the abandonment rate. Any other order within 30 days recovers an abandoned
cart's row, and leaves the rate alone: a grocer's customers order every week, whatever they leave in a cart.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from schemas.kinds.cart_event import CartEvent
from schemas.kinds.touchpoint import Touchpoint
from schemas.limits import LARGEST_AMOUNT
from schemas.metrics import CART_ABANDONMENT_RATE
from schemas.units import MINUTE_MS
from streams.journeys import abandonment
from streams.journeys.effects import Effects, EntityKey
from streams.journeys.machine import Handler, Machine, drop_oldest
from streams.journeys.state import (
    RECOVERY_MS,
    AbandonedCart,
    Attribution,
    Cart,
    CartStep,
    CustomerState,
    Order,
    RecoveredBy,
)

SILENCE_MS = 30 * MINUTE_MS
"""How long after its last event a cart counts as abandoned."""
KEPT_MS = RECOVERY_MS
AFTER_ORDER_MS = 5 * MINUTE_MS
"""How long before an order, and after it, a cart may have its last, and its first, event to be the order's.

So long, too, is a cart known in which nothing happens: what comes under its id later is another cart."""
SKUS_MAX = 100
"""Skus of one cart that are kept: of more, the oldest go."""
STEPS_MAX = 100
ALL_STEPS_MAX = 1_000
"""Events of one cart, and of all of a customer's, that are kept. A cart with more stays as it is when an order is
corrected; of a customer with more, the oldest carts do."""
CARTS_A_UNIT, SKUS_A_UNIT = 16, 32
"""Carts, and their skus, that are looked through with one unit of work (see `Effects.work`)."""
UNNAMED = ""
"""The one sku that events without a sku speak of."""


class Carts(Machine):
    """The machine of carts; `purchases` tells it of orders."""

    tables = (abandonment.TABLE,)

    def handlers(self) -> Mapping[type[Touchpoint], Handler]:
        """Want cart events."""
        return {CartEvent: self.on_cart_event}

    def on_cart_event(
        self, customer: CustomerState, event: CartEvent, attribution: Attribution, effects: Effects
    ) -> None:
        """Apply a change to a cart."""
        cart = cart_of(customer, event.cart_id, attribution)
        began = cart.attribution
        is_same = (attribution.channel, attribution.journey) == (began.channel, began.journey)
        own = None if is_same and attribution.attributes == began.attributes else attribution
        step = CartStep(
            occurred_at=event.occurred_at,
            action=event.action,
            sku=event.sku,
            quantity=event.quantity,
            value_minor=event.value_minor,
            currency=event.currency,
            attribution=own,
        )
        take_step(customer, cart, step, effects)

    def next_deadline(self, customer: CustomerState) -> int:
        """Return when the next cart is abandoned."""
        return abandonment.earliest_deadline(customer.carts)

    def on_deadline(self, customer: CustomerState, at: int, effects: Effects) -> None:
        """Abandon every cart whose deadline is `at`."""
        for cart in customer.carts.values():
            if cart.deadline == at:
                abandon(customer, cart, at, effects)

    def forget(self, customer: CustomerState, now: int) -> int:
        """Drop the carts that nothing can happen to any more."""
        if not customer.carts:
            return 0
        oldest = now - KEPT_MS
        carts = customer.carts.items()
        # Every touchpoint asks this: the first comparison settles most.
        gone = [
            key for key, one in carts if one.last_at < oldest and one.corrected_at < oldest and is_past(one, oldest)
        ]
        for key in gone:
            del customer.carts[key]
        dropped = drop_oldest(customer.carts)
        if len(customer.carts) > ALL_STEPS_MAX // STEPS_MAX:
            _settle_oldest(customer)
        return dropped

    def kept(self, customer: CustomerState) -> dict[str, Cart]:
        """Return the carts."""
        return customer.carts

    def shed(self, customer: CustomerState) -> None:
        """Drop the events of the older half of the carts that have any; where none has, the older half of the carts."""
        replayable = [cart for cart in customer.carts.values() if cart.steps]
        for cart in replayable[: (len(replayable) + 1) // 2]:
            _settle_for_good(cart)
        if not replayable:
            super().shed(customer)

    def report(self, customer: CustomerState, _table: str, key: EntityKey, effects: Effects) -> None:
        """Put an abandoned cart's row among the effects."""
        cart_id = key[1]
        for cart in customer.carts.values():
            if cart.cart_id == cart_id and cart.abandoned_as is not None and row_key(cart) == key:
                put_row(cart, effects)


def cart_of(customer: CustomerState, cart_id: str, attribution: Attribution) -> Cart:
    """Return a customer's cart; one that is not known, or in which nothing has happened for long, begins here."""
    put_away(customer, cart_id, attribution.at)
    cart = customer.carts.get(cart_id)
    if cart is None:
        cart = customer.carts[cart_id] = Cart(attribution, cart_id, last_at=attribution.at)
    return cart


def put_away(customer: CustomerState, cart_id: str, now: int) -> None:
    """Let an id be another cart's where the one that it names is over: in that nothing has happened for long."""
    cart = customer.carts.get(cart_id)
    if cart is not None and _is_over(cart, now - KEPT_MS):
        customer.carts[f"{cart_id} {cart.attribution.at}"] = cart
        del customer.carts[cart_id]


def take_step(customer: CustomerState, cart: Cart, step: CartStep, effects: Effects) -> None:
    """Apply an event to its cart. After its order, a cart's further events change nothing."""
    if len(cart.steps) == STEPS_MAX:
        _settle_for_good(cart)
    if not cart.is_settled:
        cart.steps.append(step)
    if not is_converted(cart):
        _apply(customer, cart, step, effects)


def place_order(customer: CustomerState, order: Order, effects: Effects, *, opens: bool = True) -> None:
    """Convert the carts of an order, and recover the rows of abandoned ones that are not its own.

    Args:
        opens: whether a cart that was unknown is known to be ordered by the order that names it.
    """
    effects.work += len(customer.carts) // CARTS_A_UNIT
    if order.cart_id and (opens or order.cart_id in customer.carts):
        cart_of(customer, order.cart_id, order.attribution)
    for key, cart in customer.carts.items():
        # Most carts were ordered; asked here, as a call for each of them costs more than the order itself.
        if cart.status != "ordered" and not is_converted(cart):
            meet_order(customer, cart, order, effects, is_named=key == order.cart_id)


def meet_order(customer: CustomerState, cart: Cart, order: Order, effects: Effects, *, is_named: bool) -> None:
    """Apply an order to one cart that is no order's yet."""
    at = order.attribution.at
    effects.work += len(cart.skus) // SKUS_A_UNIT
    if is_named:
        _convert(customer, cart, effects, by="cart_id", at=at)
    elif at - KEPT_MS <= cart.last_at and _holds_all_of(order, cart):
        _convert(customer, cart, effects, by="skus", at=at)
    elif abandonment.recover_by_order(customer, cart, at):
        put_row(cart, effects)


def _apply(customer: CustomerState, cart: Cart, step: CartStep, effects: Effects) -> None:
    cart.last_at = step.occurred_at
    _update_contents(cart, step)
    filled = _is_filled(cart)
    if filled and not cart.counted:
        cart.counted = True
        effects.change(CART_ABANDONMENT_RATE, cart.attribution, n=1, numerator=0)
    if step.action == "ordered":
        _convert(customer, cart, effects, by="cart_id", at=step.occurred_at)
        return
    cart.deadline = step.occurred_at + SILENCE_MS if filled else 0
    if cart.status == "open" and _is_just_ordered(customer, cart, effects):
        _convert(customer, cart, effects, by="skus", at=step.occurred_at)


def _settle_for_good(cart: Cart) -> None:
    cart.is_settled = True
    cart.steps.clear()


def _settle_oldest(customer: CustomerState) -> None:
    """Keep the events of the newest carts."""
    kept = 0
    for cart in reversed(customer.carts.values()):
        kept += len(cart.steps)
        if kept > ALL_STEPS_MAX:
            _settle_for_good(cart)


def _last_step_at(cart: Cart) -> int:
    """Return the time of a cart's last event, also of one that its order made ineffective."""
    return cart.steps[-1].occurred_at if cart.steps else 0


def _is_over(cart: Cart, before: int) -> bool:
    """Return whether nothing has happened in a cart since `before`, ms, and nothing is due."""
    return not cart.deadline and max(cart.last_at, cart.abandoned_at, cart.recovered_at or 0) < before


def is_past(cart: Cart, before: int) -> bool:
    """Return whether a cart is over, and no event of it, also none that changed nothing, came since `before`, ms."""
    return _last_step_at(cart) < before and _is_over(cart, before)


def is_converted(cart: Cart) -> bool:
    """Return whether a cart is an order's: nothing changes it any more."""
    return cart.status == "ordered" or (cart.status == "recovered" and cart.recovered_by != "order")


def _is_filled(cart: Cart) -> bool:
    return bool(cart.skus) or cart.unlisted


def _holds_all_of(order: Order, cart: Cart) -> bool:
    """Return whether an order that names no cart holds all skus of one.

    A cart with nothing in it, or with something that has no name, is no order's.
    """
    if order.cart_id or not order.skus or not cart.skus or UNNAMED in cart.skus:
        return False
    skus = order.skus
    if len(cart.skus) > len(skus):
        return False
    # An order's skus are sorted.
    return all(skus[min(bisect_left(skus, sku), len(skus) - 1)] == sku for sku in cart.skus)


def _is_just_ordered(customer: CustomerState, cart: Cart, effects: Effects) -> bool:
    """Return whether an order that holds all of a cart was placed shortly before the cart's first event."""
    began_at = cart.attribution.at
    for number, order in enumerate(reversed(customer.orders.values()), start=1):
        if number % SKUS_A_UNIT == 0:
            effects.work += 1 + len(cart.skus) // SKUS_A_UNIT
        if order.attribution.at < began_at - AFTER_ORDER_MS:
            return False
        if order.amount_minor and order.attribution.at < began_at and _holds_all_of(order, cart):
            return True
    return False


def _update_contents(cart: Cart, step: CartStep) -> None:
    """Change what a cart holds; what is not in it cannot be taken out of it."""
    skus, sku = cart.skus, step.sku or UNNAMED
    emptied = False
    if step.action == "item_added" and step.quantity:
        skus[sku] = min(skus.get(sku, 0) + step.quantity, LARGEST_AMOUNT)
        drop_oldest(skus, SKUS_MAX)
    elif step.action == "item_removed" and sku in skus:
        skus[sku] -= step.quantity
        if skus[sku] <= 0:
            del skus[sku]
            emptied = not skus
    elif step.action == "cleared":
        skus.clear()
    elif step.action == "checkout_started":
        cart.checkout = True
    # A source that leaves the value out sends 0, the field's default: what is still in the cart keeps its value. A cart
    # of a stated value is not empty, whatever is known of its skus, unless it was cleared.
    if step.action == "cleared":
        cart.value_minor, cart.unlisted = 0, False
    elif step.value_minor:
        cart.value_minor, cart.unlisted = step.value_minor, not skus
    elif emptied and not cart.unlisted:
        cart.value_minor = 0
    cart.currency = step.currency or cart.currency


def abandon(customer: CustomerState, cart: Cart, at: int, effects: Effects) -> None:
    """Abandon a cart whose deadline is `at`."""
    cart.deadline = 0
    cart.abandoned_at = at
    cart.abandoned_as = AbandonedCart("checkout" if cart.checkout else "cart", cart.value_minor, cart.currency)
    if cart.status == "open":
        effects.change(CART_ABANDONMENT_RATE, cart.attribution, n=0, numerator=1)
    if cart.status != "abandoned":
        cart.status, cart.recovered_by, cart.recovered_at = "abandoned", None, None
        abandonment.count_in_journey(customer, cart)
    put_row(cart, effects)


def _convert(customer: CustomerState, cart: Cart, effects: Effects, *, by: RecoveredBy, at: int) -> None:
    if cart.status == "open":
        cart.status = "ordered"
    elif at > cart.abandoned_at + RECOVERY_MS:
        return
    else:
        if cart.status == "abandoned":
            abandonment.take_from_journey(customer, cart)
        effects.change(CART_ABANDONMENT_RATE, cart.attribution, n=0, numerator=-1)
        cart.status, cart.recovered_by, cart.recovered_at = "recovered", by, at
        put_row(cart, effects)
    cart.deadline = 0
    cart.last_at = max(cart.last_at, at)


def put_row(cart: Cart, effects: Effects) -> None:
    """Put the row of a cart that was abandoned among the effects."""
    abandonment.put_row(effects, "cart", cart.cart_id, cart, cart.attribution.at, cart.abandoned_as)


def row_key(cart: Cart) -> EntityKey:
    """Return the key of a cart's row."""
    return abandonment.key_of("cart", cart.cart_id, cart.attribution.at)
