"""How a customer's touchpoints and deadlines, taken in the order of their times, become a life.

`touch` and `advance` are all that changes a `Life`. Given the same touchpoints in the same order of times, and the same
moment to advance to, they give the same life and the same effects: whatever order the touchpoints came in.
"""

from __future__ import annotations

from schemas.facts import PATH_LETTERS, CustomerRow, JourneyRow, TouchpointRow
from schemas.log import (
    AnyTouchpoint,
    CartEvent,
    CaseEvent,
    Purchase,
    SupportCall,
    SurveyAnswer,
    Tweet,
)
from streams.journeys import abandonment, calls, carts, cases, purchases, responses, shifts, surveys
from streams.journeys.dimensions import dimensions_of
from streams.journeys.effects import Effects
from streams.journeys.experience import experience_of
from streams.journeys.life import (
    JOURNEY_SILENCE_MS,
    NEVER,
    Journey,
    Life,
    Observation,
    Origin,
)

KEPT_MAX = 250
"""Carts, calls, surveys, cases and waiting questions of one customer that are kept, each: of more, the oldest go.

No person has as many within a month; what counts as one customer but is many (a till, a robot) must not outgrow a
message of the changelog."""
CHANNELS_MAX = 64


def next_deadline(life: Life) -> int:
    """Return the earliest moment at which something ends or is abandoned by itself, or `NEVER`."""
    earliest = NEVER
    if life.journey is not None:
        earliest = life.journey.last_touch_at + JOURNEY_SILENCE_MS
    if life.carts:
        earliest = min(earliest, carts.next_deadline(life) or NEVER)
    if life.surveys:
        earliest = min(earliest, surveys.next_deadline(life) or NEVER)
    return earliest


def advance(life: Life, until: int, effects: Effects) -> None:
    """Let every deadline up to and including `until` (ms) take effect, in the order of their times."""
    while (at := next_deadline(life)) <= until:
        effects.now = at
        carts.on_deadline(life, at, effects)
        surveys.on_deadline(life, at, effects)
        if life.journey is not None and life.journey.last_touch_at + JOURNEY_SILENCE_MS == at:
            _end_journey(life, life.journey, at, effects)
        life.fired = at
        effects.deadlines += 1


def touch(life: Life, touchpoint: AnyTouchpoint, effects: Effects) -> None:
    """Apply a touchpoint; every deadline up to its time must have taken effect."""
    journey = _journey_at(life, touchpoint)
    dimensions = dimensions_of(touchpoint.attributes)
    origin = Origin(touchpoint.occurred_at, touchpoint.channel, dimensions, journey.number)
    effects.now = origin.at
    _forget(life, origin.at)
    experience = experience_of(touchpoint)
    if isinstance(touchpoint, SupportCall):
        experience = calls.on_support_call(life, touchpoint, origin, effects)
    elif isinstance(touchpoint, CartEvent):
        carts.on_cart_event(life, touchpoint, origin, effects)
    elif isinstance(touchpoint, Purchase):
        purchases.on_purchase(life, journey, touchpoint, origin, effects)
    elif isinstance(touchpoint, SurveyAnswer):
        surveys.on_survey_answer(life, touchpoint, origin, effects)
    elif isinstance(touchpoint, CaseEvent):
        cases.on_case_event(life, touchpoint)
        responses.on_case_event(life, touchpoint, origin, effects)
    elif isinstance(touchpoint, Tweet):
        responses.on_tweet(life, touchpoint, origin, effects)
    _count(life, journey, touchpoint)
    if touchpoint.sentiment is not None:
        _mean("sentiment", origin, touchpoint.sentiment, effects)
    if experience is not None:
        _feel(life, journey, touchpoint.event_id, origin, experience, effects)
    effects.touchpoints[touchpoint.event_id] = touchpoint_row(
        touchpoint, effects.customer_id, effects.journey_id(journey.number), experience
    )


def touchpoint_row(
    touchpoint: AnyTouchpoint,
    customer_id: str,
    journey_id: str,
    experience: int | None,
    *,
    late: bool = False,
) -> TouchpointRow:
    """Return the row of a touchpoint, its version still 0."""
    value_minor, currency = touchpoint.worth
    return TouchpointRow(
        touchpoint.event_id,
        touchpoint.kind,
        touchpoint.occurred_at,
        touchpoint.received_at,
        customer_id,
        journey_id,
        touchpoint.channel,
        touchpoint.source,
        touchpoint.what,
        touchpoint.text,
        touchpoint.sentiment,
        touchpoint.scorer,
        experience,
        value_minor,
        currency,
        touchpoint.subject,
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


def customer_row(life: Life, customer_id: str, version: int) -> CustomerRow:
    """Return the row of a customer as it stands."""
    return CustomerRow(
        customer_id,
        life.first_seen_at,
        life.last_seen_at,
        life.touchpoints,
        life.purchases,
        life.spend_minor,
        life.refunded_minor,
        life.currency,
        life.experience_sum,
        life.experience_n,
        life.last_nps,
        len(life.cases),
        _status(life),
        version,
    )


def _status(life: Life) -> str:
    if life.mood < 0:
        return "unhappy" if life.journey is not None else "lost"
    return "active" if life.journey is not None else "inactive"


def _outcome(journey: Journey) -> str:
    if journey.purchases:
        return "purchased"
    if journey.resolved:
        return "resolved"
    if journey.abandoned > 0:
        return "abandoned"
    return "unresolved" if journey.unresolved else "visited"


def _journey_at(life: Life, touchpoint: AnyTouchpoint) -> Journey:
    if life.journey is None:
        life.journeys += 1
        life.journey = Journey(life.journeys, started_at=touchpoint.occurred_at, last_touch_at=touchpoint.occurred_at)
    return life.journey


def _end_journey(life: Life, journey: Journey, at: int, effects: Effects) -> None:
    journey.unresolved = journey.unresolved or bool(life.cases)
    row = journey_row(journey, at, effects)
    effects.journeys[row.journey_id] = row
    life.journey = None


def _forget(life: Life, now: int) -> None:
    if life.carts:
        abandonment.forget(life.carts, now)
    if life.calls:
        calls.forget(life, now)
    if life.surveys:
        abandonment.forget(life.surveys, now)
    responses.forget(life, now)
    for kept in (life.carts, life.calls, life.surveys, life.cases, life.waiting):
        while len(kept) > KEPT_MAX:
            del kept[next(iter(kept))]


def _count(life: Life, journey: Journey, touchpoint: AnyTouchpoint) -> None:
    at = touchpoint.occurred_at
    if not life.touchpoints:
        life.first_seen_at = at
    life.last_seen_at = at
    life.touchpoints += 1
    journey.last_touch_at = at
    journey.touchpoints += 1
    journey.path += PATH_LETTERS[touchpoint.kind]
    if touchpoint.channel not in journey.channels and len(journey.channels) < CHANNELS_MAX:
        journey.channels.append(touchpoint.channel)


def _feel(life: Life, journey: Journey, event_id: str, origin: Origin, experience: int, effects: Effects) -> None:
    life.experience_sum += experience
    life.experience_n += 1
    journey.experience_sum += experience
    journey.experience_n += 1
    journey.experience_last = experience
    if journey.experience_first is None:
        journey.experience_first = experience
    _mean("experience", origin, experience, effects)
    observation = Observation(origin.at, event_id, experience, origin.channel, origin.attributes, origin.journey)
    shifts.observe(life, observation, effects)


def _mean(metric: str, origin: Origin, value: int, effects: Effects) -> None:
    effects.measure(metric, origin, n=1, numerator=value, squares=value * value)
