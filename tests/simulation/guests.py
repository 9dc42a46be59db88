"""A guest's browser, and who logs in with it, on a cluster with one partition."""

from __future__ import annotations

from typing import Any

from schemas.journey_log import Touchpoint
from schemas.topics import JOURNEYS_LOG
from streams.settings import Settings
from tests.simulation.script import Script
from tests.unit.journeys.play import seen_page

ALONE = Settings(partitions=1)
LOG = (JOURNEYS_LOG, 0)
SALT = b"s" * 16
GUEST = "anon:cookie:k"


def guest(at: int, **more: Any) -> Touchpoint:
    """Return a page that a browser shows which names nobody."""
    return seen_page(at, customer_key=GUEST, identifiers={"cookie": "k"}, **more)


def login(at: int, customer_id: str, **more: Any) -> Touchpoint:
    """Return a page that a customer sees in that browser: it links the two."""
    return seen_page(at, customer_key=customer_id, customer_id=customer_id, identifiers={"cookie": "k"}, **more)


def owner_of(script: Script, touchpoint: Touchpoint) -> str:
    """Return whose the row of a touchpoint is."""
    (found,) = [row for row in script.rows("touchpoints") if row["event_id"] == touchpoint.event_id]
    return str(found["customer_id"])
