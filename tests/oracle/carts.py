"""Carts: what is in them, whether they were abandoned, and which order converts them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.oracle.abandonments import Abandonment
from tests.oracle.facts import Fact, is_cancelled
from tests.oracle.touchpoints import DAY, MINUTE, Touch

CART_DEADLINE = 30 * MINUTE
BEFORE = 30 * DAY
"""An order converts by its skus a cart whose last event lies at most so long before it …"""
AFTER = 5 * MINUTE
"""… or one whose first event comes at most so long after it."""


@dataclass
class Cart:
    """What became of one cart."""

    first: Touch
    last: Touch
    contents: dict[str | None, int] = field(default_factory=dict)
    """The quantity of each sku in it, never 0; None is the unnamed sku of item events without one."""
    unlisted: bool = False
    """Whether the last value stated above zero was stated while the contents were empty."""
    held_something: bool = False
    """Whether it was ever not empty."""
    checkout: bool = False
    value: int | None = 0
    currency: str | None = None
    ordered: bool = False
    converted_at: int = 0
    abandoned: Abandonment | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        return not self.contents and not self.unlisted

    @property
    def lost(self) -> bool:
        """Whether the rate counts it as abandoned: also where another order recovered it."""
        return self.abandoned is not None and self.abandoned.recovered_by in {None, "order"}

    def pass_time(self, now: int) -> None:
        """Let the cart's deadline pass, if it lies at or before `now`."""
        deadline = self.last.at + CART_DEADLINE
        known = self.abandoned is not None and self.abandoned.abandoned_at == deadline
        if self.ordered or self.empty or known or deadline > now:
            return
        self.abandoned = Abandonment(
            "checkout" if self.checkout else "cart",
            subject_id=self.first.subject,
            started_at=self.first.at,
            abandoned_at=deadline,
            first=self.first,
            value=self.value,
            currency=self.currency,
        )

    def is_over(self, now: int) -> bool:
        """Whether nothing can happen to it any more: what comes under its id is another cart."""
        self.pass_time(now)
        was = self.abandoned
        changed_at = max(was.abandoned_at, was.recovered_at or 0) if was is not None else 0
        return now > max(self.last.at, changed_at, self.converted_at) + BEFORE

    def convert(self, at: int, by: str) -> None:
        """Take the order of this cart: in time, or to recover it; one that comes too late is no longer its order."""
        self.pass_time(at)
        if self.abandoned is not None and not self.ordered and at > self.abandoned.abandoned_at + BEFORE:
            return
        if self.abandoned is not None and not self.ordered:
            self.abandoned.recover(at, by)
        self.ordered = True
        self.converted_at = self.converted_at or at

    def other_order(self, at: int) -> None:
        """Take an order that does not convert this cart."""
        self.pass_time(at)
        if self.abandoned is not None and not self.ordered:
            self.abandoned.recover(at, "order")

    def apply(self, touch: Touch) -> None:
        """Take the cart's next event; after its order nothing changes it any more."""
        self.pass_time(touch.at)
        if self.ordered:
            return
        if touch.action == "ordered":
            self.held_something = self.held_something or bool(touch.value)
            self.convert(touch.at, "cart_id")
            return
        self._change_contents(touch)
        self.held_something = self.held_something or not self.empty
        self.checkout = self.checkout or touch.action == "checkout_started"
        if touch.action == "cleared":
            self.value = 0
        elif touch.value or self.empty:
            self.value = touch.value
        self.currency = touch.currency or self.currency
        self.last = touch

    def _change_contents(self, touch: Touch) -> None:
        sku = touch.record.get("sku") or None
        quantity = touch.record.get("quantity", 1)
        held = self.contents.get(sku, 0)
        if touch.action == "item_added":
            self.contents[sku] = held + quantity
        elif touch.action == "item_removed":
            self.contents[sku] = max(0, held - quantity)
        elif touch.action == "cleared":
            self.contents.clear()
            self.unlisted = False
        self.contents = {name: count for name, count in self.contents.items() if count}
        if touch.value and touch.action != "cleared":
            self.unlisted = not self.contents

    def is_covered_by(self, order: Fact) -> bool:
        """Whether the order holds all skus of this cart, in any quantity; no order holds the unnamed sku."""
        return bool(self.contents) and self.contents.keys() <= _skus_of(order)


