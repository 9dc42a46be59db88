"""One customer's history: journeys, abandonments, cases, and the customer's own row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.oracle.abandonments import Abandonment, Survey, abandoned_calls, surveys_of
from tests.oracle.calls import Call, by_event, calls_of
from tests.oracle.carts import Cart, carts_of
from tests.oracle.experience import experience
from tests.oracle.facts import Fact, answers_of, is_cancelled, orders_of
from tests.oracle.touchpoints import DAY, Touch

SILENCE = 30 * DAY
LIFE = 90 * DAY
"""Of an anonymous profile that is silent for longer, and has no open case, what comes then is a new one's."""


@dataclass
class CustomerHistory:
    """One customer, everything worked out as of `now` (epoch milliseconds)."""

    customer: str
    touches: list[Touch]
    now: int
    answers: list[Fact]
    orders: list[Fact]
    """Also those that were cancelled."""
    calls: list[Call]
    carts: list[Cart]
    surveys: list[Survey]
    abandonments: list[Abandonment]
    experiences: dict[str, float]
    """By event_id, of those that have one, in order; also of answers that no longer hold."""
    journeys: list[list[Touch]]
    abandoned_calls: list[Abandonment] = field(default_factory=list)
    """By the customer's own touchpoints and orders."""
    lost: list[Abandonment] = field(default_factory=list)
    """What its own journeys count as abandoned: as it was when it left them, if it has."""
    counted: list[Cart] | None = None
    """The carts that the rate counts here, None where they are the customer's own."""
    open_cases: set[str] = field(default_factory=set)
    """Those that are open at `now`."""
    unresolved: set[str] | None = None
    """The first touchpoints of the journeys in which a case was open at the end, or when it left them; None where only
    the customer's own can tell."""
    answered: list[tuple[Touch, Touch]] | None = None
    """Questions that count here with their first answers, None where they are the customer's own."""
    numbers: dict[str, int] = field(default_factory=dict)
    """The number of the journey of each event_id: from 1, of an anonymous profile the day on which it began."""

    @property
    def placed(self) -> list[Fact]:
        """The orders that were not cancelled."""
        return [order for order in self.orders if not is_cancelled(order.holding)]

    def journey_of(self, touch: Touch) -> str:
        """Return the journey that a touchpoint is part of."""
        return f"{self.customer}#{self.numbers[touch.event_id]}"

    def is_in(self, touch: Touch, journey: str) -> bool:
        """Return whether a touchpoint, of anybody, is part of a journey of this customer's."""
        return touch.event_id in self.numbers and touch.customer == self.customer and self.journey_of(touch) == journey

    @property
    def superseded(self) -> set[str]:
        """The event_ids of statements that no longer hold."""
        return {touch.event_id for fact in (*self.answers, *self.orders) for touch in fact.superseded}

    def felt(self) -> dict[str, float]:
        """Return each experience once, in order: an answer's is that which holds, by its first statement's event_id."""
        holding = {fact.first.event_id: fact.holding.event_id for fact in self.answers}
        stated = {touch.event_id for fact in self.answers for touch in fact.statements}
        once = {
            touch.event_id: holding.get(touch.event_id, touch.event_id)
            for touch in self.touches
            if touch.event_id in holding or touch.event_id not in stated
        }
        return {event: self.experiences[held] for event, held in once.items() if held in self.experiences}

    def orders_in(self, journey: list[Touch]) -> list[Fact]:
        """Return the orders that were first stated in a journey."""
        events = {touch.event_id for touch in journey}
        return [order for order in self.orders if order.first.event_id in events]

    def last_nps(self) -> float | None:
        """Return the score of the NPS answer that was first stated last, as it holds."""
        held = [fact.holding.record for fact in self.answers if fact.holding.record.get("question_kind") == "nps"]
        scores = [record["score"] for record in held if record.get("score") is not None]
        return float(scores[-1]) if scores else None


@dataclass(frozen=True)
class Money:
    """Orders and refunds, in the currency of the first order that was placed."""

    purchases: int
    spend: int
    refunded: int
    currency: str


