"""Corrected orders: what a customer's carts would be, had the orders always been as they now are.

An order that is cancelled, placed after all, or said to be of another cart changes what became of carts before: one
that it converted may have been abandoned since, and two may be one. So the carts are replayed from their events beside
the orders, and what differs is sent: rows as they now are, and the difference of the metric, which counts while the
bucket of the cart's first event can be restated.
"""

from __future__ import annotations

from heapq import heappop, heappush

from msgspec.structs import replace

from schemas.kinds.cart_event import CartEvent
from schemas.metrics import CART_ABANDONMENT_RATE
from schemas.rows import Row
from streams.journeys import abandonment, carts
from streams.journeys.effects import Effects, EntityKey
from streams.journeys.order import rank_of_action
from streams.journeys.state import NEVER, STATE_MAX_BYTES, Attribution, Cart, CartStep, CustomerState, Journey, Order

CART = CartEvent.kind
Carts = dict[str, Cart]
Deadlines = list[tuple[int, int, Cart]]
"""A heap: when a cart may be abandoned, ms; a number of its own, as carts have no order; the cart."""

ORDERS_MAX = 100
PAIRS_MAX = 1_250
"""Orders that carts are replayed beside, and orders times carts: each order looks at each cart.

Orders before the last ones are as if they were known no more."""
STEPS_A_UNIT = 2
"""Events, carts and orders that are replayed with one unit of work (see `Effects.work`)."""


def correct_order(customer: CustomerState, corrected: Order, effects: Effects) -> None:
    """Replay a customer's carts up to `effects.now`, as an order is no longer what it was.

    A cart stays as it is that is settled, or that an order may have touched that is no longer known.
    """
    orders = replayed_orders(customer, len(customer.carts))
    unknown_until = customer.orders_forgotten_at
    if len(orders) < len(customer.orders):
        # In the order of their times: what is no longer looked at was placed before what is.
        unknown_until = list(customer.orders.values())[-len(orders) - 1].attribution.at
    began_after = unknown_until + carts.AFTER_ORDER_MS if unknown_until else -1
    settled = {cart.cart_id for cart in customer.carts.values() if cart.is_settled or cart.attribution.at < began_after}
    before = {key: cart for key, cart in customer.carts.items() if cart.cart_id not in settled}
    after = replayed(before, orders, corrected, effects)
    kept = {key: cart for key, cart in customer.carts.items() if cart.cart_id in settled}
    effects.work += len(customer.carts) // STEPS_A_UNIT
    # One cart may have become many: `bounds` has to measure.
    customer.most_bytes = STATE_MAX_BYTES
    customer.carts = dict(sorted({**kept, **after}.items(), key=lambda item: item[1].attribution.at))
    keep(customer, corrected, effects)
    correct_rows(before, after, effects)
    correct_counts(before, after, effects)
    correct_journey(customer, before, after)


