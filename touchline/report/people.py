"""How many touchpoints are a named customer's, and people whom links put together: built of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from touchline.report.estimates import RowDict


@dataclass(frozen=True)
class Appearance:
    """When somebody first appeared as one of their identities in a journey (ms), and what that touchpoint was.

    Attributes:
        identity: the kind of the identifier, "" for the customer's own id.
    """

    at: int
    identity: str
    kind: str
    action: str


@dataclass(frozen=True)
class Stitched:
    """A journey of a customer who came under several identities, in the order in which they came."""

    customer_id: str
    appearances: list[Appearance]


@dataclass(frozen=True)
class People:
    """How many touchpoints there are, are a named customer's, and are theirs by a link alone.

    Attributes:
        stitched_people: customers who came as several identities in one journey.
        stitched: one of them, with the most identities.
    """

    touchpoints: int
    named: int
    linked: int
    stitched_people: int
    stitched: Stitched | None


def build_people(shares: Iterable[RowDict], stitched: Iterable[RowDict]) -> People:
    """Return the people, of whom the first row is the example."""
    row = next(iter(shares), {"touchpoints": 0, "named": 0, "linked": 0})
    one = next(iter(stitched), None)
    return People(
        touchpoints=int(row["touchpoints"]),
        named=int(row["named"]),
        linked=int(row["linked"]),
        stitched_people=0 if one is None else int(one["people"]),
        stitched=None if one is None else Stitched(str(one["customer_id"]), list(map(_appearance, one["steps"]))),
    )


def _appearance(step: Sequence[Any]) -> Appearance:
    at, identity, kind, action = step
    return Appearance(int(at), str(identity), str(kind), str(action))
