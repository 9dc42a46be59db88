"""Steps that go wrong and make customers ask, planted among the same steps done well; the truth names them.

They have a random stream of their own: the shop's is the same with and without them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from touchline.simulate import service
from touchline.simulate.person import Event, Mishap, Person
from touchline.simulate.shop import DAY_MS, HOUR_MS, Period, random_moment

_ASKS, _CALLS = 0.85, 0.7
"""How many ask after a mishap, and how many of these by a call; the others open a case."""
_DONE_WELL = 3
"""Steps of the same kind that are done well, for each mishap."""


@dataclass(frozen=True)
class _Step:
    """A step that may go wrong.

    Attributes:
        name: kind and action.
        detail, value, well: what tells the botched from the others, and what it is of both.
        fails: whether the botched does not work, which is an experience below zero.
        topic: what is asked about it.
        add: adds it at a moment, ms, with that value, and whether it works.
    """

    name: str
    detail: str
    value: str
    well: str
    fails: bool
    topic: str
    add: Callable[[Person, int, str, bool], Event]


def _visit(person: Person, at: int, value: str, _: bool) -> Event:
    attributes = person.attributes(visit=value)
    return service.step(person, at, person.next_id("t"), "updated", "agent", "product", attributes=attributes)


def _promise(person: Person, at: int, value: str, _: bool) -> Event:
    return service.step(person, at, person.next_id("t"), "eta_given", "agent", value, eta_at=at + DAY_MS)


def _guide(person: Person, at: int, value: str, works: bool) -> Event:
    return _page(person, at, value, "view", ok=works)


def _invoice(person: Person, at: int, value: str, works: bool) -> Event:
    return _page(person, at, value, "pay", ok=works)


def _page(person: Person, at: int, page: str, action: str, *, ok: bool) -> Event:
    fields = {"page": page, "area": "portal", "action": action, "ok": ok}
    return person.add("page_view", at, "site", identifiers=person.browser(), **fields)


def _announcement(person: Person, at: int, value: str, _: bool) -> Event:
    return person.add(
        "tweet",
        at,
        "social",
        attributes=person.attributes(notice=value),
        post_id=person.next_id("p"),
        text="News about your order.",
        author="brand",
    )


_STEPS = (
    _Step(
        name="case_event:updated",
        detail="visit",
        value="failed",
        well="done",
        fails=False,
        topic="product",
        add=_visit,
    ),
    _Step(
        name="case_event:eta_given",
        detail="topic",
        value="repair",
        well="upgrade",
        fails=False,
        topic="product",
        add=_promise,
    ),
    _Step(
        name="page_view:view",
        detail="page",
        value="/guide/descaling",
        well="/guide/brewing",
        fails=False,
        topic="product",
        add=_guide,
    ),
    _Step(
        name="page_view:pay",
        detail="page",
        value="/portal/invoices",
        well="/portal/invoices",
        fails=True,
        topic="billing",
        add=_invoice,
    ),
    _Step(
        name="tweet:brand",
        detail="notice",
        value="outage",
        well="opening",
        fails=False,
        topic="account",
        add=_announcement,
    ),
)


def add_mishaps(person: Person, random: Random, period: Period, numbers: range) -> None:
    """Add the mishaps of these numbers to a customer, with what the customer asks then, and steps done well.

    Args:
        random: what is random in them.
        numbers: every fifth mishap is of the same step.
    """
    own, person.random = person.random, random
    for number in numbers:
        step = _STEPS[number % len(_STEPS)]
        for _ in range(_DONE_WELL):
            step.add(person, _moment(person, period), step.well, True)
        botched = step.add(person, _moment(person, period), step.value, not step.fails)
        asked, led_to = None, None
        if person.chance(_ASKS):
            at = botched["occurred_at"] + random.randint(1, 48) * HOUR_MS
            led_to = "call" if person.chance(_CALLS) else "case"
            before = set(person.events_at)
            if led_to == "call":
                service.call(person, at, step.topic)
            else:
                service.case(person, at, step.topic, "espresso")
            asked = person.events_at[min(person.events_at.keys() - before)]
        planted = Mishap(
            botched=botched,
            step=step.name,
            failed=step.fails,
            detail=step.detail,
            detail_value=step.value,
            led_to=led_to,
            asked=asked,
        )
        person.mishaps.append(planted)
    person.random = own


def _moment(person: Person, period: Period) -> int:
    """Return a moment that is not between a turn's cause and its onset: there it would blur the cause."""
    days = max(1, (period.end - period.start) // DAY_MS)
    while True:
        at = random_moment(person.random, period.start + person.random.randrange(days) * DAY_MS, phone=True)
        if not any(first - 8 * DAY_MS < at < last for first, last, _ in person.quiet_spans):
            return at
