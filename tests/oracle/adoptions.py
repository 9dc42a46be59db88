"""Carts of guests who log in: whose they are then, and what became of them. Plain lists, and every cart anew.

A profile's carts are its owner's from the moment on from which the owner owns what it does. A cart that no order of the
profile's has ordered or recovered is then what all of its events are beside the owner's orders. Another one is what it
was, and goes on with the owner's later orders and events.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from tests.oracle.carts import Cart, carts_of, just_before, named_cart, place
from tests.oracle.facts import Fact, is_cancelled, orders_of
from tests.oracle.touchpoints import DAY, Parting, Touch

MONTH = 30 * DAY


class Account(Protocol):
    """What one customer has of some kind, told in the order of time."""

    def take(self, touch: Touch) -> None:
        """Take the customer's next touchpoint."""

    def leave(self, parting: Parting) -> Any:
        """Let go what is the owner's from now on."""

    def adopt(self, coming: Any, now: int) -> None:
        """Take what has left a profile."""


A = TypeVar("A", bound=Account)


class Event(NamedTuple):
    """What happens next: who leaves does so before what happens in the same millisecond."""

    order: tuple[int, int, str]
    what: Touch | Parting


def told(make: Callable[[], A], touches: Iterable[Touch], partings: Iterable[Parting]) -> dict[str, A]:
    """Return the customers' accounts of all that happens; a touchpoint's `customer` is in whose journeys it is."""
    found: dict[str, A] = defaultdict(make)
    events = [Event(touch.order, touch) for touch in touches]
    events += [Event((parting.at, -1, ""), parting) for parting in partings]
    for _, what in sorted(events, key=lambda event: event.order):
        if isinstance(what, Touch):
            found[what.customer].take(what)
        elif what.profile in found:
            found[what.owner].adopt(found[what.profile].leave(what), what.at)
    return found


def accounts(touches: Iterable[Touch], partings: Iterable[Parting], now: int) -> dict[str, Carts]:
    """Return the carts that each customer has at a time (ms)."""
    known = list(touches)
    of_customers: dict[str, list[Touch]] = defaultdict(list)
    for touch in sorted(known, key=lambda touch: touch.order):
        of_customers[touch.customer].append(touch)
    orders = [order for of_one in of_customers.values() for order in orders_of(of_one)]
    placed = {order.first.event_id: order for order in orders if not is_cancelled(order.holding)}
    found = told(lambda: Carts(placed), known, partings)
    for account in found.values():
        for one in account.all():
            one.cart.pass_time(now)
    return found


@dataclass
class Known:
    """A cart, and the events that it was made of; `is_frozen` where an order of a former owner's is in it."""

    name: str
    cart: Cart
    touches: list[Touch]
    is_frozen: bool = False

    @property
    def happened_at(self) -> int:
        """When something last happened to it, ms."""
        was = self.cart.abandoned
        ends = (was.abandoned_at, was.recovered_at or 0) if was is not None else ()
        return max(self.cart.last.at, self.cart.converted_at, *ends, 0)

    @property
    def is_touched(self) -> bool:
        """Whether an order has ordered or recovered it."""
        was = self.cart.abandoned
        return self.cart.ordered or (was is not None and was.recovered_at is not None)

    def is_over(self, now: int) -> bool:
        """Whether it is forgotten: also an event that its order made ineffective keeps it for a while.

        Of a cart that a former owner's order is in nobody keeps the events.
        """
        kept = [] if self.is_frozen else self.touches
        return self.cart.is_over(now) and now > max((touch.at for touch in kept), default=0) + MONTH


@dataclass
class Carts:
    """A customer's carts.

    `placed` has everybody's orders that were not cancelled, by the event ids of their first statements.
    """

    placed: dict[str, Fact]
    open: dict[str, Known] = field(default_factory=dict)
    beside: list[Known] = field(default_factory=list)
    """Carts whose ids were used again."""
    left: list[Known] = field(default_factory=list)
    """Those that have left, as they were then."""
    _orders: list[Fact] = field(default_factory=list)

    def take(self, touch: Touch) -> None:
        """Take the customer's next touchpoint."""
        if touch.kind == "cart_event":
            self._begin_anew(touch.subject, touch.at)
            known = self.open.setdefault(touch.subject, Known(touch.subject, Cart(touch, touch), []))
            known.touches.append(touch)
            known.cart.apply(touch)
            if known.cart.abandoned is None and any(just_before(order, known.cart) for order in self._orders):
                known.cart.convert(touch.at, "skus")
        elif touch.event_id in self.placed:
            order = self.placed[touch.event_id]
            self._orders.append(order)
            name = named_cart(order)
            self._begin_anew(name, touch.at)
            if name:
                self.open.setdefault(name, Known(name, Cart(touch, touch), []))
            for key, known in [*self.open.items(), *(("", one) for one in self.beside)]:
                place(order, known.cart, is_named=bool(name) and key == name)

    def all(self) -> list[Known]:
        """Return all carts."""
        return [*self.open.values(), *self.beside]

    def leave(self, parting: Parting) -> list[Known]:
        """Let the carts go that are the owner's."""
        for known in self.all():
            known.cart.pass_time(parting.at)
        gone = [one for one in self.all() if one.cart.first.at >= parting.began and not one.is_over(parting.at)]
        self.open = {name: one for name, one in self.open.items() if one not in gone}
        self.beside = [one for one in self.beside if one not in gone]
        self.left += deepcopy(gone)
        return gone

    def adopt(self, coming: list[Known], now: int) -> None:
        """Take a profile's carts; those of the customer's own that are over by then stay as they are."""
        for one in coming:
            one.is_frozen = one.is_frozen or one.is_touched
        known = [one for one in self.all() if not one.is_over(now)]
        frozen = {one.name for one in [*coming, *known] if one.is_frozen}
        for name in dict.fromkeys(one.name for one in coming if one.name not in frozen):
            own = [one for one in known if one.name == name]
            self.open = {key: one for key, one in self.open.items() if one not in own}
            self.beside = [one for one in self.beside if one not in own]
            of_name = [*own, *(one for one in coming if one.name == name)]
            for cart in self._anew(name, [touch for one in of_name for touch in one.touches], now):
                self._put(cart, now)
        for one in coming:
            if one.name in frozen:
                self._put(one, now)
                since = one.happened_at
                for order in self._orders:
                    if order.first.at >= since:
                        place(order, one.cart, is_named=named_cart(order) == one.name)

    def _begin_anew(self, name: str, now: int) -> None:
        if name in self.open and self.open[name].cart.is_over(now):
            self.beside.append(self.open.pop(name))

    def _put(self, known: Known, now: int) -> None:
        self._begin_anew(known.name, now)
        if known.name in self.open:
            self.beside.append(known)
        else:
            self.open[known.name] = known

    def _anew(self, name: str, touches: list[Touch], now: int) -> list[Known]:
        """Return what events of one cart are beside the orders, the last first: it goes on under the name."""
        naming = {order.first.event_id for order in self._orders if named_cart(order) == name}
        events = sorted([*touches, *(order.first for order in self._orders)], key=lambda touch: touch.order)
        made = [
            cart
            for cart in carts_of(events, self._orders, now)
            if cart.first in touches or cart.first.event_id in naming
        ]
        found: list[Known] = []
        for number, cart in enumerate(made):
            until = made[number + 1].first.at if number + 1 < len(made) else now
            of_it = [touch for touch in touches if cart.first.at <= touch.at and (touch.at < until or until == now)]
            found.insert(0, Known(name, cart, sorted(of_it, key=lambda touch: touch.order)))
        return found
