"""What preceded each contact that customers began, worked out from the journeys in which they began."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tests.oracle.compare import World
from tests.oracle.exits import by_journey, named
from tests.oracle.shifts import may_turn
from tests.oracle.staff import lines
from tests.oracle.touchpoints import DAY, Touch

CONTACT_KEY = ("customer_id", "contact", "contact_id", "event_id")


def contacts(world: World) -> Iterator[dict[str, Any]]:
    """Give the rows of the view."""
    of_journey = by_journey(world)
    experiences = {event: felt for history in world.people.values() for event, felt in history.experiences.items()}
    for owner, touches in world.touches_by_owner().items():
        handled = {line.call_id: line for line in lines(touches)}
        for sort, touch in _begun(touches, experiences):
            journey_id = world.people[touch.customer].journey_of(touch)
            lately = [
                (other, felt) for other, felt in of_journey[journey_id] if touch.at - 7 * DAY <= other.at < touch.at
            ]
            turns = handled[touch.subject].turns if sort == "call" and touch.subject in handled else []
            seconds = sum(turn.ended - turn.began for turn in turns if turn.ended is not None) / 1000
            yield {
                "contact": sort,
                "contact_id": touch.subject,
                "customer_id": owner,
                "journey_id": journey_id,
                "event_id": touch.event_id,
                "asked_at": touch.at,
                "handling_seconds": seconds or None,
                **named("cause", [other for other, _ in lately if may_turn(other)]),
                **named("failed", [other for other, felt in lately if felt < 0]),
            }


def _begun(touches: list[Touch], experiences: dict[str, float]) -> Iterator[tuple[str, Touch]]:
    """Give the touchpoints with which contacts begin: the first of a call or case, and each bad post."""
    first: dict[tuple[str, str], list[Touch]] = defaultdict(list)
    for touch in touches:
        if (touch.kind, touch.action) == ("support_call", "queued"):
            first["call", touch.subject].append(touch)
        elif (touch.kind, touch.action) == ("case_event", "opened") and touch.record["by"] == "customer":
            first["case", touch.subject].append(touch)
        elif (touch.kind, touch.action) == ("tweet", "customer") and experiences.get(touch.event_id, 0) < -0.05:
            yield "post", touch
    for (sort, _), of_one in first.items():
        yield sort, min(of_one, key=lambda touch: (touch.at, touch.event_id))
