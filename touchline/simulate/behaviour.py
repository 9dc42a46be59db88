"""What the simulated people do in the whole period, day by day; the turns of their mood are planned first."""

from __future__ import annotations

from random import Random

from touchline.simulate import service, texts, visits
from touchline.simulate.care import look_after
from touchline.simulate.person import Event, Person, Turn
from touchline.simulate.shop import (
    CURRENCY,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    PRODUCTS,
    REGIONS,
    SEGMENTS,
    Period,
    random_moment,
    weekday_factor,
)

# How often an average customer does each on an average day.
_BROWSE, _SHOP, _MANAGE, _POST, _CALL, _CASE, _ASKED = 0.10, 0.075, 0.02, 0.018, 0.012, 0.008, 0.012
_TURN_WORSE, _TURN_BETTER, _WON_BACK = 0.14, 0.05, 0.3
_LEVEL_WORSE, _LEVEL_BETTER = -0.65, 0.6


def simulate_customer(number: int, seed: int, period: Period) -> Person:
    """Return customer `number` with all that they do in the period."""
    random = Random(f"{seed}/customer/{number}")  # noqa: S311  # a simulation needs no secret randomness
    name = f"H{number:05d}"
    person = Person(
        name=name,
        random=random,
        customer_id=name,
        region=random.choice(REGIONS),
        segment=random.choice(SEGMENTS),
        activity=random.gammavariate(2.0, 0.5),
        vocal=random.choice((0.4, 0.7, 1.0, 1.5)),
        base=max(0.0, min(0.85, random.gauss(0.45, 0.15))),
        on_app=random.random() < 0.25,
    )
    _plan_turns(person, period)
    # The account's first page links the Twitter handle and the browser to it.
    first = random_moment(random, period.start + random.randrange(max(1, _days(period) // 4)) * DAY_MS)
    welcome = visits.view(person, first, "portal", "/portal/profile", action="profile_saved")
    welcome["identifiers"] = {**person.browser(), "twitter": f"@{name.lower()}"}
    _simulate_days(person, period, first)
    look_after(person, period)
    _clear_around_turns(person)
    return person


def simulate_visitor(number: int, seed: int, period: Period) -> Person:
    """Return visitor `number`, who stays anonymous."""
    random = Random(f"{seed}/stranger/{number}")  # noqa: S311  # a simulation needs no secret randomness
    person = Person(
        name=f"V{number:05d}",
        random=random,
        customer_id=None,
        region=random.choice(REGIONS),
        segment="unknown",
        on_app=random.random() < 0.2,
    )
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        day = period.start + random.randrange(_days(period)) * DAY_MS
        at = visits.browse(person, random_moment(random, day))
        if person.chance(0.12):
            cart = visits.Cart(person, None)
            cart.fill(at)
    return person


def _days(period: Period) -> int:
    return max(1, (period.end - period.start) // DAY_MS)


def _simulate_days(person: Person, period: Period, first: int) -> None:
    random = person.random
    for day in range(first - first % DAY_MS, period.end, DAY_MS):
        rate = person.activity * weekday_factor(day)
        at = random_moment(random, day)
        if person.chance(rate * _BROWSE):
            visits.browse(person, at, signed_in=person.chance(0.5))
        if person.chance(rate * _SHOP):
            order = visits.shop(person, random_moment(random, day))
            if order is not None:
                _after_order(person, order, period)
        if person.segment == "business" and person.chance(rate * _MANAGE * 4):
            visits.manage(person, random_moment(random, day))
        if person.chance(rate * person.vocal * _POST):
            service.post(person, random_moment(random, day), _product(random))
        if person.chance(rate * _CALL):
            _call(person, random_moment(random, day, phone=True), random.choice(service.TOPICS), period)
        if person.chance(rate * _CASE):
            _case(person, random_moment(random, day), random.choice(service.TOPICS))
        if person.chance(rate * _ASKED):
            service.survey(person, random_moment(random, day), "nps", "the shop")


def _after_order(person: Person, order: visits.Order, period: Period) -> None:
    """Deliver an order, well or badly, and let the customer react."""
    random = person.random
    there = order.at + int(random.uniform(1.2, 4) * DAY_MS)
    fails = 0.3 if period.has_delivery_trouble(order.at, person.region) else 0.03
    if person.chance(fails):
        at = random_moment(random, there - there % DAY_MS + DAY_MS, phone=True)
        failed = service.step(person, at - 2 * HOUR_MS, person.next_id("t"), "updated", "bot", "delivery")
        failed["text"] = "Delivery attempt failed, the parcel goes back to the depot."
        if person.chance(0.5):
            person.botched.append((failed, "call"))
            _call(person, at, "delivery", period)
        else:
            person.botched.append((failed, "case"))
            _case(person, at, "delivery")
        if person.chance(0.4):
            visits.refund(person, order, at + DAY_MS)
        return
    if person.chance(0.3):
        service.survey(person, there + 6 * HOUR_MS, "csat", order.product)
    if person.chance(min(0.8, 0.12 * person.vocal)):
        service.review(person, random_moment(random, there - there % DAY_MS + DAY_MS), order.product)
    if person.chance(0.02):
        visits.refund(person, order, there + 2 * DAY_MS)


def _call(person: Person, at: int, topic: str, period: Period) -> None:
    busy = 3.0 if period.carrier_start <= at < period.carrier_end else 1.0
    ended = service.call(person, at, topic, busy)
    if person.chance(0.5):
        score: service.Score = person.random.choice(("csat", "ces"))
        service.survey(person, ended + 30 * MINUTE_MS, score, "the call")


def _case(person: Person, at: int, topic: str) -> None:
    ended = service.case(person, at, topic, _product(person.random))
    if person.chance(0.4):
        service.survey(person, ended + HOUR_MS, "ces", "the case")


def _plan_turns(person: Person, period: Period) -> None:
    """Let the mood of some customers turn lastingly, and win some of those back."""
    random = person.random
    draw = random.random()
    if draw < _TURN_WORSE:
        person.activity, person.vocal = 1.6, 9.0
        _turn_worse(person, period, random.uniform(0.36, 0.55))
        if person.turns and person.chance(_WON_BACK):
            _turn_better(person, period, random.uniform(0.72, 0.78))
    elif draw < _TURN_WORSE + _TURN_BETTER:
        person.activity, person.vocal = 1.6, 9.0
        person.base = -0.5
        _turn_better(person, period, random.uniform(0.4, 0.6))


def _turn_worse(person: Person, period: Period, share: float) -> None:
    random = person.random
    at = _office_hours(random, period.at(share))
    draw = random.random()
    if draw < 0.6:
        person.region = random.choice(("coast", "islands"))
        case_id = person.next_id("t")
        cause = service.step(person, at, case_id, "updated", "bot", "delivery")
        cause["text"] = "Delivery attempt failed, the parcel goes back to the depot."
        held_at = at + random.randint(30, 120) * MINUTE_MS
        _, onset = service.abandon_on_hold(person, held_at, "delivery")
        _record_turn(person, cause, onset, _LEVEL_WORSE, "a failed delivery, then a long hold")
    elif draw < 0.8:
        cause, onset = service.abandon_on_hold(person, at, "billing")
        _record_turn(person, cause, onset, _LEVEL_WORSE, "a hold without end")
    else:
        cause = person.add(
            "purchase",
            at,
            "orders",
            attributes=person.attributes(product="grinder"),
            order_id=person.next_id("o"),
            action="placed",
            amount_minor=8_900,
            currency=CURRENCY,
        )
        onset = service.post(person, at + 3 * DAY_MS, "grinder")
        onset["text"] = texts.post(random, -0.9, "grinder")
        _record_turn(person, cause, onset, _LEVEL_WORSE, "a broken grinder")


def _turn_better(person: Person, period: Period, share: float) -> None:
    random = person.random
    at = _office_hours(random, period.at(share))
    if person.chance(0.5):
        cause, onset = service.called_back(person, at, "delivery")
        _record_turn(person, cause, onset, _LEVEL_BETTER, "a call back that settled it")
    else:
        case_id = person.next_id("t")
        cause = service.step(person, at, case_id, "solution_offered", "agent", "delivery")
        solved = at + random.randint(40, 300) * MINUTE_MS
        onset = service.step(person, solved, case_id, "resolved", "agent", "delivery")
        _record_turn(person, cause, onset, _LEVEL_BETTER, "a voucher and a new parcel")


def _record_turn(person: Person, cause: Event, onset: Event, level: float, why: str) -> None:
    person.turns.append(
        Turn(
            at=onset["occurred_at"],
            level=level,
            direction="worse" if level < 0 else "better",
            onset_event_id=onset["event_id"],
            cause_event_id=cause["event_id"],
            cause_kind=cause["kind"],
            cause_at=cause["occurred_at"],
            why=why,
        )
    )
    between = frozenset(person.events_at)
    person.quiet_spans.append((cause["occurred_at"], onset["occurred_at"], between))


def _clear_around_turns(person: Person) -> None:
    """Remove the other events between a turn's cause and its onset: they would blur the cause."""
    for first, last, kept in person.quiet_spans:
        for at in [at for at in person.events_at if first < at < last and at not in kept]:
            del person.events_at[at]


def _office_hours(random: Random, at: int) -> int:
    return random_moment(random, at - at % DAY_MS, phone=True)


def _product(random: Random) -> str:
    return random.choice(PRODUCTS)[1]
