"""One visitor or customer: habits, moods, and what they did."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Literal

Event = dict[str, Any]
"""A touchpoint as one JSON object: `kind`, then the fields of its record."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOISE = 0.22


def timestamp(at: int) -> str:
    """Return epoch milliseconds as RFC 3339, in UTC."""
    moment = (_EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds")
    return moment[:-6] + "Z"


def stamped(event: Event) -> Event:
    """Write the times of an event, ms, as RFC 3339; return the event."""
    for name in ("occurred_at", "eta_at"):
        if name in event:
            event[name] = timestamp(event[name])
    return event


@dataclass(frozen=True)
class Turn:
    """A lasting change of a customer's mood.

    Attributes:
        at: the onset, ms.
        level: the mood from then on, -1 to 1.
        onset_event_id, cause_event_id: the first touchpoint in the new mood, and the one before it
            that turned it.
        why: what happened, in words.
    """

    at: int
    level: float
    direction: Literal["worse", "better"]
    onset_event_id: str
    cause_event_id: str
    cause_kind: str
    cause_at: int
    why: str


@dataclass(frozen=True)
class Mishap:
    """A step that was botched on purpose, and what the customer did about it.

    Attributes:
        step, failed, detail, detail_value: the step as the view `contact_causes` names it.
        led_to: how the customer asked then, None where they did not.
        asked: the first event of that.
    """

    botched: Event
    step: str
    failed: bool
    detail: str
    detail_value: str
    led_to: str | None
    asked: Event | None


@dataclass(slots=True)
class Person:
    """A visitor or customer.

    Attributes:
        name: unique; begins all ids of this person.
        customer_id: None for a visitor who stays anonymous.
        vocal: how much they write, review and answer; 1 is average.
        base: the mood before any turn, -1 to 1.
        events_at: moment in ms -> event. A person does one thing at a time.
        botched: the steps that went wrong and made the customer ask, each with how: by a call or a case.
        mishaps: the steps that were botched on purpose.
        quiet_spans: first moment, last moment and the only moments between them at which something happens, ms.
    """

    name: str
    random: Random
    customer_id: str | None
    region: str
    segment: str
    activity: float = 1.0
    vocal: float = 1.0
    base: float = 0.45
    on_app: bool = False
    turns: list[Turn] = field(default_factory=list)
    events_at: dict[int, Event] = field(default_factory=dict)
    botched: list[tuple[Event, Literal["call", "case"]]] = field(default_factory=list)
    mishaps: list[Mishap] = field(default_factory=list)
    quiet_spans: list[tuple[int, int, frozenset[int]]] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def next_id(self, prefix: str) -> str:
        """Return a new id of this person, for an order, a call or an event."""
        number = self._numbers[prefix] = self._numbers.get(prefix, 0) + 1
        return f"{prefix}{self.name}-{number}"

    def add(self, kind: str, at: int, source: str, **fields: Any) -> Event:
        """Add an event at `at`, ms, or at the next free millisecond."""
        while at in self.events_at:
            at += 1
        event: Event = {
            "kind": kind,
            "event_id": self.next_id("e"),
            "occurred_at": at,
            "source": source,
        }
        if self.customer_id is not None:
            event["customer_id"] = self.customer_id
        event.update(fields)
        event.setdefault("attributes", {"region": self.region, "segment": self.segment})
        self.events_at[at] = event
        return event

    def attributes(self, **more: str) -> dict[str, str]:
        """Return the attributes of an event: region, segment and `more`."""
        return {"region": self.region, "segment": self.segment, **more}

    def browser(self) -> dict[str, str]:
        """Return the identifier that a browser or the app sends."""
        return {"device": f"d-{self.name}"} if self.on_app else {"cookie": f"c-{self.name}"}

    def mood(self, at: int) -> float:
        """Return the level of the mood at `at`, -1 to 1."""
        level = self.base
        for turn in self.turns:
            if turn.at <= at:
                level = turn.level
        return level

    def sample_mood(self, at: int) -> float:
        """Return a random experience at `at`, -1 to 1: the mood, with noise."""
        return max(-1.0, min(1.0, self.random.gauss(self.mood(at), _NOISE)))

    def chance(self, share: float) -> bool:
        """Return True in a share of cases."""
        return self.random.random() < share
