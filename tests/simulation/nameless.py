"""People's touchpoints of which some state nobody, and some name a case as another source's case is called, too."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from schemas.journey_log import Touchpoint
from schemas.kinds.cart_event import CartEvent
from schemas.kinds.case_event import CaseEvent
from schemas.kinds.purchase import Purchase
from schemas.kinds.support_call import SupportCall
from schemas.kinds.tweet import Tweet
from tests.oracle.subjects import About
from tests.unit.journeys.play import MINUTE, T0, case, order, said

SOURCES = ("desk", "shop")


def with_nameless(touchpoints: list[Touchpoint], seed: int, part: float = 0.3) -> list[Touchpoint]:
    """Return touchpoints of which a part states nobody any more, and answers of the brand and others between them."""
    rng = random.Random(seed)
    made: list[Touchpoint] = []
    posts: list[str] = []
    for one in touchpoints:
        stated = replace(one, source=rng.choice(SOURCES))
        if subjects_of(stated) and not isinstance(one, Tweet) and rng.random() < part:
            stated = nameless(stated)
        made.append(stated)
        if isinstance(one, Tweet):
            posts.append(one.post_id)
        made += _more(rng, one, posts, len(made))
    return made


def _more(rng: random.Random, one: Touchpoint, posts: list[str], number: int) -> Iterator[Touchpoint]:
    """Yield what others say at about the time of a touchpoint; none of it states anybody."""
    at = one.occurred_at - T0 + rng.randrange(MINUTE)
    common: dict[str, Any] = {
        "event_id": f"n{number:05}",
        "fingerprint": 1_000_000 + number,
        "source_offset": 1_000_000 + number,
        "source": rng.choice(SOURCES),
        "customer_key": "",
    }
    happens = rng.random()
    if happens < 0.15:
        # To an answer, to a post, or to what is only posted later, or never.
        to = rng.choice([*posts, f"t{rng.randrange(100)}"])
        posts.append(f"a{number}")
        yield nameless(said(at, None, post_id=f"a{number}", author="brand", in_reply_to=to, **common))
    elif happens < 0.25:
        # Two helpdesks have a case of this name.
        named = case(at, rng.choice(("opened", "resolved")), "d-both", **common)
        known = {"customer_id": one.customer_id, "identifiers": one.identifiers, "customer_key": one.customer_key}
        yield replace(named, **known) if rng.random() < 0.4 else nameless(named)
    elif happens < 0.3:
        # A webhook that knows the order's cart.
        yield nameless(order(at, 5, order_id=f"w{number}", cart_id=f"k{rng.randrange(4)}-{rng.randrange(3)}", **common))
        common |= {"event_id": f"m{number:05}", "fingerprint": 2_000_000 + number, "source_offset": 2_000_000 + number}
        yield nameless(order(at + 5, 5, order_id=f"w{number}", action="refunded", **common))


def nameless(touchpoint: Touchpoint) -> Touchpoint:
    """Return a touchpoint without what it states of who it is."""
    return replace(touchpoint, customer_id=None, identifiers={}, customer_key=subjects_of(touchpoint)[0])


def about(touchpoint: Touchpoint) -> About:
    """Return what the oracle has to know of a touchpoint."""
    subjects = subjects_of(touchpoint)
    key = None if touchpoint.customer_key in subjects else touchpoint.customer_key
    answers = isinstance(touchpoint, Tweet) and touchpoint.in_reply_to is not None
    return About(touchpoint.occurred_at, touchpoint.event_id, touchpoint.source, key, subjects, answers)


def subjects_of(touchpoint: Touchpoint) -> tuple[str, ...]:
    """Return the names of what a touchpoint is about; of one that nobody answers a post is none."""
    named: dict[str, str | None] = {}
    if isinstance(touchpoint, Purchase):
        named = {"order": touchpoint.order_id, "cart": touchpoint.cart_id}
    elif isinstance(touchpoint, CartEvent):
        named = {"cart": touchpoint.cart_id}
    elif isinstance(touchpoint, SupportCall):
        named = {"call": touchpoint.call_id, "case": touchpoint.case_id}
    elif isinstance(touchpoint, CaseEvent):
        named = {"case": touchpoint.case_id}
    elif isinstance(touchpoint, Tweet):
        posts = (touchpoint.in_reply_to, touchpoint.post_id)
        return tuple(f"anon:post:twitter:{post}" for post in posts if post is not None)
    return tuple(f"anon:{kind}:{value}" for kind, value in named.items() if value is not None)
