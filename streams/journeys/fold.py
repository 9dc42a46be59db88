"""How a customer's touchpoints and timers, in event-time order, change the customer's state.

Only `apply_touchpoint` and `fire_timers` change a `CustomerState`. The same touchpoints in the same event-time order,
and the same time to fire timers up to, give the same state and the same effects, whatever the order of arrival.
"""

from __future__ import annotations

from schemas.identifiers import ANONYMOUS
from schemas.kinds.steps import step_code
from schemas.kinds.touchpoint import Touchpoint
from schemas.metrics import EXPERIENCE, SENTIMENT
from schemas.transfers import Adopted, Parted, Transfer
from schemas.units import DAY_MS, HOUR_MS
from streams.journeys import bounds, causes, shifts
from streams.journeys.adoption import adopt
from streams.journeys.dimensions import dimensions_of
from streams.journeys.effects import Effects
from streams.journeys.experience import experience_of, record
from streams.journeys.lifetime import begin_anew, ends_at
from streams.journeys.machines import HANDLERS, KEPT_A_UNIT, TIMED, WATCHFUL, forget
from streams.journeys.parting import part
from streams.journeys.rows import journey_row, touchpoint_row
from streams.journeys.state import (
    JOURNEY_SILENCE_MS,
    NEVER,
    STATE_MAX_BYTES,
    Attribution,
    CustomerState,
    Journey,
    Observation,
)

CHANNELS_MAX = 64
PATH_MAX = 10_000
"""Touchpoints that a journey's path lists: the first that came."""
FORGET_SHARE = 16
"""Of a customer with more things than this, a robot, what is over is not looked for at every touchpoint."""
FORGET_AFTER_MS = HOUR_MS
"""After a longer silence it is looked for at once."""
RECORD_BITS = 9
"""The binary logarithm of the bytes of a record that are read with one unit of work."""


def next_timer(customer: CustomerState) -> int:
    """Return the earliest time (ms) at which something ends or is abandoned by itself, or `NEVER`."""
    journey = customer.journey
    earliest = NEVER if journey is None else journey.last_touch_at + JOURNEY_SILENCE_MS
    for machine in TIMED:
        deadline = machine.next_deadline(customer)
        # Every touchpoint asks this: `min` would cost it a call for each machine.
        if deadline < earliest:  # noqa: PLR1730  # see above
            earliest = deadline
    return earliest


def fire_timers(customer: CustomerState, until: int, effects: Effects) -> None:
    """Let every timer up to and including `until` (ms) take effect, in the order of their times.

    Where `effects` is spent before the last of them, the others stay due.
    """
    while (at := next_timer(customer)) <= until and not effects.is_spent:
        fire_timer(customer, at, effects)


def fire_timer(customer: CustomerState, at: int, effects: Effects) -> None:
    """Let the timers of `at`, the customer's next, take effect."""
    effects.now = at
    effects.work += 1 + customer.kept // KEPT_A_UNIT
    for machine in TIMED:
        machine.on_deadline(customer, at, effects)
    journey = customer.journey
    if journey is not None and journey.last_touch_at + JOURNEY_SILENCE_MS == at:
        _end_journey(customer, journey, at, effects)
    # A correction may leave a deadline behind that is earlier than the last timer.
    customer.last_timer_at = max(customer.last_timer_at, at)
    effects.timers += 1


