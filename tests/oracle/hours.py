"""How many touchpoints of each kind and hour were accepted and came again, as the view `reconciliation` has to say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.oracle.histories import CustomerHistory
from tests.oracle.touchpoints import ACTIONS, HOUR, milliseconds

Key = tuple[str, int]
"""A kind, and the beginning of an hour."""


def rows(lines: Iterable[Mapping[str, Any]], people: Iterable[CustomerHistory]) -> Iterator[dict[str, Any]]:
    """Give the expected rows: a touchpoint counts once, in whose journeys it ever was; nothing came late."""
    seen: set[str] = set()
    accepted: Counter[Key] = Counter()
    duplicates: Counter[Key] = Counter()
    for record in lines:
        if record["kind"] in ACTIONS:
            counts = duplicates if record["event_id"] in seen else accepted
            counts[_key(record["kind"], milliseconds(record["occurred_at"]))] += 1
            seen.add(record["event_id"])
    superseded: Counter[Key] = Counter()
    for history in people:
        gone = history.superseded
        superseded.update(_key(touch.kind, touch.at) for touch in history.touches if touch.event_id in gone)
    for (kind, hour), count in accepted.items():
        yield {
            "kind": kind,
            "hour": hour,
            "accepted": count,
            "late": 0,
            "refused": 0,
            "duplicates": duplicates[kind, hour],
            "superseded": superseded[kind, hour],
            "found": count,
            "missing": 0,
        }


def _key(kind: str, at: int) -> Key:
    return kind, at // HOUR * HOUR
