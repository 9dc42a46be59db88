"""One customer's history: journeys, abandonments, cases, and the customer's own row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.oracle.abandonments import Abandonment, Cart, Survey, abandoned_calls, carts_of, surveys_of
from tests.oracle.calls import Call, calls_of
from tests.oracle.experience import experience
from tests.oracle.touchpoints import DAY, Touch

SILENCE = 30 * DAY


@dataclass
class CustomerHistory:
    """One customer, everything worked out as of `now` (epoch milliseconds)."""

    customer: str
    touches: list[Touch]
    now: int
    calls: dict[str, Call]
    carts: list[Cart]
    surveys: list[Survey]
    abandonments: list[Abandonment]
    experiences: dict[str, float]
    """By event_id, of those that have one, in order."""
    journeys: list[list[Touch]]
    numbers: dict[str, int] = field(default_factory=dict)
    """The number of the journey of each event_id, from 1."""

    def journey_of(self, touch: Touch) -> str:
        """Return the journey that a touchpoint is part of."""
        return f"{self.customer}#{self.numbers[touch.event_id]}"


@dataclass(frozen=True)
class Money:
    """Purchases and refunds, in the currency of the first purchase."""

    purchases: int
    spend: int
    refunded: int
    currency: str


def history_of(customer: str, touches: list[Touch], now: int) -> CustomerHistory:
    """Work out one customer's history from the touchpoints in order."""
    calls = calls_of(touches)
    carts = carts_of(touches, now)
    surveys = surveys_of(touches, now)
    kept = [row for row in (*(cart.abandoned for cart in carts), *(survey.abandoned for survey in surveys)) if row]
    felt = {touch.event_id: experience(touch, calls) for touch in touches}
    history = CustomerHistory(
        customer=customer,
        touches=touches,
        now=now,
        calls=calls,
        carts=carts,
        surveys=surveys,
        abandonments=[*kept, *abandoned_calls(touches, calls)],
        experiences={event: value for event, value in felt.items() if value is not None},
        journeys=_split(touches),
    )
    for number, journey in enumerate(history.journeys, 1):
        history.numbers.update({touch.event_id: number for touch in journey})
    return history


def _split(touches: list[Touch]) -> list[list[Touch]]:
    journeys: list[list[Touch]] = []
    for touch in touches:
        if not journeys or touch.at >= journeys[-1][-1].at + SILENCE:
            journeys.append([])
        journeys[-1].append(touch)
    return journeys


def money(touches: Sequence[Touch]) -> Money:
    """Add up purchases."""
    purchases = [touch for touch in touches if touch.kind == "purchase"]
    currency = purchases[0].currency or "" if purchases else ""
    sums = {"placed": 0, "refunded": 0}
    for touch in purchases:
        if touch.currency == currency:
            sums[touch.action] += touch.value or 0
    count = sum(touch.action == "placed" for touch in purchases)
    return Money(count, sums["placed"], sums["refunded"], currency)


def open_cases(touches: Sequence[Touch]) -> set[str]:
    """Return the cases that these touchpoints leave open."""
    cases: set[str] = set()
    for touch in touches:
        if touch.kind == "case_event":
            if touch.action in {"opened", "reopened"}:
                cases.add(touch.subject)
            elif touch.action in {"resolved", "closed"}:
                cases.discard(touch.subject)
    return cases


def ended_at(journey: list[Touch], now: int) -> int | None:
    """Return when a journey ended, if it has."""
    end = journey[-1].at + SILENCE
    return end if end <= now else None


def outcome(history: CustomerHistory, journey: list[Touch]) -> str:
    """Return the outcome of a journey, as of the moment of its end."""
    end = ended_at(journey, history.now)
    if end is None:
        return "open"
    ended = [call for touch in journey if (call := history.calls.get(touch.subject)) and touch is call.ended]
    known = [call.resolved for call in ended if call.resolved is not None]
    name = history.journey_of(journey[0])
    held = {
        "purchased": money(journey).purchases > 0,
        "resolved": True in known or any(_resolves(touch) for touch in journey),
        "abandoned": any(
            history.journey_of(row.first) == name and (row.recovered_at is None or row.recovered_at > end)
            for row in history.abandonments
        ),
        "unresolved": known[-1:] == [False] or bool(open_cases([touch for touch in history.touches if touch.at < end])),
        "visited": True,
    }
    return next(name for name, holds in held.items() if holds)


def _resolves(touch: Touch) -> bool:
    return touch.kind == "case_event" and touch.action == "resolved"
