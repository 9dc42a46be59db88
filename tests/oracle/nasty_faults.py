"""Faulty but valid touchpoints, from a seed: what sources of the field send, in every order and mix.

Answers and orders stated again, corrected and cancelled; clicks sent twice; orders that name a cart, hold all of it or
some of it; calls queued again, never hung up, under an id that is used again; refunds before the first order. All of
it happened so long ago that every deadline has passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.oracle.stories import TEXTS, Event, Stories
from tests.oracle.touchpoints import DAY, HOUR, MINUTE, SECOND

SKUS = ["tea", "cup", "pot", "tray"]
QUESTIONS: list[dict[str, Any]] = [
    {"question_id": "q1", "question_kind": "nps", "scores": [0, 6, 6.5, 8.5, 9, 10]},
    {"question_id": None, "question_kind": "nps", "scores": [0, 6.5, 8.5, 9]},
    {"question_id": "q2", "question_kind": "nps", "scores": [3, 8.5, 10]},
    {"question_id": "q3", "question_kind": "csat", "scores": [0, 74.9, 75, 100], "scale_min": 0, "scale_max": 100},
    {"question_id": None, "question_kind": "csat", "scores": [1, 2, 5], "higher_is_better": False},
    {"question_id": "q4", "question_kind": "csat", "scores": [0, 1], "scale_min": 0, "scale_max": 1},
    {"question_id": "q5", "question_kind": "ces", "scores": [1, 4, 5, 5.5, 7]},
    {"question_id": "q6", "question_kind": "rating", "scores": [0, 1], "scale_min": 0, "scale_max": 1},
    {"question_id": "q7", "question_kind": "text", "scores": [None]},
    {"question_id": None, "question_kind": "text", "scores": [None]},
]
STATED = [
    ["answered"], ["answered"], ["answered", "completed"], ["answered", "answered"], ["answered"] * 4, ["completed"],
    ["answered", "answered", "completed"], ["completed", "answered"], ["answered", "completed", "answered"],
]  # fmt: skip
CORRECTED_AFTER = [0, 0, SECOND, MINUTE, HOUR, 2 * DAY, 3 * DAY, 5 * DAY]
AMOUNTS = [
    [1_999], [2_500], [10_000], [2_380, 2_000], [2_380, 2_380], [1_999, 0], [0, 1_999], [2_380, 2_000, 0],
    [2_380, 0, 2_000], [0], [5_000, 4_500, 4_000],
]  # fmt: skip
CART_ACTIONS = [
    "item_added", "item_added", "item_added", "item_removed", "item_removed", "cleared", "checkout_started",
    "payment_failed",
]  # fmt: skip
CART_GAPS = [0, SECOND, MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * DAY]
ORDERED_AFTER = [
    0, MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, DAY, 20 * DAY, 30 * DAY, 30 * DAY + 1, 30 * DAY + 30 * MINUTE,
    30 * DAY + 30 * MINUTE + 1, 31 * DAY,
]  # fmt: skip
ORDERED_BEFORE = [0, SECOND, MINUTE, 5 * MINUTE - 1, 5 * MINUTE, 5 * MINUTE + 1]
CALLS = [
    ["queued", "ended"],
    ["queued", "answered", "ended"],
    ["queued", "answered", "transferred", "queued", "ended"],
    ["queued", "answered", "queued", "answered", "held", "resumed", "ended"],
    ["queued", "answered", "queued", "transferred", "ended"],
    ["queued", "held", "ended"],
    ["queued", "held", "resumed", "ended"],
    ["queued", "answered", "held", "ended"],
    ["queued", "answered", "held", "queued", "ended"],
    ["answered", "queued", "ended"],
    ["queued"],
    ["queued", "answered"],
    ["queued", "answered", "held"],
    ["queued", "answered", "queued"],
]
CALL_GAPS = [0, SECOND, 4_999, 5_000, 20_000, 20_001, 7 * MINUTE]
LONG_GAPS = [20 * HOUR, DAY - 1, DAY, DAY + 1, 25 * HOUR]


class NastyFaults(Stories):
    """Makes the input for so many people; the same seed and `now` (epoch milliseconds) give the same lines."""

    def __init__(self, seed: int, now: int, people: int) -> None:
        super().__init__(seed, now)
        self._people = people

    def lines(self) -> list[Event]:
        """Return the touchpoints, repeated and shuffled."""
        made = [event for number in range(self._people) for event in self._person(number)]
        return self._out_of_order([*made, *self._turned("U1"), *self._one_bad_answer("H1")])

    def _person(self, number: int) -> Iterator[Event]:
        named: Event = {"customer_id": f"F{number}"}
        who: Event = named if number % 3 else {"identifiers": {"email": f"f{number}@example.com"}}
        stories: list[Callable[[Event, int], Iterator[Event]]] = [
            self._survey, self._survey, self._order, self._cart, self._cart, self._cart, self._call, self._call,
            self._refund,
        ]  # fmt: skip
        start = self._now - self._random.randint(160, 230) * DAY
        for story in self._random.choices(stories, k=self._random.randint(3, 8)):
            yield from story(who, start + self._random.randint(0, 40) * DAY + self._random.randint(0, 80_000) * SECOND)

    def _survey(self, who: Event, at: int) -> Iterator[Event]:
        response = {"response_id": self._new("response"), "survey_id": "s"}
        if self._random.random() < 0.8:
            yield self._event(who, at, "survey_answer", **response, phase="started")
        for question in self._random.sample(QUESTIONS, k=self._random.randint(1, 3)):
            first = at
            for phase in self._random.choice(STATED):
                yield self._event(who, at, "survey_answer", **response, phase=phase, **self._stated(question, phase))
                at += self._random.choice(CORRECTED_AFTER)
                if self._random.random() < 0.1:
                    # The last millisecond in which metrics are restated, and the first in which they are not.
                    at = max(at, first // MINUTE * MINUTE + MINUTE + 3 * DAY + self._random.randint(0, 1))
        if self._random.random() < 0.6:
            at += self._random.choice([0, 8 * DAY, 20 * DAY])
            yield self._event(who, at, "survey_answer", **response, phase="completed")

    def _stated(self, question: dict[str, Any], phase: str) -> Event:
        answer = dict(question)
        answer["score"] = self._random.choice(answer.pop("scores"))
        answer["text"] = self._random.choice([None, None, *TEXTS])
        if phase == "completed" and self._random.random() < 0.5:
            answer["question_id"] = None
        return answer

    def _order(self, who: Event, at: int, **fields: object) -> Iterator[Event]:
        """State an order once or several times, and refund some of it."""
        choose = self._random.choice
        order, currency = self._new("order"), choose(["EUR", "EUR", "USD"])
        stated = at
        for place, amount in enumerate(choose(AMOUNTS)):
            system = choose(["shop", "books"])
            named = {} if place and self._random.random() < 0.15 else fields
            money = choose(["EUR", "USD"]) if place and self._random.random() < 0.1 else currency
            yield self._event(
                who, stated, "purchase", order_id=order, amount_minor=amount, currency=money, **named, source=system
            )
            stated += choose(CORRECTED_AFTER)
        for _ in range(choose([0, 0, 1, 3])):
            yield from self._refund(who, at + choose([-2 * DAY, 0, HOUR, 10 * DAY]), order)

    def _refund(self, who: Event, at: int, order: str | None = None) -> Iterator[Event]:
        yield self._event(
            who, at, "purchase", order_id=order or self._new("order"), action="refunded",
            amount_minor=self._random.choice([500, 500, 1_200]), currency=self._random.choice(["EUR", "USD"]),
        )  # fmt: skip

    def _cart(self, who: Event, at: int) -> Iterator[Event]:
        cart, first = self._new("cart"), at
        used = self._random.sample([*SKUS, None], k=self._random.randint(1, 3))
        actions = self._random.choices(CART_ACTIONS, k=self._random.randint(1, 6))
        for action in [*self._random.choice([["created"], []]), *actions]:
            item = self._item(used) if action.startswith("item") else {}
            for _ in range(2 if action == "item_removed" and self._random.random() < 0.4 else 1):
                value = self._random.choice([0, 0, 999, 2_500])
                yield self._event(
                    who, at, "cart_event", cart_id=cart, action=action, value_minor=value, currency="EUR", **item
                )
                last = at
                at += self._random.choice(CART_GAPS)
        if self._random.random() < 0.8:
            early = self._random.random() < 0.25
            placed = first - self._random.choice(ORDERED_BEFORE) if early else last + self._random.choice(ORDERED_AFTER)
            yield from self._order(who, placed, **self._ordered(cart, used))
            at = placed + self._random.choice([0, MINUTE, HOUR, DAY])
        if self._random.random() < 0.3:
            action = self._random.choice(["ordered", *CART_ACTIONS])
            yield self._event(who, at, "cart_event", cart_id=cart, action=action, **self._item(used))

    def _item(self, skus: list[str | None]) -> Event:
        return {"sku": self._random.choice(skus), "quantity": self._random.choice([1, 1, 2])}

    def _ordered(self, cart: str, skus: list[str | None]) -> Event:
        """Return what an order says of its cart: its id, all of its skus, some of them, others, or nothing."""
        all_of_it = [sku for sku in skus if sku]
        held = self._random.choice([all_of_it, all_of_it, SKUS, all_of_it[:1], ["spoon"], []])
        items = [{"sku": sku, "quantity": 1, "price_minor": 500} for sku in held]
        named = self._random.choice([{"cart_id": cart}, {"cart_id": "another"}, {}, {}, {}])
        return {**named, "items": items}

    def _call(self, who: Event, at: int) -> Iterator[Event]:
        call = self._new("call")
        for _ in range(self._random.choice([1, 1, 1, 2, 3])):
            for phase in self._random.choice(CALLS):
                fields: Event = {"call_id": call, "phase": phase}
                if phase == "ended":
                    fields["resolved"] = self._random.choice([True, True, False, None])
                yield self._event(who, at, "support_call", **fields)
                at += self._random.choice(LONG_GAPS if self._random.random() < 0.1 else CALL_GAPS)
            # The id is used again.
            at += self._random.choice([HOUR, 23 * HOUR, *LONG_GAPS, 3 * DAY])
        if self._random.random() < 0.3:
            yield from self._order(who, at + self._random.choice([0, DAY, 29 * DAY]))

    def _turned(self, name: str) -> Iterator[Event]:
        """Somebody who is content for weeks and then is not; every answer is stated twice."""
        for week in range(16):
            yield from self._rated(name, week, "answered", 10 if week < 8 else 0)
            yield from self._rated(name, week, "completed", 10 if week < 8 else 0)

    def _one_bad_answer(self, name: str) -> Iterator[Event]:
        """Somebody who is content but for one answer, which is stated four times."""
        for week in range(12):
            for _ in range(4 if week == 8 else 1):
                yield from self._rated(name, week, "answered", 0 if week == 8 else 10)

    def _rated(self, name: str, week: int, phase: str, score: int) -> Iterator[Event]:
        who, response = {"customer_id": name}, {"response_id": f"{name} {week}", "survey_id": "weekly", "phase": phase}
        at = self._now - 200 * DAY + week * 7 * DAY + (HOUR if phase == "completed" else 0)
        yield self._event(who, at, "survey_answer", **response, question_kind="nps", score=score)
        yield self._event(
            who, at + MINUTE, "survey_answer", **response, question_kind="csat", scale_min=0, scale_max=10, score=score
        )
