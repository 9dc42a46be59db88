"""Rows of touchpoints, journeys and customers, made of the state; their versions are set when they are sent."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Literal

import msgspec

from schemas.kinds import TOUCHPOINT_KINDS
from schemas.kinds.touchpoint import Touchpoint
from schemas.rows import CustomerRow, JourneyRow, OutcomeRow, TouchpointRow, place
from schemas.rows import Outcome as WhatBecame
from schemas.versions import late_version, moves_version, row_version
from streams.journeys.effects import Effects
from streams.journeys.experience import experience_of
from streams.journeys.rules import Rules
from streams.journeys.state import CustomerState, Experienced, Journey

Outcome = Literal["open", "purchased", "resolved", "abandoned", "unresolved", "visited"]
CustomerStatus = Literal["active", "inactive", "unhappy", "lost"]

_FIELDS = {name: attrgetter("identifiers", *kind.own_fields) for name, kind in TOUCHPOINT_KINDS.items()}
"""What a touchpoint's `TouchpointRow.fields` hold, by its kind."""
_encode = msgspec.json.Encoder().encode


def touchpoint_row(
    touchpoint: Touchpoint,
    customer_id: str,
    journey_id: str,
    experience: int | None,
    *,
    ahead: bool,
) -> TouchpointRow:
    """Return the row of a touchpoint."""
    value_minor, currency = touchpoint.amount
    # Positional, as it runs for every event: 0.1 us, by names 1.4 (CPython 3.11).
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
        touchpoint.topics,
        touchpoint.topics_by,
        experience,
        value_minor,
        currency,
        touchpoint.subject_id,
        touchpoint.attributes,
        _encode(_FIELDS[touchpoint.kind](touchpoint)),
        False,
        ahead,
        touchpoint.customer_key,
        touchpoint.moves and moves_version(touchpoint.moves),
    )


def lone_row(touchpoint: Touchpoint, customer_id: str, journey_id: str, rules: Rules) -> TouchpointRow:
    """Return the row of a touchpoint that is in no state."""
    ahead = rules.is_ahead(touchpoint)
    return touchpoint_row(touchpoint, customer_id, journey_id, experience_of(touchpoint), ahead=ahead)


def late_row(touchpoint: Touchpoint, journey: Journey | None, rules: Rules, offset: int) -> TouchpointRow:
    """Return the row of a touchpoint that comes too late: of the current journey where it falls into that."""
    within = journey is not None and journey.started_at <= touchpoint.occurred_at
    customer_key = touchpoint.customer_key
    row = lone_row(touchpoint, customer_key, f"{customer_key}#{journey.number}" if journey and within else "", rules)
    row.late = True
    row.version = late_version(rules.epoch, offset)
    return row


def outcome_row(touchpoint: Touchpoint, outcome: WhatBecame, epoch: int, offset: int) -> OutcomeRow:
    """Return the row that says what became of a touchpoint that is in no hourly count; some name its message alone."""
    subject, event = touchpoint.customer_key, touchpoint.event_id
    version = row_version(epoch, offset)
    if outcome == "late":
        version = late_version(epoch, offset)
    elif outcome in {"duplicate", "erased"}:
        subject = touchpoint.source_topic
        event = place(touchpoint.source_partition, touchpoint.source_offset)
    return OutcomeRow(touchpoint.kind, touchpoint.occurred_at, outcome, subject, event, version)


def journey_row(journey: Journey, ended_at: int | None, effects: Effects) -> JourneyRow:
    """Return the row of a journey as it is now."""
    # Positional, as it runs for most events: 0.2 us, by names 1.0 (CPython 3.11).
    return JourneyRow(
        effects.journey_id(journey.number),
        effects.customer_id,
        journey.started_at,
        journey.last_touch_at,
        ended_at,
        journey.touchpoints,
        list(journey.channels),
        journey.path,
        journey.purchases,
        journey.revenue.get(journey.currency, 0),
        journey.currency,
        _first_of(journey.first_experiences),
        _first_of(reversed(journey.last_experiences)),
        journey.experience_sum,
        journey.experience_n,
        "open" if ended_at is None else _outcome(journey),
        False,
        0,
    )


def _first_of(experiences: Iterable[Experienced]) -> int | None:
    return next((one.value for one in experiences if one.value is not None), None)


def customer_row(customer: CustomerState, customer_id: str, *, deleted: bool) -> CustomerRow:
    """Return the row of a customer as they are now."""
    # Positional, as a journey's.
    return CustomerRow(
        customer_id,
        customer.first_seen_at,
        customer.last_seen_at,
        customer.touchpoints,
        customer.purchases,
        customer.spend.get(customer.currency, 0),
        customer.refunded.get(customer.currency, 0),
        customer.currency,
        customer.experience_sum,
        customer.experience_n,
        customer.last_nps,
        len(customer.cases),
        _status(customer),
        deleted,
        0,
    )


def _status(customer: CustomerState) -> CustomerStatus:
    if customer.last_shift < 0:
        return "unhappy" if customer.journey is not None else "lost"
    return "active" if customer.journey is not None else "inactive"


def _outcome(journey: Journey) -> Outcome:
    if journey.purchases:
        return "purchased"
    if journey.resolved:
        return "resolved"
    if journey.abandoned > 0:
        return "abandoned"
    return "unresolved" if journey.unresolved else "visited"
