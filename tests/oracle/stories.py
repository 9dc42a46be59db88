"""Makes touchpoints from a seed and writes them as lines: repeated, out of order, times in several notations."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from tests.oracle.touchpoints import DAY, SECOND

Event = dict[str, Any]

ATTRIBUTES: list[dict[str, str]] = [
    {},
    {"region": "north"},
    {"region": "Île-de-France", "segment": ""},
    {"product": "tea 🫖", "campaign": 'it\'s "here"\t\\'},
    {"channel": "billboard", "all": "me", "currency": "XXX"},
]
TEXTS = [
    "I love it, thank you so much!",
    "Terrible. The worst service ever, I am furious.",
    "ok",
    "😡😡",
    "très bien, merci",
    "最悪",
    'line one\nline "two"\t\\',
]


class Stories:
    """What all inputs have in common; the same seed and the same `now` (epoch milliseconds) give the same lines."""

    def __init__(self, seed: int, now: int) -> None:
        self._random = random.Random(seed)
        self._now = now // DAY * DAY
        self._count = 0

    def _event(self, who: Event, at: int, kind: str, **fields: object) -> Event:
        self._count += 1
        event = {
            "kind": kind,
            "event_id": f"{self._random.choice('aZ☃')}-{self._count}",
            "occurred_at": at,
            "source": f"{kind} service",
            **who,
            "attributes": self._random.choice(ATTRIBUTES),
            **fields,
        }
        if self._random.random() < 0.3:
            event["channel"] = self._random.choice(["app", "web", "store", "chat"])
        return event

    def _new(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"

    def _out_of_order(self, made: list[Event]) -> list[Event]:
        """Return the lines, an eighth of them twice, shuffled."""
        made = made + [self._said_differently(event) for event in self._random.sample(made, len(made) // 8)]
        self._random.shuffle(made)
        return [{**event, "occurred_at": self._written(event["occurred_at"])} for event in made]

    def _said_differently(self, event: Event) -> Event:
        """Return the same touchpoint, its fields in another order."""
        return {name: event[name] for name in self._random.sample(sorted(event), len(event))}

    def _written(self, at: int) -> int | str:
        way = self._random.randint(0, 3)
        if way == 0:
            return at
        zone = UTC if way == 1 else timezone(timedelta(hours=self._random.choice([-11, 0, 5.5])))
        moment = datetime.fromtimestamp(at // SECOND, zone).replace(microsecond=at % SECOND * 1000)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
