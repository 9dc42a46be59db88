"""Signals for other services, made of the rows that have one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemas.rows import AbandonmentRow, FollowUpRow, ShiftRow
from schemas.topics import SIGNAL_ABANDONMENTS, SIGNAL_FOLLOW_UPS, SIGNAL_SHIFTS
from schemas.units import SCALE
from streams.journeys import abandonment, follow_up_rows, shifts


@dataclass(frozen=True, slots=True)
class Signal:
    """A message for other services: `record` in the schema called `name`."""

    topic: str
    key: bytes
    name: str
    record: dict[str, object]


def _of_shift(row: ShiftRow) -> Signal:
    record: dict[str, object] = {
        "shift_id": row.shift_id,
        "customer_id": row.customer_id,
        "journey_id": row.journey_id,
        "direction": row.direction,
        "detected_at": row.detected_at,
        "onset_at": row.onset_at,
        "onset_event_id": row.onset_event_id,
        "before_mean": row.before_mean / SCALE,
        "after_mean": row.after_mean / SCALE,
        "n_before": row.n_before,
        "n_after": row.n_after,
        "cause_event_id": row.cause_event_id,
        "cause_kind": row.cause_kind,
        "detector": row.detector,
        "previous_customer_id": row.previous_customer_id,
        "retracted": row.deleted,
    }
    return Signal(SIGNAL_SHIFTS, row.customer_id.encode(), "SentimentShift", record)


def _of_abandonment(row: AbandonmentRow) -> Signal:
    record: dict[str, object] = {
        "subject": row.subject,
        "subject_id": row.subject_id,
        "customer_id": row.customer_id,
        "journey_id": row.journey_id,
        "started_at": row.started_at,
        "abandoned_at": row.abandoned_at,
        "waited_seconds": row.waited_ms / 1000,
        "value_minor": row.value_minor,
        "currency": row.currency,
        "status": row.status,
        "recovered_at": row.recovered_at,
        "previous_customer_id": row.previous_customer_id,
        "retracted": row.deleted,
    }
    return Signal(SIGNAL_ABANDONMENTS, row.customer_id.encode(), "Abandonment", record)


def _of_follow_up(row: FollowUpRow) -> Signal:
    record: dict[str, object] = {
        "customer_id": row.customer_id,
        "journey_id": row.journey_id,
        "reason": row.reason,
        "due_at": row.due_at,
        "event_id": row.event_id,
        "follow_up_id": row.follow_up_id,
        "status": row.status,
        "happened_at": row.happened_at,
        "opened_at": row.opened_at,
        "changed_at": row.changed_at,
        "settle_due_at": row.settle_due_at,
        "warned_at": row.warned_at,
        "missed_at": row.missed_at,
        "contacted_at": row.contacted_at,
        "closed_at": row.closed_at,
        "causes": row.causes,
        "subject_id": row.subject_id,
        "topic": row.topic,
        "lang": row.lang,
        "owner": row.owner,
        "value_minor": row.value_minor if row.currency else None,
        "currency": row.currency or None,
        "experience_before": _natural(row.experience_before),
        "experience_after": _natural(row.experience_after),
        "may_ask": row.may_ask,
        "channel": row.channel,
        "previous_customer_id": row.previous_customer_id,
        "retracted": row.deleted,
    }
    return Signal(SIGNAL_FOLLOW_UPS, row.customer_id.encode(), "FollowUp", record)


def _natural(score: int | None) -> float | None:
    return None if score is None else score / SCALE


SIGNALS: dict[str, Callable[[Any], Signal]] = {
    shifts.TABLE: _of_shift,
    abandonment.TABLE: _of_abandonment,
    follow_up_rows.TABLE: _of_follow_up,
}
"""What makes a signal of a row, by the row's table."""
