"""Hard but valid touchpoints of people who come as several identities, from a seed.

Whoever does something is now a browser, now an address, now a telephone, now a customer, in the middle of a cart, a
call or a survey too: before they have logged in, on the millisecond from which on a touchpoint moves, after it, and
weeks before. Some share a browser, some have no customer's id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.oracle.nasty import Nasty
from tests.oracle.stories import TEXTS, Event
from tests.oracle.touchpoints import DAY, HOUR, MINUTE, MOVED_BEFORE

BEFORE_LINK = [
    MINUTE, HOUR, DAY, 2 * DAY, MOVED_BEFORE - 1, MOVED_BEFORE, MOVED_BEFORE + 1, 4 * DAY, 10 * DAY, 31 * DAY,
]  # fmt: skip
"""How long before the link a visit is: the sixth is the earliest that moves."""

NAMELESS = {"case_event", "support_call"}
"""Of these, and of answers, a part states nobody: what it is about tells whose it is, if anybody says whose that is."""


class NastyPeople(Nasty):
    """Makes the input for so many people; the same seed and `now` (epoch milliseconds) give the same lines."""

    def __init__(self, seed: int, now: int, people: int) -> None:
        super().__init__(seed, now)
        self._people = people

    def lines(self) -> list[Event]:
        """Return the touchpoints, repeated and shuffled."""
        made = [event for number in range(self._people) for event in self._met(number)]
        return self._out_of_order([*made, *self._turned("S1")])

    def _met(self, number: int) -> Iterator[Event]:
        """What a person does in seven weeks: stories under any of their names, and visits before a link."""
        stories: list[Callable[[Event, int], Iterator[Event]]] = [
            self._cart, self._cart, self._call, self._survey, self._case, self._posts, self._orders, self._pages,
        ]  # fmt: skip
        who: Event = {"person": number}
        start = self._now - self._random.randint(130, 190) * DAY
        self._carts = 0
        for story in self._random.choices(stories, k=self._random.randint(3, 7)):
            at = start + self._random.randint(0, 40 * DAY)
            yield from story(who, at)
            first, second = self._random.sample(_names(number), 2)
            yield self._event(who | _presented(first, second), at, "page_view", page="/login")
            for before in self._random.sample(BEFORE_LINK, k=2):
                yield self._event(who | _presented(second), at - before, "page_view", page="/", ok=False)

    def _event(self, who: Event, at: int, kind: str, **fields: object) -> Event:
        """Return an event of a person, under one or two of their names."""
        if "person" not in who:
            return super()._event(who, at, kind, **fields)
        names = _names(who["person"])
        if (kind in NAMELESS or fields.get("in_reply_to")) and self._random.random() < 0.25:
            return super()._event({}, at, kind, **fields)
        known = {name: value for name, value in who.items() if name != "person"}
        said = known or _presented(*self._random.sample(names, k=1 if self._random.random() < 0.8 else 2))
        return super()._event(said, at, kind, **fields)

    def _turned(self, name: str) -> Iterator[Event]:
        """Somebody who writes the same for weeks as a guest and a customer, and then the opposite, as both."""
        start = self._now - 100 * DAY
        for day in range(14):
            text = TEXTS[0] if day < 7 else TEXTS[1]
            email = {"email": f"{name}@example.com"}
            who: Event = {"customer_id": name, "identifiers": email} if day % 2 else {"identifiers": email}
            yield self._event(who, start + day * DAY, "tweet", post_id=f"{name} {day}", text=text)


def _names(number: int) -> list[tuple[str, str]]:
    """Return what a person is called: two of five share a browser, and every fourth has no customer's id."""
    browser = f"family {number // 5}" if number % 5 < 2 else f"browser {number}"
    names = [("cookie", browser), ("cookie", f"second {number}"), ("email", f"p{number}@example.com")]
    names += [("phone", f"+4930{number + 1_000_000}"), ("device", f"d-{number}"), ("cookie", browser)]
    return names if number % 4 == 0 else [("customer", f"P{number}"), *names]


def _presented(*names: tuple[str, str]) -> Event:
    """Return what a touchpoint states of these names; it has one cookie at most."""
    stated: dict[str, Any] = {}
    identifiers = {kind: value for kind, value in names if kind != "customer"}
    if identifiers:
        stated["identifiers"] = identifiers
    for kind, value in names:
        if kind == "customer":
            stated["customer_id"] = value
    return stated
