"""What the shop's stream truly holds: what its people did, how they were served, their moods, what they spent."""

from __future__ import annotations

from typing import Any

from touchline.simulate.counts import Counts
from touchline.simulate.person import Event, Person, timestamp
from touchline.simulate.service_counts import ServiceCounts


class Truth:
    """Counts the events of the people added to it."""

    def __init__(self) -> None:
        self._counts = Counts()
        self._service = ServiceCounts()
        self._customers: dict[str, dict[str, int]] = {}
        self._turns: list[dict[str, Any]] = []
        self._botched: list[dict[str, Any]] = []
        self._mishaps: list[dict[str, Any]] = []

    def add_shop(self, events: list[tuple[int, Event]]) -> None:
        """Count the events of the shop itself."""
        self._counts.add_shop(events)

    def add(self, person: Person, events: list[tuple[int, Event]]) -> None:
        """Count a person's events, all of them and in order of time, each with its moment in ms."""
        self._counts.add(events)
        self._service.add(person.customer_id, events)
        self._add_customer(person, events)
        self._add_turns(person, events)
        self._add_botched(person, events)
        self._add_mishaps(person, events)

    def summary(self) -> dict[str, Any]:
        """Return all counts as one JSON object."""
        return {
            **self._counts.summary(),
            "service": self._service.summary(),
            "mood_turns": self._turns,
            "botched_steps": self._botched,
            **({"mishaps": self._mishaps} if self._mishaps else {}),
            "customers": dict(sorted(self._customers.items())),
        }

    def _add_customer(self, person: Person, events: list[tuple[int, Event]]) -> None:
        """Count by the resolved owner: a browser belongs to a customer once it signed in."""
        signed_in = {
            identifier
            for _, event in events
            if "customer_id" in event
            for identifier in event.get("identifiers", {}).items()
        }
        for _, event in events:
            identifiers = list(event.get("identifiers", {}).items())
            if "customer_id" in event or any(each in signed_in for each in identifiers):
                owner = str(person.customer_id)
            else:
                owner = "anon:{}:{}".format(*identifiers[0])
            counts = self._customers.setdefault(
                owner, {"touchpoints": 0, "purchases": 0, "spend_minor": 0, "refunded_minor": 0}
            )
            counts["touchpoints"] += 1
            if event["kind"] == "purchase":
                _add_purchase(event, counts)

    def _add_turns(self, person: Person, events: list[tuple[int, Event]]) -> None:
        kinds = {event["event_id"]: event["kind"] for _, event in events}
        self._turns.extend(
            {
                "customer_id": person.customer_id,
                "direction": turn.direction,
                "onset_event_id": turn.onset_event_id,
                "onset_kind": kinds[turn.onset_event_id],
                "onset_at": timestamp(turn.at),
                "cause_event_id": turn.cause_event_id,
                "cause_kind": turn.cause_kind,
                "cause_at": timestamp(turn.cause_at),
                "why": turn.why,
            }
            for turn in person.turns
            if turn.onset_event_id in kinds and turn.cause_event_id in kinds
        )

    def _add_botched(self, person: Person, events: list[tuple[int, Event]]) -> None:
        told = {event["event_id"]: at for at, event in events}
        self._botched.extend(
            {
                "customer_id": person.customer_id,
                "event_id": step["event_id"],
                "at": timestamp(told[step["event_id"]]),
                "led_to": led_to,
            }
            for step, led_to in person.botched
            if step["event_id"] in told
        )

    def _add_mishaps(self, person: Person, events: list[tuple[int, Event]]) -> None:
        told = {event["event_id"]: at for at, event in events}
        for one in person.mishaps:
            asked = one.asked if one.asked and one.asked["event_id"] in told else None
            if one.botched["event_id"] in told:
                self._mishaps.append(
                    {
                        "customer_id": person.customer_id,
                        "event_id": one.botched["event_id"],
                        "at": timestamp(told[one.botched["event_id"]]),
                        "step": one.step,
                        "failed": one.failed,
                        "detail": one.detail,
                        "detail_value": one.detail_value,
                        "led_to": one.led_to if asked else None,
                        "asked_event_id": asked["event_id"] if asked else None,
                    }
                )


def _add_purchase(event: Event, counts: dict[str, int]) -> None:
    if event["action"] == "placed":
        counts["purchases"] += 1
        counts["spend_minor"] += event["amount_minor"]
    else:
        counts["refunded_minor"] += event["amount_minor"]