def history_of(customer: str, touches: list[Touch], now: int) -> CustomerHistory:
    """Work out one customer's history from the touchpoints in order."""
    calls = calls_of(touches)
    orders = orders_of(touches)
    placed = [order for order in orders if not is_cancelled(order.holding)]
    carts = carts_of(touches, placed, now)
    surveys = surveys_of(touches, now)
    kept = [row for row in (*(cart.abandoned for cart in carts), *(survey.abandoned for survey in surveys)) if row]
    phases = by_event(calls)
    felt = {touch.event_id: experience(touch, phases) for touch in touches}
    history = CustomerHistory(
        customer=customer,
        touches=touches,
        now=now,
        answers=answers_of(touches),
        orders=orders,
        calls=calls,
        carts=carts,
        surveys=surveys,
        abandonments=[*kept, *abandoned_calls(calls, placed)],
        abandoned_calls=abandoned_calls(calls, placed),
        lost=[*kept, *abandoned_calls(calls, placed)],
        open_cases=open_cases(touches),
        experiences={event: value for event, value in felt.items() if value is not None},
        journeys=_split(touches),
    )
    for number, journey in enumerate(history.journeys, 1):
        told = journey[0].at // DAY if is_anonymous(customer) else number
        history.numbers.update({touch.event_id: told for touch in journey})
    return history


def is_anonymous(customer: str) -> bool:
    """Return whether a name is that of an anonymous profile."""
    return customer.startswith("anon:")


def lives(history: CustomerHistory) -> list[CustomerHistory]:
    """Return the histories of all profiles that had a name, one after the other; a known customer has one."""
    parts: list[list[Touch]] = []
    for touch in history.touches:
        is_over = parts and touch.at > parts[-1][-1].at + LIFE and not open_cases(parts[-1])
        if not parts or (is_over and is_anonymous(history.customer)):
            parts.append([])
        parts[-1].append(touch)
    return [history_of(history.customer, part, history.now) for part in parts]


def _split(touches: list[Touch]) -> list[list[Touch]]:
    journeys: list[list[Touch]] = []
    for touch in touches:
        if not journeys or touch.at >= journeys[-1][-1].at + SILENCE:
            journeys.append([])
        journeys[-1].append(touch)
    return journeys


def money(orders: Sequence[Fact], touches: Sequence[Touch]) -> Money:
    """Add up orders, as they hold, and the refunds among the touchpoints."""
    placed = [order.holding for order in orders if not is_cancelled(order.holding)]
    refunds = [touch for touch in touches if touch.kind == "purchase" and touch.action == "refunded"]
    currency = (placed[0].currency or "") if placed else ""
    spend, refunded = (
        sum(touch.value or 0 for touch in purchases if touch.currency == currency) for purchases in (placed, refunds)
    )
    return Money(len(placed), spend, refunded, currency)


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
    ended_by = {call.ended.event_id: call for call in history.calls if call.ended is not None}
    ended = [ended_by[touch.event_id] for touch in journey if touch.event_id in ended_by]
    known = [call.resolved for call in ended if call.resolved is not None]
    name = history.journey_of(journey[0])
    held = {
        "purchased": money(history.orders_in(journey), journey).purchases > 0,
        "resolved": True in known or any(_resolves(touch) for touch in journey),
        "abandoned": any(
            history.is_in(row.first, name) and (row.recovered_at is None or row.recovered_at > end)
            for row in history.lost
        ),
        "unresolved": known[-1:] == [False] or _was_left_open(history, journey, end),
        "visited": True,
    }
    return next(name for name, holds in held.items() if holds)


def _was_left_open(history: CustomerHistory, journey: list[Touch], end: int) -> bool:
    if history.unresolved is not None:
        return journey[0].event_id in history.unresolved
    return bool(open_cases([touch for touch in history.touches if touch.at < end]))


def _resolves(touch: Touch) -> bool:
    return touch.kind == "case_event" and touch.action == "resolved"
