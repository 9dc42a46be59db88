"""Hard but valid touchpoints, from a seed: cases that the simulation never sends.

Ties, repeats, two currencies, carts taken up again, calls queued anew, surveys answered without a start, scales upside
down, people with half a name, silences of months, and all of it out of order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.oracle.owners import NO_IDENTITY
from tests.oracle.stories import TEXTS, Event, Stories
from tests.oracle.touchpoints import DAY, HOUR, MINUTE, SECOND

PEOPLE: list[Event] = [
    {"customer_id": "C1"},
    {"customer_id": "C2", "identifiers": {"email": "null", "cookie": "k-2"}},
    {"customer_id": "Zoë Ångström#2", "identifiers": {"twitter": "@zoë"}},
    {"customer_id": "客户-7"},
    {"customer_id": None, "identifiers": {"email": "Ann@Example.COM", "phone": "+49 30 1234", "cookie": "k-1"}},
    {"identifiers": {"cookie": "k-1", "device": "d-1"}},
    {"identifiers": {"cookie": "k-2", "twitter": "@Ann"}},
    {"identifiers": {"phone": "+49 (30) 12-34", "twitter": "@Ann"}},
    {"identifiers": {"phone": "0049 (0)30 98-76", "email": "(null)"}},
    {"identifiers": {"email": "mailto:BOB@example.com", "phone": "+49 30 1234"}},
    {
        "customer_id": "00000000-0000-0000-0000-000000000000",
        "identifiers": {"twitter": "@\uff22\u200bob", "crm": "true"},
    },
    {"identifiers": {"phone": "n/a", "email": "  NULL ", "loyalty_card": "0", "device": "d-2"}},
    {"customer_id": "", "identifiers": {"crm": "77", "account_no": "A-1", "twitter": "@x"}},
    {"customer_id": "undefined", "identifiers": {"email": "[object Object]", "cookie": "Guest", "crm": "77"}},
    *({"customer_id": f"N{number}", "identifiers": {"email": f"n{number}@example.com"}} for number in range(30)),
]
GAPS = [0, 0, 1_000, 4_999, 5_000, 20_000, 20_001, MINUTE, 29 * MINUTE, 30 * MINUTE, 31 * MINUTE, 7 * HOUR, 3 * DAY]
SCALES: list[dict[str, Any]] = [
    {"question_kind": "nps", "scores": [0, 6, 6.5, 7, 9, 10]},
    {"question_kind": "csat", "scores": [1, 3, 4, 5]},
    {"question_kind": "csat", "scores": [0, 74.9, 75, 100], "scale_min": 0, "scale_max": 100},
    {"question_kind": "ces", "scores": [1, 4, 5, 7]},
    {"question_kind": "ces", "scores": [1, 3, 7], "higher_is_better": False},
    {"question_kind": "ces", "scores": [1, 2, 4, 5], "scale_max": 5},
    {"question_kind": "rating", "scores": [1, 5], "higher_is_better": False},
    {"question_kind": "text", "scores": [None]},
]


class Nasty(Stories):
    """Makes the input; the same seed and the same `now` (epoch milliseconds) give the same lines.

    `towns` says how often there is everybody, each time with another history and name.
    """

    def __init__(self, seed: int, now: int, towns: int = 1) -> None:
        super().__init__(seed, now)
        self._towns = towns
        self._carts = 0

    def lines(self) -> list[Event]:
        """Return the touchpoints, repeated and shuffled."""
        made = [event for town in range(self._towns) for who in PEOPLE for event in self._person(_of(town, who))]
        made += [*self._recent(), *self._turn("T1", TEXTS[0], TEXTS[1]), *self._turn("T2", TEXTS[1], TEXTS[0])]
        return self._out_of_order(made)

    def _person(self, who: Event) -> Iterator[Event]:
        stories: list[Callable[[Event, int], Iterator[Event]]] = [
            self._cart, self._cart, self._call, self._call, self._survey, self._case, self._posts, self._orders,
            self._pages,
        ]  # fmt: skip
        self._carts = 0
        for story in self._random.choices(stories, k=self._random.randint(3, 9)):
            # So long ago that the longest story has ended.
            start = self._now - self._random.randint(100, 190) * DAY + self._random.randint(0, 40_000) * SECOND
            yield from story(who, start)

    def _gap(self) -> int:
        return self._random.choice(GAPS)

    def _cart(self, who: Event, at: int) -> Iterator[Event]:
        choose = self._random.choice
        # Other people have carts of the same names.
        self._carts += 1
        cart = f"cart {self._carts}"
        currency = choose(["EUR", "USD", None])
        actions = ["created", *self._random.choices(CART_ACTIONS, k=self._random.randint(1, 6))]
        for action in actions[self._random.randint(0, 1) :]:
            value = choose([0, 999, 2_500, 120_000])
            yield self._event(
                who, at, "cart_event", cart_id=cart, action=action, value_minor=value, currency=currency,
                quantity=self._random.randint(1, 2),
            )  # fmt: skip
            at += self._gap()
        if self._random.random() < 0.4:
            later = at + choose([0, MINUTE, DAY, 20 * DAY, 31 * DAY])
            yield self._order(who, later, cart_id=cart)
            yield self._event(who, later, "cart_event", cart_id=cart, action="ordered", value_minor=1)

    def _order(self, who: Event, at: int, **fields: object) -> Event:
        choose = self._random.choice
        return self._event(
            who, at, "purchase", order_id=self._new("order"), action=choose(["placed", "placed", "placed", "refunded"]),
            amount_minor=choose([0, 1, 1_999, 10_000_000_000]), currency=choose(["EUR", "EUR", "USD"]), **fields,
        )  # fmt: skip

    def _orders(self, who: Event, at: int) -> Iterator[Event]:
        for _ in range(self._random.randint(1, 3)):
            yield self._order(who, at)
            at += self._random.choice([0, DAY, 29 * DAY, 30 * DAY, 31 * DAY])

    def _call(self, who: Event, at: int) -> Iterator[Event]:
        call = self._new("call")
        first = self._random.choice([["queued"], ["queued"], ["queued", "queued"], ["answered"], []])
        phases = [*first, *self._random.choices(CALL_PHASES, k=self._random.randint(0, 6))]
        if self._random.random() < 0.9:
            phases.append("ended")
        for phase in phases:
            notes = self._random.choice([None, "They were furious."])
            fields: Event = {"call_id": call, "phase": phase, "notes": notes}
            if phase == "ended":
                fields["resolved"] = self._random.choice([True, False, False, None])
            yield self._event(who, at, "support_call", **fields)
            at += self._random.choice([0, 1_000, 4_999, 5_000, 20_000, 20_001, 7 * MINUTE])

    def _survey(self, who: Event, at: int) -> Iterator[Event]:
        response = self._new("response")
        phases = self._random.choice(SURVEYS)
        for phase in phases:
            fields: Event = {"response_id": response, "survey_id": "s", "phase": phase}
            if phase == "answered" or (phase == "completed" and self._random.random() < 0.3):
                scale = dict(self._random.choice(SCALES))
                score = self._random.choice(scale.pop("scores"))
                fields |= {**scale, "score": score, "text": self._random.choice([None, None, *TEXTS])}
            yield self._event(who, at, "survey_answer", **fields)
            at += self._random.choice([0, 30_000, DAY, 7 * DAY, 8 * DAY])

    def _case(self, who: Event, at: int) -> Iterator[Event]:
        case = self._new("case")
        complaint = self._random.random() < 0.5
        for phase in [*self._random.choice([["opened"], []]), *self._random.choices(CASE_PHASES, k=4)]:
            party = self._random.choice(["customer", "agent", "bot"])
            text = self._random.choice([None, *TEXTS])
            yield self._event(
                who, at, "case_event", case_id=case, phase=phase, by=party, text=text, complaint=complaint
            )
            at += self._random.choice([0, MINUTE, HOUR, 4 * DAY, 12 * DAY])

    def _posts(self, who: Event, at: int) -> Iterator[Event]:
        for _ in range(self._random.randint(1, 3)):
            post = self._new("post")
            rating = self._random.choice([None, None, 1, 3, 5])
            yield self._event(who, at, "tweet", post_id=post, text=self._random.choice(TEXTS), rating=rating)
            for _ in range(self._random.randint(0, 2)):
                at += self._gap()
                yield self._event(
                    who, at, "tweet", post_id=self._new("reply"), text="So sorry!", author="brand",
                    in_reply_to=self._random.choice([post, post, "another", None]),
                )  # fmt: skip
            at += self._random.choice([0, HOUR, 30 * DAY - 1, 30 * DAY])

    def _pages(self, who: Event, at: int) -> Iterator[Event]:
        for _ in range(self._random.randint(1, 3)):
            area = self._random.choice(["site", "portal", "help"])
            yield self._event(who, at, "page_view", page="/ä?q=1", area=area, ok=self._random.random() < 0.7)
            at += self._random.choice([0, SECOND, 31 * DAY])

    def _recent(self) -> Iterator[Event]:
        """Things whose deadlines have not all passed yet, nor are about to."""
        for number, days in enumerate((2, 5, 12, 25)):
            who, at = {"customer_id": f"R{number}"}, self._now - days * DAY
            yield self._event(who, at, "cart_event", cart_id=f"recent {number}", action="item_added", value_minor=5)
            yield self._event(who, at, "survey_answer", response_id=f"recent {number}", survey_id="s", phase="started")
            yield self._event(who, at, "case_event", case_id=f"recent {number}", phase="opened", by="customer")
            yield self._event(who, at, "support_call", call_id=f"recent {number}", phase="queued")
            yield self._event(who, at + MINUTE, "support_call", call_id=f"recent {number}", phase="ended")
            yield self._order(who, at + HOUR)

    def _turn(self, name: str, before: str, after: str) -> Iterator[Event]:
        """Somebody who writes the same for weeks, and then the opposite."""
        start = self._now - 100 * DAY
        for day in range(14):
            text = before if day < 7 else after
            who = {"customer_id": name}
            yield self._event(who, start + day * DAY, "tweet", post_id=f"{name} {day}", text=text)


def _of(town: int, who: Event) -> Event:
    """Return somebody as known in a town; who has no name there has none here either."""
    named = dict(who)
    if (who.get("customer_id") or "").lower() not in NO_IDENTITY:
        named["customer_id"] = f"{who['customer_id']}/{town}"
    if "identifiers" in who:
        named["identifiers"] = {
            kind: value if value.strip().lower() in NO_IDENTITY else f"{value}{town}"
            for kind, value in who["identifiers"].items()
        }
    return named


CART_ACTIONS = [
    "item_added", "item_added", "item_added", "item_removed", "checkout_started", "payment_failed", "ordered",
    "cleared",
]  # fmt: skip
CALL_PHASES = ["answered", "answered", "held", "resumed", "transferred", "queued"]
CASE_PHASES = [
    "acknowledged", "solution_offered", "updated", "eta_given", "escalated", "resolved", "reopened", "closed", "opened",
]  # fmt: skip
SURVEYS = [
    ["invited", "started", "answered", "answered", "completed"],
    ["started", "answered"],
    ["started", "answered", "started", "answered", "completed"],
    ["answered", "answered"],
    ["answered", "started", "answered"],
    ["completed"],
    ["invited"],
    ["started", "completed", "answered"],
]
