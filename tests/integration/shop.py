"""Touchpoints for the tests on real servers: a simulated shop, anonymous tweets, repetitions, and a few bad ones."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from touchline.simulate import simulate

Event = dict[str, Any]

_AIRLINES = ("@VirginAmerica", "@united", "@SouthwestAir", "@JetBlue", "@USAirways", "@AmericanAir")
_OPENINGS = (
    "my flight to Boston was",
    "the crew was",
    "your phone line is",
    "boarding was",
    "my bag is",
    "checking in was",
)
_VERDICTS = (
    "cancelled again, this is terrible :(",
    "absolutely AWESOME, thank you!!!",
    "not good at all",
    "two hours late and nobody told us",
    "fine I guess",
    "lost. I hate this, worst airline ever",
    "really great, love you guys 😀",
)


def shop(customers: int, days: int, seed: int) -> list[Event]:
    """Return a simulated shop's events, which end with 2025."""
    events, _ = simulate(customers, days, seed)
    return list(events)


def tweets(count: int, days: int, seed: int) -> list[Event]:
    """Return tweets to airlines in the days before 2026, by authors who are known only by their Twitter name."""
    chance = random.Random(seed)
    end = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        {
            "kind": "tweet",
            "event_id": f"airline-{number}",
            "occurred_at": (end - timedelta(seconds=chance.randrange(1, days * 86_400))).isoformat(),
            "source": "airlines",
            "identifiers": {"twitter": f"@traveller{chance.randrange(count // 3)}"},
            "attributes": {"airline": (airline := chance.choice(_AIRLINES))[1:]},
            "post_id": f"post-{number}",
            "text": f"{airline} {chance.choice(_OPENINGS)} {chance.choice(_VERDICTS)}",
            "lang": "en",
        }
        for number in range(count)
    ]


def refused(at: datetime) -> list[Event]:
    """Return an answer outside its scale, a tweet of nobody, and two tweets that share an id: three are refused."""
    tweet = {"kind": "tweet", "occurred_at": at.isoformat(), "source": "test", "post_id": "p", "text": "hm"}
    answer = {
        "kind": "survey_answer",
        "event_id": "eleven",
        "occurred_at": at.isoformat(),
        "source": "test",
        "customer_id": "C-eleven",
        "response_id": "r",
        "survey_id": "s",
        "phase": "answered",
        "question_kind": "nps",
        "score": 11,
    }
    nobody = {**tweet, "event_id": "nobody", "identifiers": {"twitter": "null"}}
    first = {**tweet, "event_id": "one-id", "customer_id": "C-one-id"}
    later = {**first, "occurred_at": (at + timedelta(minutes=1)).isoformat(), "text": "another"}
    return [answer, nobody, first, later]


def family(at: datetime) -> list[Event]:
    """Return visits of two customers, each logged in, with one browser."""
    visit = {"kind": "page_view", "occurred_at": at.isoformat(), "source": "test", "page": "/"}
    browser = {"identifiers": {"cookie": "of the family"}}
    return [{**visit, **browser, "event_id": f"visit-{who}", "customer_id": f"C-{who}"} for who in ("ann", "bob")]


def restated(events: list[Event]) -> Event:
    """Return an order of the input as a second system states it."""
    order = next(event for event in events if event["kind"] == "purchase" and event.get("action") != "refunded")
    return {**order, "event_id": f"{order['order_id']}-books"}


def repeated(events: list[Event], count: int, seed: int) -> list[Event]:
    """Return some of the events, to be sent again."""
    return random.Random(seed).sample(events, count)


def write(events: list[Event], file: Path) -> Path:
    """Write events as `touchline publish` takes them; return the file."""
    file.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    return file
