"""Why people come as several identities: one story of each reason, with what is shared and what is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from touchline.simulate.identities.individual import BRAND, CUSTOMER, Individual
from touchline.simulate.identities.unit import Unit
from touchline.simulate.shop import DAY_MS, HOUR_MS, MINUTE_MS

TEST_NUMBER = "+49 69 09876543"
"""Stated with every customer of one scenario."""


def _guest(unit: Unit, low: int, high: int) -> None:
    """Fill a cart as a guest, log in `low` to `high` ms later, and order what is in a cart of the guest's."""
    who = unit.add(CUSTOMER, "cookie", "email")
    at = who.visit(unit.start, "cookie")
    filled, basket = who.fill_cart(at, "cookie")
    login = filled + unit.random.randint(low, high)
    if login - filled > 30 * DAY_MS:
        # The cart of months ago is given up; the one that is ordered was filled by the guest on the day of the login.
        for month in range(1, (login - filled) // (30 * DAY_MS) + 1):
            who.visit(min(filled + month * 30 * DAY_MS, login - 2 * HOUR_MS), "cookie")
        _, basket = who.fill_cart(login - 15 * MINUTE_MS, "cookie")
    at = who.log_in(login, "cookie")
    who.order(at, CUSTOMER, "email", basket=basket)
    who.visit(at + who.days(1, 5), "cookie")
    who.case(at + who.days(5, 9), "email")
    who.answer(at + who.days(10, 20), CUSTOMER)


def _guest_who_stays(unit: Unit) -> None:
    """Order twice as a guest, by e-mail address and telephone; never log in."""
    who = unit.add("cookie", "email", "phone")
    at, basket = who.fill_cart(who.visit(unit.start, "cookie"), "cookie")
    who.order(at, "cookie", "email", basket=basket)
    who.call(at + who.days(1, 4), "phone", "email")
    who.call(at + who.days(5, 9), "phone")
    who.case(at + who.days(10, 20), "email")
    who.order(at + who.days(21, 60), "email")


def _many_identities(unit: Unit, *, spells: bool = False) -> None:
    """Touch the shop by each of six identities, before and after each is linked."""
    who = unit.add(CUSTOMER, "email", "phone", "twitter", "device", "cookie")
    who.spells = spells
    at = unit.start
    who.visit(at, "cookie")
    who.post(at + who.days(1, 3), "twitter")
    who.call(at + who.days(3, 5), "phone")
    who.log_in(at + who.days(6, 8), "cookie")
    who.order(at + who.days(8, 10), CUSTOMER, "email", "phone")
    who.log_in(at + who.days(10, 12), "device")
    who.case(at + who.days(12, 15), "email", "twitter")
    for nth, kind in enumerate(("cookie", "device", "cookie")):
        who.visit(at + who.days(20 + nth, 100), kind)
    who.post(at + who.days(20, 100), "twitter")
    who.call(at + who.days(20, 100), "phone")
    who.case(at + who.days(20, 100), "email")
    who.answer(at + who.days(20, 100), CUSTOMER)


def _shared_computer(unit: Unit) -> None:
    """Log in at the family's computer, one after the other, and use it without logging in, too."""
    cookie = None
    for nth in range(unit.size):
        who = unit.add(CUSTOMER, "email")
        cookie = who.hold("cookie", cookie)
        at = unit.start + nth * who.days(2, 9)
        at = who.log_in(who.visit(at, "cookie"), "cookie")
        who.order(at, CUSTOMER, "email", "cookie")
        for _ in range(2):
            who.visit(at + who.days(10, 60), "cookie")
        who.case(at + who.days(10, 60), "email")


def _shop_phone(unit: Unit) -> None:
    """Have the staff of one shop call for each customer, from the shop's telephone."""
    shop = f"+49 89 0{unit.first:07d}"
    for _ in range(unit.size):
        who = unit.add(CUSTOMER, "loyalty_card", "cookie")
        who.hold("phone", shop)
        at = unit.start + who.days(0, 30)
        who.visit(at, "cookie")
        who.log_in(at + DAY_MS, "cookie")
        who.order(at + 2 * DAY_MS, CUSTOMER, "loyalty_card", source="till")
        who.call(at + who.days(3, 30), CUSTOMER, "phone")
        who.call(at + who.days(31, 60), "phone")
        who.order(at + who.days(31, 60), "loyalty_card", source="till")


def _test_number(unit: Unit) -> None:
    """Fill in the telephone number that all fill in who want to give none; get a device later."""
    who = unit.add(CUSTOMER, "email", "cookie", "device")
    who.hold("phone", TEST_NUMBER)
    at = who.visit(unit.start, "cookie")
    who.order(at, CUSTOMER, "email", "phone", "cookie")
    who.visit(at + who.days(1, 25), "cookie")
    who.case(at + who.days(5, 90), "email")
    at = who.log_in(at + who.days(30, 60), "device")
    who.visit(at + who.days(1, 60), "device")


def _changed_phone(unit: Unit) -> None:
    """Call from one number, and half a year later from another."""
    who = unit.add(CUSTOMER, "email")
    changed = unit.start + who.days(60, 120)
    who.hold("phone", until=changed)
    who.hold("phone", since=changed)
    at = unit.start
    for began in (at, changed):
        who.call(began + who.days(0, 2), "phone")
        who.order(began + who.days(3, 8), CUSTOMER, "email", "phone")
        who.call(began + who.days(9, 50), "phone")


def _recycled_phone(unit: Unit) -> None:
    """Give up a number, which becomes another's after three months, who has a customer's number or has none."""
    before, after = unit.add(CUSTOMER, "email"), unit.add("email")
    left = unit.start + before.days(30, 60)
    taken = left + before.days(90, 110)
    number = before.hold("phone", until=left)
    after.hold("phone", number, since=taken)
    before.order(unit.start, CUSTOMER, "email", "phone")
    before.call(unit.start + before.days(1, 25), "phone")
    before.case(taken + before.days(1, 30), "email")
    if unit.random.random() < 0.5:
        after.hold(CUSTOMER)
    after.call(taken + after.days(0, 2), "phone")
    after.order(taken + after.days(3, 8), CUSTOMER, "email", "phone")
    after.call(taken + after.days(9, 30), "phone")
    after.case(taken + after.days(9, 30), "email")


def _changed_email(unit: Unit) -> None:
    """Use one address, and later another that is stated with the customer's number or with the browser alone."""
    who = unit.add(CUSTOMER, "cookie")
    changed = unit.start + who.days(60, 120)
    who.hold("email", until=changed)
    who.hold("email", since=changed)
    at = unit.start
    who.case(at, "email")
    who.order(at + who.days(3, 8), CUSTOMER, "email", "cookie")
    who.case(at + who.days(9, 50), "email")
    who.case(changed, "email")
    who.order(changed + who.days(3, 8), *unit.random.choice(((CUSTOMER, "email"), ("email", "cookie"))))
    who.case(changed + who.days(9, 50), "email")


def _shared_email(unit: Unit) -> None:
    """Be two customers with one e-mail address; the second ordered as a guest before logging in."""
    first, second = unit.add(CUSTOMER, "cookie"), unit.add(CUSTOMER, "cookie")
    address = first.hold("email")
    second.hold("email", address)
    at = first.log_in(first.visit(unit.start, "cookie"), "cookie")
    first.order(at, CUSTOMER, "email")
    at = second.visit(at + second.days(5, 20), "cookie")
    second.order(at, "cookie", "email")
    at = second.log_in(at + second.days(2, 10), "cookie")
    second.order(at, CUSTOMER, "email")
    for who in (first, second):
        who.visit(at + who.days(1, 40), "cookie")
        who.case(at + who.days(1, 40), "email")
        who.answer(at + who.days(1, 40), CUSTOMER)


def _mistyped_email(unit: Unit) -> None:
    """Type the e-mail address wrongly, with the browser that is known or before it is, or in a form of its own."""
    who = unit.add(CUSTOMER, "cookie", "email")
    at, typed = unit.start, unit.random.choice(("at first", "later", "in a contest"))
    if typed == "at first":
        who.mistype(at, "cookie")
    at = who.log_in(who.visit(at + MINUTE_MS, "cookie"), "cookie")
    who.order(at, CUSTOMER, "email")
    if typed == "later":
        who.mistype(at + who.days(1, 40), "cookie")
    elif typed == "in a contest":
        who.mistype(at + who.days(1, 40), source="contest")
    who.case(at + who.days(1, 40), "email")


def _subject_only(unit: Unit) -> None:
    """Let agents, the brand and the carrier speak of the customer's case, post and order."""
    who = unit.add(CUSTOMER, "email", "twitter", "phone", "cookie")
    at = who.log_in(unit.start, "cookie")
    order = who.order(at, CUSTOMER, "email", "phone")
    who.post(at + who.days(1, 3), "twitter", CUSTOMER)
    nobody: dict[str, str] = {}
    only = unit.subject_only
    who.refund(at + who.days(3, 8), order, *(() if only else ("email",)))
    who.call(at + who.days(3, 8), "phone", ends_by=())
    who.case(at + who.days(8, 12), "email", agent=nobody)
    who.post(at + who.days(8, 30), "twitter", brand=nobody if only else BRAND)


def _one_visit(unit: Unit) -> None:
    """Come once, with a cookie, and never say who it is."""
    who = unit.add("cookie")
    at = who.visit(unit.start, "cookie")
    if unit.random.random() < 0.12:
        who.fill_cart(at, "cookie")


class Scenario(NamedTuple):
    """One reason.

    Attributes:
        per_hundred: how many of a hundred people come so.
        sizes: how many people its units have, in turn.
        shares: whether an identity may be somebody else's, too, so that no rule can tell all of them apart.
        play: adds the unit's people, and what they do.
    """

    per_hundred: int
    sizes: tuple[int, ...]
    shares: bool
    play: Callable[[Unit], None]


SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "guest_minutes": Scenario(8, (1,), False, partial(_guest, low=MINUTE_MS, high=20 * MINUTE_MS)),
        "guest_days": Scenario(8, (1,), False, partial(_guest, low=DAY_MS, high=20 * DAY_MS)),
        "guest_months": Scenario(6, (1,), False, partial(_guest, low=60 * DAY_MS, high=120 * DAY_MS)),
        "guest_stays": Scenario(6, (1,), False, _guest_who_stays),
        "many_identities": Scenario(12, (1,), False, _many_identities),
        "spellings": Scenario(6, (1,), False, partial(_many_identities, spells=True)),
        "changed_phone": Scenario(4, (1,), False, _changed_phone),
        "changed_email": Scenario(4, (1,), False, _changed_email),
        "mistyped_email": Scenario(5, (1,), False, _mistyped_email),
        "subject_only": Scenario(5, (1,), False, _subject_only),
        "one_visit": Scenario(13, (1,), False, _one_visit),
        "shared_computer": Scenario(5, (2, 3), True, _shared_computer),
        "shared_email": Scenario(4, (2,), True, _shared_email),
        "recycled_phone": Scenario(4, (2,), True, _recycled_phone),
        "shop_phone": Scenario(5, (5,), True, _shop_phone),
        "test_number": Scenario(5, (1,), True, _test_number),
    }
)
"""By name; in every hundred people each has at least one."""


def people_of(unit: Unit) -> list[Individual]:
    """Play a unit; return its people."""
    SCENARIOS[unit.scenario].play(unit)
    return unit.people
