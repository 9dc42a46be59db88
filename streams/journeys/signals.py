"""Signals for other services, made of the rows that have one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemas.rows import AbandonmentRow, ShiftRow
from schemas.topics import SIGNAL_ABANDONMENTS, SIGNAL_SHIFTS
from schemas.units import SCALE
from streams.journeys import abandonment, shifts


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


SIGNALS: dict[str, Callable[[Any], Signal]] = {
    shifts.TABLE: _of_shift,
    abandonment.TABLE: _of_abandonment,
}
"""What makes a signal of a row, by the row's table."""
