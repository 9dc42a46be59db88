"""Corrected orders: what a customer's carts would be, had the orders always been as they now are.

An order that is cancelled, placed after all, or said to be of another cart changes what became of carts before: one
that it converted may have been abandoned since, and two may be one. So the carts are replayed from their events beside
the orders, and what differs is sent: rows as they now are, and the difference of the metric, which counts while the
bucket of the cart's first event can be restated.
"""

from __future__ import annotations

from heapq import heappop, heappush

from msgspec.structs import replace

from schemas.metrics import CART_ABANDONMENT_RATE
from schemas.rows import Row
from streams.journeys import abandonment, carts
from streams.journeys.effects import Effects, EntityKey
from streams.journeys.state import NEVER, STATE_MAX_BYTES, Attribution, Cart, CartStep, CustomerState, Journey, Order

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
    orders = list(customer.orders.values())
    most = min(ORDERS_MAX, PAIRS_MAX // max(1, len(customer.carts)))
    # In the order of their times: what is no longer looked at was placed before what is.
    unknown_until = orders[-most - 1].attribution.at if len(orders) > most else customer.orders_forgotten_at
    began_after = unknown_until + carts.AFTER_ORDER_MS if unknown_until else -1
    settled = {cart.cart_id for cart in customer.carts.values() if cart.is_settled or cart.attribution.at < began_after}
    before = {key: cart for key, cart in customer.carts.items() if cart.cart_id not in settled}
    after = _replayed(before, orders[-most:], corrected, effects)
    kept = {key: cart for key, cart in customer.carts.items() if cart.cart_id in settled}
    effects.work += len(customer.carts) // STEPS_A_UNIT
    # One cart may have become many: `bounds` has to measure.
    customer.most_bytes = STATE_MAX_BYTES
    customer.carts = dict(sorted({**kept, **after}.items(), key=lambda item: item[1].attribution.at))
    keep(customer, corrected, effects)
    _correct_rows(before, after, effects)
    _correct_counts(before, after, effects)
    if customer.journey is not None:
        customer.journey.abandoned += _abandoned_in(customer.journey, after) - _abandoned_in(customer.journey, before)


def keep(customer: CustomerState, corrected: Order, effects: Effects) -> None:
    """Keep the carts that a corrected order can touch: it may be placed, or cancelled, once more."""
    effects.work += len(customer.carts) // carts.CARTS_A_UNIT
    for cart in customer.carts.values():
        if not cart.is_settled:
            abandonment.keep(cart, max(cart.last_at, cart.abandoned_at), corrected, effects.now)


def _replayed(before: Carts, orders: list[Order], corrected: Order, effects: Effects) -> Carts:
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
    # Of one millisecond, the events of a cart come before an order, as in `order.rank_of`.
    return sorted([*steps, *placed], key=lambda one: (one[0], isinstance(one[1], Order)))


def _fire_timers(customer: CustomerState, deadlines: Deadlines, until: int, effects: Effects) -> None:
    while deadlines and deadlines[0][0] <= until:
        at, _, cart = heappop(deadlines)
        # A later event may have moved the deadline, or an order ended it.
        if cart.deadline == at:
            effects.now = at
            carts.abandon(customer, cart, at, effects)


def _correct_rows(before: Carts, after: Carts, effects: Effects) -> None:
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


def _correct_counts(before: Carts, after: Carts, effects: Effects) -> None:
    was = {carts.row_key(cart): cart for cart in before.values() if cart.counted}
    now = {carts.row_key(cart): cart for cart in after.values() if cart.counted}
    for key in sorted(was.keys() | now.keys()):
        if key in was and key in now and _counts(was[key]) == _counts(now[key]):
            continue
        for known, sign in ((was, -1), (now, 1)):
            if key in known:
                attribution, is_left = _counts(known[key])
                effects.change(CART_ABANDONMENT_RATE, attribution, n=sign, numerator=sign * is_left)


def _counts(cart: Cart) -> tuple[Attribution, bool]:
    """Return where the rate counts a cart, and whether as one that was left."""
    is_left = cart.status == "abandoned" or (cart.status == "recovered" and cart.recovered_by == "order")
    return cart.attribution, is_left


def _abandoned_in(journey: Journey, known: Carts) -> int:
    return sum(cart.status == "abandoned" and cart.attribution.journey == journey.number for cart in known.values())
