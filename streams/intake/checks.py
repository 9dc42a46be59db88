"""What a record must hold to be taken in (contract, section 2): checks that raise `InvalidRecordError`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from schemas.errors import RefusalError
from schemas.topics import MAX_TOUCHPOINT_BYTES
from schemas.units import SCALE

MAX_EVENT_ID = 128
EARLIEST = 631_152_000_000
"""1990-01-01T00:00Z, ms: before it nothing can have happened that we are told of."""
AHEAD_MS = 86_400_000
"""How far a source's clock may run ahead of ours, ms."""
LATEST_PLAN = 7_258_118_400_000
"""2200-01-01T00:00Z, ms: what is planned (an ETA, a price change) may lie ahead, but not beyond."""

SCALES: dict[str, tuple[float, float]] = {
    "nps": (0, 10),
    "csat": (1, 5),
    "ces": (1, 7),
    "rating": (1, 5),
}
"""The lowest and highest score by kind of question, where the answer does not say them."""
STARS = (1, 5)
LARGEST_SCORE = 1e9
"""A score or the end of a scale lies within this, on either side of 0."""
LARGEST_AMOUNT = 10**15
"""The greatest amount of money, in minor units: thousands of them still add up within 64 bits."""

_SHOWN = 60


class InvalidRecordError(RefusalError):
    """A record that can be read but does not hold."""


def check_size(value: bytes) -> None:
    """Refuse a message that is too large; to be called before decoding it."""
    if len(value) > MAX_TOUCHPOINT_BYTES:
        raise InvalidRecordError(
            "too_large",
            f"the message is {len(value)} bytes; at most {MAX_TOUCHPOINT_BYTES} are taken",
        )


def check_said(record: dict[str, Any], *names: str) -> None:
    """Refuse a record in which one of these fields is empty or blank."""
    for name in names:
        value = record[name]
        if not value or value.isspace():
            raise InvalidRecordError("missing_field", f"{name} is empty")


def check_event_id(event_id: str) -> None:
    """Refuse an event id that is too long to be kept."""
    if len(event_id) > MAX_EVENT_ID:
        raise InvalidRecordError(
            "missing_field",
            f"event_id has {len(event_id)} characters, at most {MAX_EVENT_ID} are taken: {event_id[:_SHOWN]}…",
        )


def check_happened(name: str, time: int, now: int) -> None:
    """Refuse a time (ms) at which something is said to have happened, but cannot have."""
    if not EARLIEST <= time <= now + AHEAD_MS:
        raise InvalidRecordError("invalid_time", f"{name} is {_shown(time)}; {_why(time, 'over 24 h ahead')}")


def check_planned(name: str, time: int | None) -> None:
    """Refuse a time (ms) that may lie ahead, but is no time of our days."""
    if time is not None and not EARLIEST <= time <= LATEST_PLAN:
        raise InvalidRecordError("invalid_time", f"{name} is {_shown(time)}; {_why(time, 'after 2199')}")


def check_amount(name: str, value: int) -> None:
    """Refuse an amount (minor units) or quantity that is negative or beyond all reason."""
    if value < 0:
        raise InvalidRecordError("invalid_amount", f"{name} is {value}; it must be 0 or more")
    if value > LARGEST_AMOUNT:
        raise InvalidRecordError("invalid_amount", f"{name} is {value}; at most {LARGEST_AMOUNT} is taken")


def check_currency(currency: str) -> None:
    """Refuse what is not written like an ISO 4217 code."""
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        raise InvalidRecordError(
            "invalid_amount",
            f"currency is {currency[:_SHOWN]!r}; it must be three capital letters (ISO 4217)",
        )


def check_stars(rating: int | None) -> None:
    """Refuse a review's rating that is not 1 to 5 stars."""
    low, high = STARS
    if rating is not None and not low <= rating <= high:
        raise InvalidRecordError("invalid_score", f"rating is {rating}; a review has {low} to {high} stars")


def normalised_score(record: dict[str, Any]) -> int | None:
    """Return a survey answer's score mapped to 0 .. SCALE, higher being better.

    A bound that the answer does not say is that of its kind of question; NPS is 0 to 10, whatever
    the answer says, and higher is better. Without a score, or a scale, the result is None.

    Raises:
        InvalidRecordError: the score is outside its scale, or there can be no such scale.
    """
    score: float | None = record["score"]
    if score is None:
        return None
    if not _is_reasonable(score):
        raise InvalidRecordError("invalid_score", f"score is {score:g}; it must lie within ±{LARGEST_SCORE:g}")
    scale = _scale(record)
    if scale is None:
        return None
    low, high = scale
    if not (_is_reasonable(low) and _is_reasonable(high) and low < high):
        raise InvalidRecordError(
            "invalid_score",
            f"the scale runs from {low:g} to {high:g}; it must rise, and lie within ±{LARGEST_SCORE:g}",
        )
    if not low <= score <= high:
        raise InvalidRecordError("invalid_score", f"score is {score:g}; its scale is {low:g} to {high:g}")
    normalised = round(SCALE * (score - low) / (high - low))
    is_reversed = record["question_kind"] != "nps" and not record["higher_is_better"]
    return SCALE - normalised if is_reversed else normalised


def _is_reasonable(number: float) -> bool:
    return -LARGEST_SCORE <= number <= LARGEST_SCORE  # NaN is not


def _scale(record: dict[str, Any]) -> tuple[float, float] | None:
    kind = record["question_kind"]
    if kind == "nps":
        return SCALES["nps"]
    low, high = SCALES.get(kind, (None, None))
    said_low, said_high = record["scale_min"], record["scale_max"]
    low = low if said_low is None else said_low
    high = high if said_high is None else said_high
    return None if low is None or high is None else (low, high)


def _shown(time: int) -> str:
    try:
        return f"{time} ({datetime.fromtimestamp(time / 1000, UTC):%Y-%m-%dT%H:%M:%SZ})"
    except (ValueError, OverflowError, OSError):
        return str(time)


def _why(time: int, otherwise: str) -> str:
    if time < EARLIEST <= time * 1000 <= LATEST_PLAN:
        return "before 1990: seconds, where epoch milliseconds were expected?"
    return "before 1990" if time < EARLIEST else otherwise
