"""People who come as several identities, by a seed: their touchpoints in the order in which they happen."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Literal

from schemas.identity_links import CUSTOMER, Command, Identity
from schemas.journey_log import Touchpoint
from streams.identity.identities import Identities
from tests.unit.journeys.play import DAY, HOUR, MINUTE, SECOND, T0, call, cart, case, order, said, seen_page, survey

LAGS = (0, 0, 0, 0, MINUTE, MINUTE, 3 * HOUR, 2 * DAY)
"""By how much later than it happened a touchpoint arrives, ms."""
LATEST = 3 * DAY
"""As late as may be."""
MOVED = 3 * DAY
"""So long before the login what guests did is their customers', by the settings' usual days."""
SHARED = "k-shared"
GAPS = (SECOND, MINUTE, 10 * MINUTE, 40 * MINUTE, 2 * HOUR, 9 * HOUR, 2 * DAY)


PERSONS = 6


def people(
    seed: int,
    count: int,
    persons: int = 4,
    shared: float = 0.2,
    *,
    seldom: bool = False,
    guests_until: int = 0,
    held: bool = False,
) -> list[Touchpoint]:
    """Return touchpoints of a few people, some of whom share what identifies them, in the order of their arrival.

    Args:
        persons: how many people there are at most, `PERSONS` or fewer.
        shared: the part of the cookies that are the browser of all of them.
        seldom: whether they seldom state who they are, and that comes as late as may be, as a till's receipts do.
        guests_until: each of them is a guest for some time, up to this (ms): before that nobody states a customer, and
            hardly anybody two identifiers.
        held: whether guests are on hold when what they do begins to be the customer's.
    """
    rng = random.Random(seed)
    identities, persons = Identities(), rng.randrange(1, persons + 1)
    logs_in, lags_of_known = (0.06, (LATEST,)) if seldom else (0.3, LAGS)
    known_from = [random.Random(f"{seed}/{person}").randrange(guests_until + 1) for person in range(persons)]
    at = 0
    made: list[tuple[int, Touchpoint]] = []
    for number in range(count):
        at += rng.choice(GAPS)
        person = rng.randrange(persons)
        customer_id, identifiers = _presented(rng, person, shared, logs_in)
        if guests_until and at < known_from[person]:
            customer_id, identifiers = None, _as_a_guest(rng, person)
        stated: dict[str, Any] = {
            "event_id": f"e{number:05}",
            "fingerprint": number,
            "source_offset": number,
            "customer_id": customer_id,
            "identifiers": identifiers,
            "customer_key": identities.customer_key_of(customer_id, identifiers),
        }
        lags = LAGS if customer_id is None else lags_of_known
        made.append((at + rng.choice(lags), _touchpoint(rng, at, person, number, stated)))
    if held:
        made += _held_calls(random.Random(f"{seed}/calls"), [touchpoint for _, touchpoint in made], identities)
    made.sort(key=lambda arrived: arrived[0])
    return [touchpoint for _, touchpoint in made]


def _held_calls(rng: random.Random, story: list[Touchpoint], identities: Identities) -> list[tuple[int, Touchpoint]]:
    """Return, with their arrivals, calls of guests who are on hold when what they do begins to be the customer's.

    Args:
        story: touchpoints in the order in which they happened.
    """
    made: list[tuple[int, Touchpoint]] = []
    logged_in: set[str] = set()
    for one in story:
        own = {kind: value for kind, value in one.identifiers.items() if value != SHARED}
        if one.customer_id is None or one.customer_id in logged_in or not own:
            continue
        logged_in.add(one.customer_id)
        waits, talks, hold, after = (rng.choice((SECOND, MINUTE, 40 * MINUTE)) for _ in range(4))
        held_at = one.occurred_at - T0 - MOVED - hold // 2
        phases = {"queued": held_at - talks - waits, "answered": held_at - talks, "held": held_at}
        phases |= {"resumed": held_at + hold, "ended": held_at + hold + after}
        for phase, at in phases.items():
            number = len(story) + len(made)
            stated: dict[str, Any] = {
                "event_id": f"e{number:05}",
                "fingerprint": number,
                "source_offset": number,
                "identifiers": own,
                "customer_key": identities.customer_key_of(None, own),
            }
            made.append((at + rng.choice(LAGS), call(at, phase, f"h{one.customer_id}", **stated)))
    return made


def commands(seed: int, count: int) -> list[Command]:
    """Return decisions on people's identities, some of which take back others."""
    rng = random.Random(seed)
    found = []
    pairs = [rng.sample(_identities(), 2) for _ in range(rng.randint(1, max(count, 1)))]
    for number in range(count):
        first, second = rng.choice(pairs)
        action: Literal["link", "unlink"] = rng.choice(("link", "unlink"))
        found.append(Command(action, first, second, T0 + rng.randrange(9 * HOUR), f"d{number}"))
    return found


def _identities() -> list[Identity]:
    of_persons = [((CUSTOMER, f"c{n}"), ("cookie", f"k{n}"), ("email", f"p{n}@example.com")) for n in range(PERSONS)]
    return [("cookie", SHARED), *(identity for identities in of_persons for identity in identities)]


def _presented(rng: random.Random, person: int, shared: float, logs_in: float) -> tuple[str | None, dict[str, str]]:
    customer_id = f"c{person}" if rng.random() < logs_in else None
    identifiers = {}
    if rng.random() < 0.6:
        identifiers["cookie"] = SHARED if rng.random() < shared else f"k{person}"
    if rng.random() < 0.3 or not (customer_id or identifiers):
        identifiers["email"] = f"p{person}@example.com"
    return customer_id, identifiers


def _as_a_guest(rng: random.Random, person: int) -> dict[str, str]:
    cookie, email = {"cookie": f"k{person}"}, {"email": f"p{person}@example.com"}
    return rng.choice((cookie, cookie, cookie, email, email, {**cookie, **email} if rng.random() < 0.2 else cookie))


def _touchpoint(rng: random.Random, at: int, person: int, number: int, stated: dict[str, Any]) -> Touchpoint:
    thing = f"{person}-{rng.randrange(3)}"
    makes: list[Callable[[], Touchpoint]] = [
        lambda: order(at, rng.randrange(1, 99), order_id=f"o{number}", cart_id=f"k{thing}", **stated),
        lambda: cart(at, rng.choice(("item_added", "checkout_started")), f"k{thing}", value=number, **stated),
        lambda: cart(at, "item_added", f"k{thing}", value=number, **stated),
        lambda: call(at, rng.choice(("queued", "answered", "held", "ended")), f"l{thing}", **stated),
        lambda: said(at, rng.randrange(-9_000, 9_000), post_id=f"t{number}", **stated),
        lambda: survey(
            at, "answered", f"r{thing}", question_kind="nps", score=9.0, normalised=rng.randrange(9_999), **stated
        ),
        lambda: case(at, rng.choice(("opened", "resolved")), f"d{thing}", **stated),
        lambda: seen_page(at, **stated),
    ]
    return rng.choice(makes)()


IDENTITIES = _identities()
"""All that people may state."""
