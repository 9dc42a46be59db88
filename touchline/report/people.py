"""How many touchpoints are a named customer's, and people whom links put together: built of rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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
    """How many touchpoints there are, are a named customer's, and are theirs by a link alone; and some examples."""

    touchpoints: int
    named: int
    linked: int
    stitched: list[Stitched]


def build_people(shares: Iterable[RowDict], stitched: Iterable[RowDict]) -> People:
    """Return the people, in the order of their rows."""
    row = next(iter(shares), {"touchpoints": 0, "named": 0, "linked": 0})
    return People(
        touchpoints=int(row["touchpoints"]),
        named=int(row["named"]),
        linked=int(row["linked"]),
        stitched=[
            Stitched(
                str(one["customer_id"]),
                [
                    Appearance(int(at), str(identity), str(kind), str(action))
                    for at, identity, kind, action in one["steps"]
                ],
            )
            for one in stitched
        ],
    )
