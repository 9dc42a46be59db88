"""What must hold of every message and record, whatever its kind (contract, section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.kinds.checks import EARLIEST, Bounds, InvalidRecordError, filled, shown, why
from schemas.limits import CHARACTERS, MESSAGE_BYTES
from schemas.units import DAY_MS, HOUR_MS

__all__ = ["AHEAD_MS", "COMMON_BOUNDS", "EARLIEST", "InvalidRecordError", "check_common", "check_size"]

MAX_EVENT_ID = CHARACTERS["event_id"]
AHEAD_MS = DAY_MS
"""How far a source's clock may run ahead of ours, ms."""

_SHOWN = 60
_check_filled, _filled = filled("event_id", "source")
COMMON_BOUNDS: Bounds = {
    **_filled,
    # The journeys tell a moved touchpoint's id from others by a NUL in it.
    "event_id": {**_filled["event_id"], "not": {"pattern": "\\u0000"}},
    "occurred_at": {"minimum": EARLIEST, "$comment": f"at most {AHEAD_MS // HOUR_MS} h ahead of now"},
}
"""What `check_common` asks of the fields that records of all kinds have, beside `schemas.limits`."""


def check_size(value: bytes) -> None:
    """Refuse a message that is too large; to be called before it is decoded.

    Raises:
        InvalidRecordError: it is.
    """
    if len(value) > MESSAGE_BYTES:
        raise InvalidRecordError(
            "too_large",
            f"the message is {len(value)} bytes; at most {MESSAGE_BYTES} are taken",
        )


def check_common(record: Mapping[str, Any], now: int) -> None:
    """Check the fields that records of all kinds have.

    Args:
        record: of any kind.
        now: wall-clock time, ms; `occurred_at` may lie at most `AHEAD_MS` after it.

    Raises:
        InvalidRecordError: `event_id` or `source` is empty, `event_id` too long or with a NUL, or `occurred_at` out of
            range.
    """
    _check_filled(record)
    event_id = record["event_id"]
    if len(event_id) > MAX_EVENT_ID:
        raise InvalidRecordError(
            "missing_field",
            f"event_id has {len(event_id)} characters, at most {MAX_EVENT_ID} are taken: {event_id[:_SHOWN]}…",
        )
    if "\0" in event_id:
        raise InvalidRecordError("missing_field", f"event_id {event_id[:_SHOWN]!r} holds a NUL character")
    time = record["occurred_at"]
    if not EARLIEST <= time <= now + AHEAD_MS:
        raise InvalidRecordError("invalid_time", f"occurred_at is {shown(time)}; {why(time, 'over 24 h ahead')}")