def apply_touchpoint(
    customer: CustomerState, touchpoint: Touchpoint, effects: Effects, size: int = STATE_MAX_BYTES
) -> None:
    """Apply a touchpoint, or a transfer of things; every timer up to its time must have fired.

    Args:
        size: bytes of the touchpoint's record, from which the growth of the state is told; where they are not given,
            the state is measured.
    """
    effects.work += 1 + (size >> RECORD_BITS)
    if touchpoint.moves and isinstance(touchpoint, Transfer):
        _apply_transfer(customer, touchpoint, effects)
        return
    at = touchpoint.occurred_at
    journey = customer.journey or _start_journey(customer, at, effects)
    dimensions = dimensions_of(touchpoint.attributes)
    # What has come back to its own profile has moved, too.
    has_moved = touchpoint.moves and touchpoint.customer_key != effects.customer_id
    stated_key = touchpoint.customer_key if has_moved else None
    attribution = Attribution(at, touchpoint.channel, dimensions, journey.number, stated_key)
    effects.now = at
    if customer.touchpoints >= customer.forget_again or at > customer.last_seen_at + FORGET_AFTER_MS:
        forget(customer, at, effects)
        kept = customer.kept
        effects.work += kept // KEPT_A_UNIT
        customer.forget_again = customer.touchpoints + kept // FORGET_SHARE
    outcome = None
    for handler in HANDLERS.get(type(touchpoint), ()):
        outcome = handler(customer, touchpoint, attribution, effects) or outcome
    experience = experience_of(touchpoint) if outcome is None else outcome.experience
    _count(customer, journey, touchpoint, effects)
    for machine in WATCHFUL:
        machine.watch(customer, touchpoint, attribution, experience, effects)
    if outcome is None or not outcome.is_counted:
        _count_experience(customer, touchpoint, attribution, experience, effects)
    if touchpoint.may_turn:
        causes.note(customer, touchpoint, journey.number)
    journey_id = effects.journey_id(journey.number)
    ahead = effects.rules.is_ahead(touchpoint)
    row = touchpoint_row(touchpoint, effects.customer_id, journey_id, experience, ahead=ahead)
    effects.touchpoints[touchpoint.timeline_id if touchpoint.moves else touchpoint.event_id] = row
    customer.most_bytes += bounds.COPIES * size + bounds.TOUCHPOINT_BYTES
    if customer.most_bytes > STATE_MAX_BYTES:
        bounds.trim(customer, effects)


def _apply_transfer(customer: CustomerState, transfer: Transfer, effects: Effects) -> None:
    """Let things leave, or come; it is no touchpoint, and in no journey."""
    if isinstance(transfer, Parted):
        part(customer, transfer, effects)
    elif isinstance(transfer, Adopted):
        adopt(customer, transfer, effects)


def _start_journey(customer: CustomerState, at: int, effects: Effects) -> Journey:
    customer_id = effects.customer_id
    if at > ends_at(customer, customer_id, effects.rules):
        begin_anew(customer)
    customer.journeys += 1
    # How many journeys there were is forgotten with a profile; two never begin on one day.
    number = at // DAY_MS if customer_id.startswith(ANONYMOUS) else customer.journeys
    customer.journey = Journey(number, started_at=at, last_touch_at=at)
    return customer.journey


def _end_journey(customer: CustomerState, journey: Journey, at: int, effects: Effects) -> None:
    journey.unresolved = journey.unresolved or bool(customer.cases)
    row = journey_row(journey, at, effects)
    effects.journeys[row.journey_id] = row
    customer.journey = None


def _count(customer: CustomerState, journey: Journey, touchpoint: Touchpoint, effects: Effects) -> None:
    at = touchpoint.occurred_at
    if not customer.touchpoints:
        customer.first_seen_at = at
    customer.last_seen_at = at
    customer.touchpoints += 1
    journey.last_touch_at = at
    journey.touchpoints += 1
    if journey.touchpoints <= PATH_MAX:
        journey.path += step_code(touchpoint)
    else:
        effects.trimmed.append("path")
    if touchpoint.channel not in journey.channels and len(journey.channels) < CHANNELS_MAX:
        journey.channels.append(touchpoint.channel)


def _count_experience(
    customer: CustomerState, touchpoint: Touchpoint, attribution: Attribution, experience: int | None, effects: Effects
) -> None:
    if touchpoint.sentiment is not None:
        effects.observe_score(SENTIMENT, attribution, touchpoint.sentiment)
    if experience is not None:
        record(customer, experience)
        effects.observe_score(EXPERIENCE, attribution, experience)
        cause = causes.cause_of(customer, touchpoint, attribution, experience)
        has_failed = touchpoint.has_failed
        shifts.observe(customer, Observation(attribution, touchpoint.event_id, experience, cause, has_failed), effects)
