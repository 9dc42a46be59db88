"""What people do on the site and in the app: they look, fill carts, order and pay invoices."""

from __future__ import annotations

from dataclasses import dataclass

from touchline.simulate.person import Event, Person
from touchline.simulate.shop import (
    CAMPAIGNS,
    CURRENCY,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    PRODUCTS,
    SECOND_MS,
)

CART_LEFT = 0.70
"""Share of carts that are abandoned at first, as shops commonly see."""
_RESUMED = 0.18
_PAYMENT_FAILS = 0.07
PAGES = {
    "site": ["/", "/about", "/journal/roasting", "/stores"],
    "shop": ["/shop", "/shop/espresso", "/shop/filter", "/shop/gear", "/shop/sale"],
    "help": ["/help/delivery", "/help/returns", "/help/brewing"],
}


@dataclass(frozen=True)
class Order:
    """An order placed at `at`, ms."""

    at: int
    order_id: str
    product: str
    amount_minor: int
    event: Event


def browse(person: Person, at: int, signed_in: bool = True) -> int:
    """Look at some pages from `at` on; return when the visit ends."""
    random = person.random
    for _ in range(random.randint(1, 5)):
        area = random.choice(("site", "shop", "shop", "help"))
        stay = int(random.expovariate(1 / 40) * SECOND_MS) + 2_000
        view(person, at, area, random.choice(PAGES[area]), signed_in=signed_in, duration_ms=stay)
        at += stay
    return at


def view(
    person: Person,
    at: int,
    area: str,
    page: str,
    *,
    action: str = "view",
    signed_in: bool = True,
    duration_ms: int | None = None,
) -> Event:
    """Look at one page. One in a hundred does not load."""
    event = person.add(
        "page_view",
        at,
        "app" if person.on_app else "web",
        identifiers=person.browser(),
        channel="app" if person.on_app else ("portal" if area == "portal" else "web"),
        page=page,
        area=area,
        action=action,
        ok=not person.chance(0.01),
    )
    if duration_ms is not None:
        event["duration_ms"] = duration_ms
    if not signed_in:
        event.pop("customer_id", None)
    return event


def search_in_vain(person: Person, at: int) -> None:
    """Search the shop again and again, from `at` on."""
    for _ in range(person.random.randint(2, 3)):
        view(person, at, "shop", "/shop/search", action="search", duration_ms=8_000)
        at += person.random.randint(8, 40) * SECOND_MS


def manage(person: Person, at: int) -> None:
    """Look after invoices in the client portal."""
    view(person, at, "portal", "/portal/invoices", duration_ms=20_000)
    view(person, at + 25_000, "portal", "/portal/invoice", action="invoice_viewed")
    if person.chance(0.6):
        view(person, at + 70_000, "portal", "/portal/invoice", action="invoice_paid")
    elif person.chance(0.5):
        view(person, at + 60_000, "portal", "/portal/invoice", action="download")


def shop(person: Person, at: int) -> Order | None:
    """Fill a cart from `at` on; return the order, if any, placed at once or days later."""
    random = person.random
    campaign = random.choice(CAMPAIGNS) if person.chance(0.4) else None
    at = browse(person, at, signed_in=person.chance(0.6))
    cart = Cart(person, campaign)
    at = cart.fill(at)
    if not cart.items:
        return None
    # Unhappy customers abandon more carts.
    if not person.chance(CART_LEFT + (0.1 if person.mood(at) < 0 else 0.0)):
        return cart.check_out(at)
    if person.chance(0.4):
        at = cart.start_checkout(at)
        if person.chance(0.15):
            cart.event(at, "payment_failed")
    if person.chance(_RESUMED):
        later = at + int(random.uniform(2 * HOUR_MS, 3 * DAY_MS))
        return cart.check_out(later)
    return None


class Cart:
    """A cart, from its first item to its order.

    Args:
        person: its owner.
        campaign: the campaign that brought the person, if any.
    """

    def __init__(self, person: Person, campaign: str | None) -> None:
        self.person = person
        self.cart_id = person.next_id("k")
        self.items: list[tuple[str, str, int, int]] = []
        self.more = {"campaign": campaign} if campaign else {}
        self.value = 0

    def event(self, at: int, action: str, **fields: object) -> Event:
        """Add a change of the cart."""
        person = self.person
        return person.add(
            "cart_event",
            at,
            "app" if person.on_app else "web",
            identifiers=person.browser(),
            channel="app" if person.on_app else "web",
            attributes=person.attributes(**self.more),
            cart_id=self.cart_id,
            action=action,
            **fields,
            value_minor=self.value,
            currency=CURRENCY,
        )

    def fill(self, at: int) -> int:
        """Add items, seldom remove one; return when the customer is done."""
        random = self.person.random
        self.event(at, "created")
        for _ in range(random.choice((1, 1, 1, 2, 2, 3))):
            at += random.randint(5, 240) * SECOND_MS
            sku, product, price = random.choice(PRODUCTS)
            quantity = random.choice((1, 1, 1, 2))
            self.items.append((sku, product, quantity, price))
            self.value += quantity * price
            self.event(at, "item_added", sku=sku, quantity=quantity)
        if len(self.items) > 1 and self.person.chance(0.2):
            at += random.randint(5, 90) * SECOND_MS
            sku, _, quantity, price = self.items.pop()
            self.value -= quantity * price
            self.event(at, "item_removed", sku=sku, quantity=quantity)
        elif self.person.chance(0.03):
            at += random.randint(5, 90) * SECOND_MS
            self.items, self.value = [], 0
            self.event(at, "cleared", quantity=0)
        return at + random.randint(3, 60) * SECOND_MS

    def start_checkout(self, at: int) -> int:
        """Begin to check out; return when the address is typed in."""
        self.event(at, "checkout_started", quantity=0)
        return at + self.person.random.randint(20, 180) * SECOND_MS

    def check_out(self, at: int) -> Order:
        """Check out, pay (sometimes at the second try) and order."""
        person, random = self.person, self.person.random
        at = self.start_checkout(at)
        if person.chance(_PAYMENT_FAILS):
            self.event(at, "payment_failed", quantity=0)
            at += random.randint(30, 8 * 60) * SECOND_MS
        self.event(at, "ordered", quantity=0)
        discount = self.value // 10 if self.more and person.chance(0.5) else 0
        product = self.items[0][1]
        event = person.add(
            "purchase",
            at + 400,
            "orders",
            identifiers={"email": f"{person.name.lower()}@example.com", **person.browser()},
            channel="app" if person.on_app else "web",
            attributes=person.attributes(product=product, **self.more),
            order_id=person.next_id("o"),
            action="placed",
            amount_minor=self.value - discount,
            currency=CURRENCY,
            discount_minor=discount,
            cart_id=self.cart_id,
            items=[{"sku": sku, "quantity": quantity, "price_minor": price} for sku, _, quantity, price in self.items],
        )
        return Order(at + 400, event["order_id"], product, event["amount_minor"], event)


def refund(person: Person, order: Order, at: int) -> Event:
    """Refund an order, up to five hours after `at`."""
    return person.add(
        "purchase",
        at + int(person.random.uniform(5, 300) * MINUTE_MS),
        "orders",
        attributes=person.attributes(product=order.product),
        order_id=order.order_id,
        action="refunded",
        amount_minor=order.amount_minor,
        currency=CURRENCY,
    )
