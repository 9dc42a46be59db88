"""What INGEST takes to find whose a touchpoint is, and what it states anew of who is who."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import msgspec

from schemas.kinds.touchpoint import Touchpoint
from streams.identity.identities import Identities
from streams.identity.statements import Statements

_EMPTY = 100_000
NEVER_LATE = 0


class Sent(msgspec.Struct):
    """What is looked at of a touchpoint; the time in ms."""

    event_id: str
    occurred_at: int
    customer_id: str | None
    identifiers: dict[str, str]


@dataclass
class Taken:
    """What some touchpoints took.

    Attributes:
        us: of CPU.
        stated: how many stated something new.
    """

    touchpoints: int = 0
    us: float = 0.0
    stated: int = 0

    @property
    def mean_us(self) -> float:
        """Microseconds a touchpoint."""
        return self.us / max(1, self.touchpoints)


@dataclass(frozen=True)
class Intake:
    """What all touchpoints took: those that state a telephone which was never read before, and all others.

    Attributes:
        hits: share of the telephones that were found in the cache.
    """

    others: Taken
    first_phones: Taken
    hits: float


def measure_intake(sent: Iterable[Sent]) -> Intake:
    """Return what INGEST takes for the identities of touchpoints, without what the measuring itself takes."""
    identities = Identities()
    statements = Statements(identities)
    others, first_phones = Taken(), Taken()
    empty_us = _empty_us()
    for one in sent:
        touchpoint = cast(Touchpoint, one)  # it has the fields that are looked at
        misses = identities.phones.cache_hits()[1]
        began = time.thread_time_ns()
        identities.customer_key_of(one.customer_id, one.identifiers)
        stated = statements.stated_by(touchpoint, NEVER_LATE) if one.identifiers else None
        took = (time.thread_time_ns() - began) / 1_000 - empty_us
        taken = others if identities.phones.cache_hits()[1] == misses else first_phones
        taken.touchpoints += 1
        taken.us += took
        taken.stated += stated is not None
    found, missed = identities.phones.cache_hits()
    return Intake(others, first_phones, found / max(1, found + missed))


def _empty_us() -> float:
    """Return what it takes to measure nothing."""
    took = 0
    for _ in range(_EMPTY):
        began = time.thread_time_ns()
        took += time.thread_time_ns() - began
    return took / 1_000 / _EMPTY