def replayed_orders(customer: CustomerState, carts_replayed: int) -> list[Order]:
    """Return the orders that so many carts are replayed beside: the last ones."""
    most = min(ORDERS_MAX, PAIRS_MAX // max(1, carts_replayed))
    return list(customer.orders.values())[-most:]


def keep(customer: CustomerState, corrected: Order, effects: Effects) -> None:
    """Keep the carts that a corrected order can touch: it may be placed, or cancelled, once more."""
    effects.work += len(customer.carts) // carts.CARTS_A_UNIT
    for cart in customer.carts.values():
        if not cart.is_settled:
            abandonment.keep(cart, max(cart.last_at, cart.abandoned_at), corrected, effects.now)


def replayed(before: Carts, orders: list[Order], corrected: Order | None, effects: Effects) -> Carts:
    """Return what carts become of their events beside orders, by `effects.now`.

    Args:
        corrected: of the orders, the one that is no longer what it was.
    """
    customer, unsent = CustomerState(), effects.fresh()
    began: dict[str, int] = {}
    for cart in before.values():
        began[cart.cart_id] = min(cart.attribution.at, began.get(cart.cart_id, cart.attribution.at))
    deadlines: Deadlines = []
    events = _in_order(before, orders)
    for number, (at, what, was) in enumerate(events):
        _fire_timers(customer, deadlines, at, unsent)
        unsent.now = at
        if isinstance(what, Order):
            customer.orders[str(number)] = what
            # What another order named before the first cart of this name is over, and forgotten.
            opens = what is corrected or began.get(what.cart_id, NEVER) <= at
            carts.place_order(customer, what, unsent, opens=opens)
        elif was is not None:
            attribution = what.attribution or replace(was.attribution, at=at)
            cart = carts.cart_of(customer, was.cart_id, attribution)
            carts.take_step(customer, cart, what, unsent)
            if cart.deadline:
                heappush(deadlines, (cart.deadline, number, cart))
    # A deadline that is not due yet stays a deadline.
    _fire_timers(customer, deadlines, min(effects.now, effects.timers_until), unsent)
    effects.work += len(events) // STEPS_A_UNIT + unsent.work
    return customer.carts


def _in_order(before: Carts, orders: list[Order]) -> list[tuple[int, CartStep | Order, Cart | None]]:
    """Return the events of carts, each with its cart, and the orders placed, by their times."""
    steps = [(step.occurred_at, step, cart) for cart in before.values() for step in cart.steps]
    placed = [(order.attribution.at, order, None) for order in orders if order.amount_minor]
    return sorted([*steps, *placed], key=lambda one: (one[0], _rank_of(one[1])))


def _rank_of(what: CartStep | Order) -> int:
    """Return the place in a millisecond, as of touchpoints: events of one cart may be those of two profiles."""
    return rank_of_action("purchase", "placed") if isinstance(what, Order) else rank_of_action(CART, what.action)


def _fire_timers(customer: CustomerState, deadlines: Deadlines, until: int, effects: Effects) -> None:
    while deadlines and deadlines[0][0] <= until:
        at, _, cart = heappop(deadlines)
        # A later event may have moved the deadline, or an order ended it.
        if cart.deadline == at:
            effects.now = at
            carts.abandon(customer, cart, at, effects)


def correct_rows(before: Carts, after: Carts, effects: Effects) -> None:
    """Put among the effects what turns the rows of carts into those that they now have."""
    was, now = _rows(before, effects), _rows(after, effects)
    for key, row in now.items():
        if was.get(key) != row:
            effects.put(abandonment.TABLE, key, row)
    for key in sorted(was.keys() - now.keys()):
        effects.put(abandonment.TABLE, key, replace(was[key], deleted=True))


def _rows(known: Carts, effects: Effects) -> dict[EntityKey, Row]:
    rows = effects.fresh()
    for cart in known.values():
        if cart.abandoned_as is not None:
            carts.put_row(cart, rows)
    return rows.entities.get(abandonment.TABLE, {})


def correct_counts(before: Carts, after: Carts, effects: Effects) -> None:
    """Change the rate by what carts count now and did not before."""
    was, now = _counted(before), _counted(after)
    for key in sorted(was.keys() | now.keys()):
        had, has = was.get(key, []), now.get(key, [])
        for counts, sign in ((had, -1), (has, 1)):
            for attribution, is_left in counts if had != has else ():
                effects.change(CART_ABANDONMENT_RATE, attribution, n=sign, numerator=sign * is_left)


def _counted(known: Carts) -> dict[EntityKey, list[tuple[Attribution, bool]]]:
    """Return where the rate counts carts, by what names their rows: parts of one cart may have begun together."""
    found: dict[EntityKey, list[tuple[Attribution, bool]]] = {}
    for cart in known.values():
        if cart.counted:
            found.setdefault(carts.row_key(cart), []).append(_counts(cart))
    return found


def _counts(cart: Cart) -> tuple[Attribution, bool]:
    """Return where the rate counts a cart, and whether as one that was left."""
    is_left = cart.status == "abandoned" or (cart.status == "recovered" and cart.recovered_by == "order")
    return cart.attribution, is_left


def correct_journey(customer: CustomerState, before: Carts, after: Carts) -> None:
    """Let the journey under way count the carts that are abandoned now."""
    journey = customer.journey
    if journey is not None:
        journey.abandoned += _abandoned_in(journey, after) - _abandoned_in(journey, before)


def _abandoned_in(journey: Journey, known: Carts) -> int:
    return sum(cart.status == "abandoned" and cart.attribution.journey == journey.number for cart in known.values())
