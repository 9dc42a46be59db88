"""How a customer's touchpoints and timers, in event-time order, change the customer's state.

Only `apply_touchpoint` and `fire_timers` change a `CustomerState`. The same touchpoints in the same event-time order,
and the same time to fire timers up to, give the same state and the same effects, whatever the order of arrival.
"""

from __future__ import annotations

from schemas.journey_log import Touchpoint
from schemas.kinds.cart_event import CartEvent
from schemas.kinds.case_event import CaseEvent
from schemas.kinds.purchase import Purchase
from schemas.kinds.steps import step_code
from schemas.kinds.support_call import SupportCall
from schemas.kinds.survey_answer import SurveyAnswer
from schemas.kinds.tweet import Tweet
from schemas.rows import CustomerRow, JourneyRow, TouchpointRow
from streams.journeys import abandonment, calls, carts, cases, purchases, responses, shifts, surveys
from streams.journeys.dimensions import dimensions_of
from streams.journeys.effects import Effects
from streams.journeys.experience import experience_of
from streams.journeys.state import (
    JOURNEY_SILENCE_MS,
    NEVER,
    Attribution,
    CustomerState,
    Journey,
    Observation,
)

KEPT_MAX = 250
"""How a customer's touchpoints and timers, in event-time order, change the customer's state.

Only `apply_touchpoint` and `fire_timers` change a `CustomerState`. The same touchpoints in the same event-time order,
and the same time to fire timers up to, give the same state and the same effects, whatever the order of arrival.
"""
CHANNELS_MAX = 64


def next_deadline(customer: CustomerState) -> int:
    """Return the earliest moment at which something ends or is abandoned by itself, or `NEVER`."""
    earliest = NEVER
    if customer.journey is not None:
        earliest = customer.journey.last_touch_at + JOURNEY_SILENCE_MS
    if customer.carts:
        earliest = min(earliest, carts.next_deadline(customer) or NEVER)
    if customer.surveys:
        earliest = min(earliest, surveys.next_deadline(customer) or NEVER)
    return earliest


def fire_timers(customer: CustomerState, until: int, effects: Effects) -> None:
    """Let every deadline up to and including `until` (ms) take effect, in the order of their times."""
    while (at := next_deadline(customer)) <= until:
        effects.now = at
        carts.on_deadline(customer, at, effects)
        surveys.on_deadline(customer, at, effects)
        if customer.journey is not None and customer.journey.last_touch_at + JOURNEY_SILENCE_MS == at:
            _end_journey(customer, customer.journey, at, effects)
        customer.last_timer_at = at
        effects.deadlines += 1


def apply_touchpoint(customer: CustomerState, touchpoint: Touchpoint, effects: Effects) -> None:
    """Apply a touchpoint; every deadline up to its time must have taken effect."""
    journey = _journey_at(customer, touchpoint)
    dimensions = dimensions_of(touchpoint.attributes)
    attribution = Attribution(touchpoint.occurred_at, touchpoint.channel, dimensions, journey.number)
    effects.now = attribution.at
    _forget(customer, attribution.at)
    experience = experience_of(touchpoint)
    if isinstance(touchpoint, SupportCall):
        experience = calls.on_support_call(customer, touchpoint, attribution, effects)
    elif isinstance(touchpoint, CartEvent):
        carts.on_cart_event(customer, touchpoint, attribution, effects)
    elif isinstance(touchpoint, Purchase):
        purchases.on_purchase(customer, journey, touchpoint, attribution, effects)
    elif isinstance(touchpoint, SurveyAnswer):
        surveys.on_survey_answer(customer, touchpoint, attribution, effects)
    elif isinstance(touchpoint, CaseEvent):
        cases.on_case_event(customer, touchpoint)
        responses.on_case_event(customer, touchpoint, attribution, effects)
    elif isinstance(touchpoint, Tweet):
        responses.on_tweet(customer, touchpoint, attribution, effects)
    _count(customer, journey, touchpoint)
    if touchpoint.sentiment is not None:
        _mean("sentiment", attribution, touchpoint.sentiment, effects)
    if experience is not None:
        _record_experience(customer, journey, touchpoint.event_id, attribution, experience, effects)
    effects.touchpoints[touchpoint.event_id] = touchpoint_row(
        touchpoint, effects.customer_id, effects.journey_id(journey.number), experience
    )


