"""One person with all identities that are theirs: what they do states some of these, or none."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from touchline.simulate import texts
from touchline.simulate.identities.spellings import mistyped, spelled
from touchline.simulate.person import Event, Person, timestamp
from touchline.simulate.shop import CURRENCY, DAY_MS, HOUR_MS, MINUTE_MS, PRODUCTS, REGIONS, SECOND_MS, SEGMENTS

CUSTOMER = "customer"
"""The kind of a customer's own number among a person's identities."""
BRAND = {"twitter": "@harbourcoffee"}
"""What the shop's own posts state."""

_NAMES = ("ann", "bea", "cem", "dan", "eva", "finn", "gil", "hana", "ivo", "june", "kai", "lea", "mo", "nia", "ole")


@dataclass(frozen=True)
class Holding:
    """An identity that is a person's.

    Attributes:
        value: as the person writes it.
        since, until: from when and until when it is theirs, ms, the end excluded; None for always.
        mistyped: whether it is a typing error of theirs.
    """

    kind: str
    value: str
    since: int | None = None
    until: int | None = None
    mistyped: bool = False

    def holds(self, at: int) -> bool:
        """Tell whether it is the person's at a time, ms."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)

    def as_json(self) -> dict[str, Any]:
        """Return it as it is written into the truth."""
        times = {name: timestamp(at) for name, at in (("since", self.since), ("until", self.until)) if at is not None}
        return {"kind": self.kind, "value": self.value, **times, **({"mistyped": True} if self.mistyped else {})}


@dataclass(slots=True)
class Individual:
    """A person who does things under identities of theirs.

    In all methods `by` are the kinds of identities that the touchpoint states, by the values that hold at its time;
    `at` is the time in ms.

    Attributes:
        number: unique; values made of it are this person's alone.
        scenario: why they come as they come.
        person: holds their events.
        spells: whether each value comes in a spelling of its own.
    """

    number: int
    scenario: str
    person: Person
    holdings: list[Holding] = field(default_factory=list)
    spells: bool = False

    @classmethod
    def new(cls, number: int, scenario: str, random: Random) -> Individual:
        """Return a person who holds nothing yet."""
        person = Person(
            name=f"P{number:07d}",
            random=random,
            customer_id=None,
            region=random.choice(REGIONS),
            segment=random.choice(SEGMENTS),
        )
        return cls(number, scenario, person)

    @property
    def random(self) -> Random:
        """What chance decides of this person."""
        return self.person.random

    def hold(self, kind: str, value: str | None = None, since: int | None = None, until: int | None = None) -> str:
        """Take an identity, by default one of this person's alone; return its value."""
        held = Holding(kind, value or self._own(kind), since, until)
        self.holdings.append(held)
        return held.value

    def _own(self, kind: str) -> str:
        name, nth = _NAMES[self.number % len(_NAMES)], sum(held.kind == kind for held in self.holdings)
        more = f"-{nth}" if nth else ""
        # No subscriber's number in a German town begins with 0: these can be nobody's.
        area = (30, 40, 341, 351)[nth % 4]
        return {
            CUSTOMER: f"C{self.number:07d}{more}",
            "email": f"{name}.{self.number}{more}@example.com",
            "phone": f"+49 {area} 0{self.number:07d}",
            "twitter": f"@{name}_{self.number}{more.replace('-', '_')}",
            "loyalty_card": f"LC{self.number:08d}{more}",
            "device": f"d-{self.number:07d}{more}",
            "cookie": f"k-{self.number:07d}{more}",
        }[kind]

    def stated(self, at: int, by: tuple[str, ...]) -> Event:
        """Return the fields `customer_id` and `identifiers` of a touchpoint."""
        values = {held.kind: held.value for held in self.holdings if held.kind in by and held.holds(at)}
        said: Event = {}
        if CUSTOMER in values:
            said["customer_id"] = values.pop(CUSTOMER)
        if values:
            said["identifiers"] = {
                kind: spelled(self.random, kind, value) if self.spells else value for kind, value in values.items()
            }
        return said

    def mistype(self, at: int, *by: str, source: str = "newsletter") -> str:
        """See a page whose form took this person's e-mail address with a typing error; return what was typed."""
        event = self.view(at, "email", *by, page="/newsletter/confirmed", source=source)
        typed = mistyped(self.random, event["identifiers"]["email"])
        event["identifiers"]["email"] = typed
        self.holdings.append(Holding("email", typed, mistyped=True))
        return typed

    def view(self, at: int, *by: str, page: str = "/shop", action: str = "view", source: str = "web") -> Event:
        """See one page."""
        area = "portal" if CUSTOMER in by else "shop"
        return self._add("page_view", at, source, by, page=page, area=area, action=action)

    def visit(self, at: int, *by: str) -> int:
        """See one to four pages; return when the visit ends."""
        for _ in range(self.random.randint(1, 4)):
            self.view(at, *by, page=self.random.choice(("/", "/shop", "/shop/filter", "/help/delivery")))
            at += self.random.randint(5, 120) * SECOND_MS
        return at

    def log_in(self, at: int, *by: str) -> int:
        """Log in; return when it is done."""
        self.view(at, CUSTOMER, *by, page="/login", action="login")
        return at + self.random.randint(2, 30) * SECOND_MS

    def fill_cart(self, at: int, *by: str) -> tuple[int, Basket]:
        """Put one to three things into a cart; return when that is done, and what is in it."""
        basket = Basket(self.person.next_id("k"))
        self._cart(at, by, basket, "created")
        for _ in range(self.random.randint(1, 3)):
            at += self.random.randint(5, 200) * SECOND_MS
            sku, _, price = self.random.choice(PRODUCTS)
            basket.value += price
            self._cart(at, by, basket, "item_added", sku=sku)
        return at + self.random.randint(5, 60) * SECOND_MS, basket

    def order(self, at: int, *by: str, basket: Basket | None = None, source: str = "orders") -> str:
        """Order what is in a cart, or else one thing; return the order's id."""
        more: Event = {}
        if basket is not None:
            self._cart(at, tuple(kind for kind in by if kind in {CUSTOMER, "cookie"}) or by, basket, "ordered")
            more["cart_id"] = basket.cart_id
        amount = basket.value if basket else self.random.choice(PRODUCTS)[2]
        order_id = self.person.next_id("o")
        self._add(
            "purchase",
            at + 400,
            source,
            by,
            order_id=order_id,
            action="placed",
            amount_minor=amount,
            currency=CURRENCY,
            **more,
        )
        return order_id

    def refund(self, at: int, order_id: str, *by: str) -> None:
        """Get the shop's small refund of an order, as the carrier's webhook says it."""
        self._add(
            "purchase",
            at,
            "carrier",
            by,
            order_id=order_id,
            action="refunded",
            amount_minor=100,
            currency=CURRENCY,
        )

    def call(self, at: int, *by: str, ends_by: tuple[str, ...] | None = None) -> None:
        """Call the shop; `ends_by` is what the end of the call states, by default the same."""
        call_id = self.person.next_id("c")
        phases = (("queued", 0, by), ("answered", 9, by), ("ended", 200, by if ends_by is None else ends_by))
        for phase, seconds, stating in phases:
            self._add("support_call", at + seconds * SECOND_MS, "phone", stating, call_id=call_id, phase=phase)

    def post(self, at: int, *by: str, brand: Event | None = None) -> None:
        """Post in public; `brand` are the identifiers that the shop's answer states, by default this person's."""
        post_id = self.person.next_id("p")
        text = texts.post(self.random, self.person.sample_mood(at), "espresso")
        self._add("tweet", at, "social", by, post_id=post_id, text=text, lang="en")
        answer = self._add(
            "tweet",
            at + self.random.randint(2, 90) * MINUTE_MS,
            "social",
            by if brand is None else (),
            post_id=self.person.next_id("p"),
            text=texts.reply(self.random),
            lang="en",
            author="brand",
            in_reply_to=post_id,
        )
        if brand:
            answer["identifiers"] = dict(brand)

    def case(self, at: int, *by: str, agent: Event | None = None) -> None:
        """Write to the help desk; `agent` are the identifiers that its steps state, by default this person's."""
        case_id = self.person.next_id("t")
        text = texts.say(self.random, self.person.sample_mood(at), "delivery")
        self._add("case_event", at, "desk", by, case_id=case_id, phase="opened", by="customer", text=text)
        for phase, hours in (("solution_offered", 3), ("resolved", 20)):
            stating = by if agent is None else ()
            moment = at + hours * HOUR_MS
            step = self._add("case_event", moment, "desk", stating, case_id=case_id, phase=phase, by="agent")
            if agent:
                step["identifiers"] = dict(agent)

    def answer(self, at: int, *by: str) -> None:
        """Answer a survey's question of how likely one is to recommend the shop."""
        response_id, score = self.person.next_id("r"), float(self.random.randint(0, 10))
        asked = {"response_id": response_id, "survey_id": "SV-NPS"}
        self._add("survey_answer", at, "surveys", by, phase="started", **asked)
        self._add(
            "survey_answer",
            at + 20 * SECOND_MS,
            "surveys",
            by,
            phase="answered",
            question_id="q1",
            question_kind="nps",
            score=score,
            **asked,
        )
        self._add("survey_answer", at + 25 * SECOND_MS, "surveys", by, phase="completed", **asked)

    def days(self, low: float, high: float) -> int:
        """Return a random time of `low` to `high` days, ms."""
        return int(self.random.uniform(low, high) * DAY_MS)

    def _cart(self, at: int, by: tuple[str, ...], basket: Basket, action: str, **fields: Any) -> None:
        self._add(
            "cart_event",
            at,
            "web",
            by,
            cart_id=basket.cart_id,
            action=action,
            value_minor=basket.value,
            currency=CURRENCY,
            **fields,
        )

    def _add(self, kind: str, at: int, source: str, stating: tuple[str, ...], /, **fields: Any) -> Event:
        return self.person.add(kind, at, source, **self.stated(at, stating), **fields)


@dataclass(slots=True)
class Basket:
    """What is in a cart; its value in minor units."""

    cart_id: str
    value: int = 0