def carts_of(touches: list[Touch], orders: list[Fact], now: int) -> list[Cart]:
    """Return one customer's carts as they stand at `now`; `orders` are those that were not cancelled."""
    carts: dict[str, Cart] = {}
    over: list[Cart] = []
    placed = {order.first.event_id: order for order in orders}
    for touch in touches:
        if touch.kind == "cart_event":
            over += _over(touch.subject, touch.at, carts)
            cart = carts.setdefault(touch.subject, Cart(touch, touch))
            cart.apply(touch)
            # An order that came before the cart's abandonment does not recover it.
            if cart.abandoned is None and any(just_before(order, cart) for order in orders):
                cart.convert(touch.at, "skus")
        elif touch.event_id in placed:
            order = placed[touch.event_id]
            over += _over(named_cart(order), touch.at, carts)
            _place(order, carts)
    for cart in carts.values():
        cart.pass_time(now)
    return [*over, *carts.values()]


def counted_carts(touches: list[Touch], orders: list[Fact], now: int) -> Iterator[Cart]:
    """Return one customer's carts as the rate counts them; `orders` are all, also the cancelled ones.

    What happens after the bucket of a cart's first event is final changes rows, and the rate no more.
    """
    told = [touch for touch in touches if touch.kind in {"cart_event", "purchase"}]
    for first, names in _beginnings(told, orders):
        final_at = final_at_of(first)
        known = [Fact([touch for touch in order.statements if touch.at < final_at]) for order in orders]
        placed = [order for order in known if order.statements and not is_cancelled(order.holding)]
        # Carts know orders, and nothing of each other.
        of_it = [touch for touch in told if touch.kind == "purchase" or touch.subject in names]
        before = [touch for touch in of_it if touch.at < final_at]
        carts = carts_of(before, placed, min(now, final_at - 1))
        yield from (cart for cart in carts if cart.first is first and cart.held_something)


def _beginnings(told: list[Touch], orders: list[Fact]) -> Iterator[tuple[Touch, set[str]]]:
    """Give each touchpoint with which a cart may begin, and the names that the cart may have: at least those that do.

    Behind another event of its name one begins no cart, unless what came first under that name is long ago.
    """
    by_first = {order.first.event_id: order for order in orders}
    earliest: dict[str, int] = {}
    seen: set[str] = set()
    for touch in told:
        if touch.kind == "cart_event":
            since = earliest.setdefault(touch.subject, touch.at)
            if touch.subject not in seen or touch.at > since + BEFORE:
                yield touch, {touch.subject}
            seen.add(touch.subject)
        elif touch.event_id in by_first:
            statements = by_first[touch.event_id].statements
            names = {str(stated.record["cart_id"]) for stated in statements if stated.record.get("cart_id")}
            for name in names:
                earliest.setdefault(name, touch.at)
            if names:
                yield touch, names


def final_at_of(first: Touch) -> int:
    """Return when the rate changes no more by the cart that began with a touchpoint, ms."""
    return (first.at // MINUTE + 1) * MINUTE + BEFORE + CART_DEADLINE


def _over(name: str, now: int, carts: dict[str, Cart]) -> list[Cart]:
    """Take out the cart of a name if nothing can happen to it any more: what has its name now is another."""
    known = carts.get(name)
    return [carts.pop(name)] if known is not None and known.is_over(now) else []


def named_cart(order: Fact) -> str:
    """Return the cart that an order names, or nothing: books that know no carts do not un-name the shop's."""
    named = [touch.record["cart_id"] for touch in order.statements if touch.record.get("cart_id")]
    return str(named[-1]) if named else ""


def _skus_of(order: Fact) -> set[str]:
    """Return what an order holds, as the last statement has it that says so."""
    listed = [touch.record["items"] for touch in order.statements if touch.record.get("items")]
    return {item["sku"] for item in listed[-1]} if listed else set()


def just_before(order: Fact, cart: Cart) -> bool:
    """Whether the order names no cart, holds all of this one, and came at most 5 minutes before its first event."""
    in_time = order.first.order < cart.first.order and cart.first.at <= order.first.at + AFTER
    return in_time and not named_cart(order) and cart.is_covered_by(order)


def _place(order: Fact, carts: dict[str, Cart]) -> None:
    name = named_cart(order)
    if name and name not in carts:
        carts[name] = Cart(order.first, order.first)
    for known, cart in carts.items():
        place(order, cart, is_named=bool(name) and known == name)


def place(order: Fact, cart: Cart, *, is_named: bool) -> None:
    """Let an order meet a cart: its own, by its name or by what is in it, or another."""
    at = order.first.at
    if is_named:
        cart.convert(at, "cart_id")
    elif not named_cart(order) and at <= cart.last.at + BEFORE and cart.is_covered_by(order):
        cart.convert(at, "skus")
    else:
        cart.other_order(at)