def touchpoint_row(
    touchpoint: Touchpoint,
    customer_id: str,
    journey_id: str,
    experience: int | None,
    *,
    late: bool = False,
) -> TouchpointRow:
    """Return the row of a touchpoint, its version still 0."""
    value_minor, currency = touchpoint.amount
    return TouchpointRow(
        touchpoint.event_id,
        touchpoint.kind,
        touchpoint.occurred_at,
        touchpoint.received_at,
        customer_id,
        journey_id,
        touchpoint.channel,
        touchpoint.source,
        touchpoint.action,
        touchpoint.text,
        touchpoint.sentiment,
        touchpoint.scorer,
        experience,
        value_minor,
        currency,
        touchpoint.subject_id,
        touchpoint.attributes,
        late,
        0,
    )


def journey_row(journey: Journey, ended_at: int | None, effects: Effects) -> JourneyRow:
    """Return the row of a journey as it stands, its version still 0."""
    return JourneyRow(
        journey_id=effects.journey_id(journey.number),
        customer_id=effects.customer_id,
        started_at=journey.started_at,
        last_touch_at=journey.last_touch_at,
        ended_at=ended_at,
        touchpoints=journey.touchpoints,
        channels=list(journey.channels),
        path=journey.path,
        purchases=journey.purchases,
        revenue_minor=journey.revenue_minor,
        currency=journey.currency,
        experience_first=journey.experience_first,
        experience_last=journey.experience_last,
        experience_sum=journey.experience_sum,
        experience_n=journey.experience_n,
        outcome="open" if ended_at is None else _outcome(journey),
        deleted=False,
        version=0,
    )


def customer_row(customer: CustomerState, customer_id: str, version: int) -> CustomerRow:
    """Return the row of a customer as it stands."""
    return CustomerRow(
        customer_id,
        customer.first_seen_at,
        customer.last_seen_at,
        customer.touchpoints,
        customer.purchases,
        customer.spend_minor,
        customer.refunded_minor,
        customer.currency,
        customer.experience_sum,
        customer.experience_n,
        customer.last_nps,
        len(customer.cases),
        _status(customer),
        version,
    )


def _status(customer: CustomerState) -> str:
    if customer.last_shift < 0:
        return "unhappy" if customer.journey is not None else "lost"
    return "active" if customer.journey is not None else "inactive"


def _outcome(journey: Journey) -> str:
    if journey.purchases:
        return "purchased"
    if journey.resolved:
        return "resolved"
    if journey.abandoned > 0:
        return "abandoned"
    return "unresolved" if journey.unresolved else "visited"


def _journey_at(customer: CustomerState, touchpoint: Touchpoint) -> Journey:
    if customer.journey is None:
        customer.journeys += 1
        customer.journey = Journey(
            customer.journeys, started_at=touchpoint.occurred_at, last_touch_at=touchpoint.occurred_at
        )
    return customer.journey


def _end_journey(customer: CustomerState, journey: Journey, at: int, effects: Effects) -> None:
    journey.unresolved = journey.unresolved or bool(customer.cases)
    row = journey_row(journey, at, effects)
    effects.journeys[row.journey_id] = row
    customer.journey = None


def _forget(customer: CustomerState, now: int) -> None:
    if customer.carts:
        abandonment.forget(customer.carts, now)
    if customer.calls:
        calls.forget(customer, now)
    if customer.surveys:
        abandonment.forget(customer.surveys, now)
    responses.forget(customer, now)
    for kept in (customer.carts, customer.calls, customer.surveys, customer.cases, customer.waiting):
        while len(kept) > KEPT_MAX:
            del kept[next(iter(kept))]


def _count(customer: CustomerState, journey: Journey, touchpoint: Touchpoint) -> None:
    at = touchpoint.occurred_at
    if not customer.touchpoints:
        customer.first_seen_at = at
    customer.last_seen_at = at
    customer.touchpoints += 1
    journey.last_touch_at = at
    journey.touchpoints += 1
    journey.path += step_code(touchpoint)
    if touchpoint.channel not in journey.channels and len(journey.channels) < CHANNELS_MAX:
        journey.channels.append(touchpoint.channel)


def _record_experience(
    customer: CustomerState,
    journey: Journey,
    event_id: str,
    attribution: Attribution,
    experience: int,
    effects: Effects,
) -> None:
    customer.experience_sum += experience
    customer.experience_n += 1
    journey.experience_sum += experience
    journey.experience_n += 1
    journey.experience_last = experience
    if journey.experience_first is None:
        journey.experience_first = experience
    _mean("experience", attribution, experience, effects)
    observation = Observation(
        attribution.at, event_id, experience, attribution.channel, attribution.attributes, attribution.journey
    )
    shifts.observe(customer, observation, effects)


def _mean(metric: str, attribution: Attribution, value: int, effects: Effects) -> None:
    effects.measure(metric, attribution, n=1, numerator=value, squares=value * value)
