"""Carts and checkouts: abandoned when something lies in them and no order comes within half an hour.

An order converts the cart that it names; else each cart of the customer, from 30 days before to 5 minutes after it, all
of whose skus it holds. These carts leave the abandonment rate. Any other order within 30 days recovers an abandoned
cart's row, and leaves the rate alone: a grocer's customers order every week, whatever they leave in a cart.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.kinds.cart_event import CartEvent
from schemas.kinds.touchpoint import Touchpoint
from schemas.metrics import CART_ABANDONMENT_RATE
from schemas.units import DAY_MS, MINUTE_MS
from streams.journeys import abandonment
from streams.journeys.effects import Effects, EntityKey
from streams.journeys.machine import Handler, Machine, drop_oldest
from streams.journeys.state import (
    RECOVERY_MS,
    AbandonedCart,
    Attribution,
    Cart,
    CartStep,
    Conversion,
    CustomerState,
    Order,
    RecoveredBy,
)

SILENCE_MS = 30 * MINUTE_MS
"""How long after its last event a cart counts as abandoned."""
BEFORE_ORDER_MS = 30 * DAY_MS
AFTER_ORDER_MS = 5 * MINUTE_MS
"""How long before an order, and after it, a cart may have its last, and its first, event to be the order's."""
SKUS_MAX = 100
"""Skus of one cart that are kept: of more, the oldest go."""
LATER_MAX = 50
"""Events of a cart that are kept after its order: of more, the newest are left out."""
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
        """Apply a change to a cart. After its order, a cart's further events change nothing."""
        cart = _cart(customer, event.cart_id, attribution)
        if not _is_converted(cart):
            _apply(customer, event.cart_id, cart, event, effects)
        elif cart.conversion is not None and cart.conversion.order_id and len(cart.later) < LATER_MAX:
            step = CartStep(
                occurred_at=event.occurred_at,
                action=event.action,
                sku=event.sku,
                quantity=event.quantity,
                value_minor=event.value_minor,
                currency=event.currency,
            )
            cart.later.append(step)

    def next_deadline(self, customer: CustomerState) -> int:
        """Return when the next cart is abandoned."""
        return abandonment.earliest_deadline(customer.carts)

    def on_deadline(self, customer: CustomerState, at: int, effects: Effects) -> None:
        """Abandon every cart whose deadline is `at`."""
        for cart_id, cart in customer.carts.items():
            if cart.deadline == at:
                _abandon(customer, cart_id, cart, at, effects)

    def forget(self, customer: CustomerState, now: int) -> None:
        """Drop carts past their recovery."""
        if customer.carts:
            abandonment.forget_old(customer.carts, now)
            drop_oldest(customer.carts)

    def report(self, customer: CustomerState, _table: str, key: EntityKey, effects: Effects) -> None:
        """Put an abandoned cart's row among the effects."""
        family, cart_id, _ = key
        if family == "cart" and (cart := customer.carts.get(cart_id)) and cart.abandoned_as is not None:
            _put_row(cart_id, cart, effects)


def place_order(customer: CustomerState, order_id: str, order: Order, effects: Effects) -> None:
    """Convert the carts of an order, and recover the rows of abandoned ones that are not its own.

    A cart that was unknown is known to be ordered by the order that names it.
    """
    if order.cart_id:
        _cart(customer, order.cart_id, order.attribution)
    for cart_id, cart in customer.carts.items():
        # Most carts were ordered; asked here, as a call for each of them costs more than the order itself.
        if cart.status != "ordered":
            _settle(customer, cart_id, cart, order_id, order, effects)


def take_back_order(customer: CustomerState, order_id: str, effects: Effects) -> None:
    """Undo what an order did to carts, as it was cancelled or corrected; the orders as they now are settle those."""
    freed: list[str] = []
    for cart_id, cart in customer.carts.items():
        if cart.conversion is not None and cart.conversion.order_id == order_id:
            _take_back(customer, cart_id, cart, cart.conversion, effects)
            freed.append(cart_id)
        elif cart.recovered_by == "order" and cart.recovered_order == order_id:
            _abandon_again(customer, cart_id, cart, effects)
            freed.append(cart_id)
    for cart_id in freed:
        for other_id, other in customer.orders.items():
            if other.amount_minor:
                _settle(customer, cart_id, customer.carts[cart_id], other_id, other, effects)


