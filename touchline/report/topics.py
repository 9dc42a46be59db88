"""What people talk about, how they sound, and what they talk about more often than before: built of rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from touchline.report.estimates import RowDict


@dataclass(frozen=True)
class Topic:
    """A topic: how often it was mentioned, by how many customers, and how these sounded where it could be told."""

    name: str
    mentions: int
    customers: int
    scored: int
    negative: int
    positive: int


@dataclass(frozen=True)
class Growth:
    """A topic that was mentioned more often in the last 14 days than in the 14 days before them."""

    name: str
    mentions: int
    before: int


@dataclass(frozen=True)
class Topics:
    """The topics that were mentioned most, how many others there are, and those that grow, the surest first."""

    most: list[Topic]
    others: int
    growing: list[Growth]


def build_topics(totals: Iterable[RowDict], growing: Iterable[RowDict]) -> Topics:
    """Return the topics, in the order of their rows, of which each says how many topics there are."""
    rows = list(totals)
    return Topics(
        most=[
            Topic(
                name=str(row["topic"]),
                mentions=int(row["mentions"]),
                customers=int(row["customers"]),
                scored=int(row["scored"]),
                negative=int(row["negative"]),
                positive=int(row["positive"]),
            )
            for row in rows
        ],
        others=int(rows[0]["topics"]) - len(rows) if rows else 0,
        growing=[Growth(str(row["topic"]), int(row["mentions"]), int(row["before"])) for row in growing],
    )