def _settle(customer: CustomerState, cart_id: str, cart: Cart, order_id: str, order: Order, effects: Effects) -> None:
    """Apply an order to one cart. Only abandonments before the order are recovered by it."""
    if _is_converted(cart):
        return
    at = order.attribution.at
    if order.cart_id == cart_id:
        _convert(customer, cart_id, cart, effects, by="cart_id", order_id=order_id, at=at)
    elif _holds_all_of(order, cart) and at - BEFORE_ORDER_MS <= cart.last_at <= at:
        _convert(customer, cart_id, cart, effects, by="skus", order_id=order_id, at=at)
    elif abandonment.recover_by_order(customer, cart, order_id, at):
        _put_row(cart_id, cart, effects)


def _apply(customer: CustomerState, cart_id: str, cart: Cart, event: CartEvent | CartStep, effects: Effects) -> None:
    cart.last_at = event.occurred_at
    _update_contents(cart, event)
    filled = _is_filled(cart)
    if filled and not cart.counted:
        cart.counted = True
        effects.change(CART_ABANDONMENT_RATE, cart.attribution, n=1, numerator=0)
    if event.action == "ordered":
        _convert(customer, cart_id, cart, effects, by="cart_id", order_id="", at=event.occurred_at)
        return
    cart.deadline = event.occurred_at + SILENCE_MS if filled else 0
    if cart.status == "open" and (order_id := _order_just_placed(customer, cart)) is not None:
        _convert(customer, cart_id, cart, effects, by="skus", order_id=order_id, at=event.occurred_at)


def _cart(customer: CustomerState, cart_id: str, attribution: Attribution) -> Cart:
    cart = customer.carts.get(cart_id)
    if cart is None:
        cart = customer.carts[cart_id] = Cart(attribution=attribution, last_at=attribution.at)
    return cart


def _is_converted(cart: Cart) -> bool:
    return cart.status == "ordered" or (cart.status == "recovered" and cart.recovered_by != "order")


def _is_filled(cart: Cart) -> bool:
    return bool(cart.skus) or cart.unlisted


def _holds_all_of(order: Order, cart: Cart) -> bool:
    """Return whether an order that names no cart holds all skus of one that began before it or shortly after.

    A cart with nothing in it, or with something that has no name, is no order's.
    """
    if order.cart_id or not order.skus or not cart.skus or UNNAMED in cart.skus:
        return False
    began_at, at = cart.attribution.at, order.attribution.at
    # An order that is settled late, after a correction, cannot tell what lay in a cart before its last event.
    is_known = cart.last_at <= at or at < began_at <= at + AFTER_ORDER_MS
    return is_known and all(sku in order.skus for sku in cart.skus)


def _order_just_placed(customer: CustomerState, cart: Cart) -> str | None:
    """Return the order placed so shortly before a cart's first event that the cart is the order's, or None."""
    began_at = cart.attribution.at
    for order_id, order in reversed(customer.orders.items()):
        if order.attribution.at < began_at - AFTER_ORDER_MS:
            return None
        if order.amount_minor and order.attribution.at < began_at and _holds_all_of(order, cart):
            return order_id
    return None


def _update_contents(cart: Cart, event: CartEvent | CartStep) -> None:
    """Change what a cart holds; what is not in it cannot be taken out of it."""
    skus, sku = cart.skus, event.sku or UNNAMED
    emptied = False
    if event.action == "item_added" and event.quantity:
        skus[sku] = skus.get(sku, 0) + event.quantity
        drop_oldest(skus, SKUS_MAX)
    elif event.action == "item_removed" and sku in skus:
        skus[sku] -= event.quantity
        if skus[sku] <= 0:
            del skus[sku]
            emptied = not skus
    elif event.action == "cleared":
        skus.clear()
    elif event.action == "checkout_started":
        cart.checkout = True
    # A source that leaves the value out sends 0, the field's default: what is still in the cart keeps its value. A cart
    # of a stated value is not empty, whatever is known of its skus, unless it was cleared.
    if event.action == "cleared":
        cart.value_minor, cart.unlisted = 0, False
    elif event.value_minor:
        cart.value_minor, cart.unlisted = event.value_minor, not skus
    elif emptied and not cart.unlisted:
        cart.value_minor = 0
    cart.currency = event.currency or cart.currency


def _abandon(customer: CustomerState, cart_id: str, cart: Cart, at: int, effects: Effects) -> None:
    cart.deadline = 0
    cart.abandoned_at = at
    cart.abandoned_as = AbandonedCart("checkout" if cart.checkout else "cart", cart.value_minor, cart.currency)
    if cart.status == "open":
        effects.change(CART_ABANDONMENT_RATE, cart.attribution, n=0, numerator=1)
    if cart.status != "abandoned":
        abandonment.abandon_again(customer, cart)
    _put_row(cart_id, cart, effects)


def _convert(
    customer: CustomerState, cart_id: str, cart: Cart, effects: Effects, *, by: RecoveredBy, order_id: str, at: int
) -> None:
    was_open = cart.status == "open"
    if not was_open and at > cart.abandoned_at + RECOVERY_MS:
        return
    if cart.status == "abandoned":
        abandonment.take_from_journey(customer, cart)
    if not was_open:
        effects.change(CART_ABANDONMENT_RATE, cart.attribution, n=0, numerator=-1)
    if was_open or at < cart.abandoned_at:
        cart.conversion = Conversion(order_id, cart.deadline if was_open else cart.abandoned_at)
        if not was_open:
            # A correction has turned an order from before the abandonment into the cart's.
            _put_row(cart_id, cart, effects, deleted=True)
            cart.abandoned_as = None
        cart.status, cart.recovered_by, cart.recovered_at = "ordered", None, None
    else:
        # It may have been taken up again since it was abandoned: then a deadline runs.
        cart.conversion = Conversion(order_id, cart.deadline)
        cart.status, cart.recovered_by, cart.recovered_at = "recovered", by, at
        _put_row(cart_id, cart, effects)
    cart.deadline = 0
    cart.last_at = max(cart.last_at, at)


def _take_back(customer: CustomerState, cart_id: str, cart: Cart, was: Conversion, effects: Effects) -> None:
    """Make a cart what it would be without the order that converted it."""
    later, cart.later, cart.conversion = cart.later, [], None
    if cart.status == "recovered":
        effects.change(CART_ABANDONMENT_RATE, cart.attribution, n=0, numerator=1)
        _abandon_again(customer, cart_id, cart, effects)
    else:
        cart.status = "open"
    cart.deadline = was.deadline
    for step in later:
        _abandon_if_due(customer, cart_id, cart, step.occurred_at, effects)
        if not _is_converted(cart):
            _apply(customer, cart_id, cart, step, effects)
    _abandon_if_due(customer, cart_id, cart, effects.now, effects)


def _abandon_if_due(customer: CustomerState, cart_id: str, cart: Cart, now: int, effects: Effects) -> None:
    if cart.deadline and cart.deadline <= now:
        _abandon(customer, cart_id, cart, cart.deadline, effects)


def _abandon_again(customer: CustomerState, cart_id: str, cart: Cart, effects: Effects) -> None:
    """Make a recovered cart an abandoned one: the order that recovered it was taken back."""
    abandonment.abandon_again(customer, cart)
    _put_row(cart_id, cart, effects)


def _put_row(cart_id: str, cart: Cart, effects: Effects, *, deleted: bool = False) -> None:
    began_at = cart.attribution.at
    abandonment.put_row(effects, "cart", cart_id, cart, began_at, cart.abandoned_as, deleted=deleted)
