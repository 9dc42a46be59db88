"""What must hold of a kind's own fields: rules that its declaration names, each of which refuses a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from schemas.errors import RefusalError
from schemas.limits import LARGEST_AMOUNT
from schemas.units import SCALE

EARLIEST = 631_152_000_000
"""1990-01-01T00:00Z, ms: a time before it is refused."""
LATEST_PLAN = 7_258_118_400_000
"""2200-01-01T00:00Z, ms: a planned time (an ETA, a price change) may lie ahead, but not beyond this."""

SCALES: dict[str, tuple[float, float]] = {
    "nps": (0, 10),
    "csat": (1, 5),
    "ces": (1, 7),
    "rating": (1, 5),
}
"""The lowest and highest score by kind of question, where the answer does not name them."""
STARS = (1, 5)
LARGEST_SCORE = 1e9
"""A score or the end of a scale lies within this, on either side of 0."""

_SHOWN = 60

Record = Mapping[str, Any]
"""A record of a kind as `schemas.avro.codec.Codec.decode` gives it: every field of the schema in force."""

Check = Callable[[Record], None]
"""Raises `InvalidRecordError` where the record does not hold."""

Bounds = Mapping[str, Mapping[str, object]]
"""What is asked of a field's value, by the field's name: keywords of JSON Schema, such as `minimum` or `pattern`.

A field of a list's entries is named as in `items[].quantity`. `$comment` says what the keywords cannot.
"""
NOT_BLANK: Mapping[str, object] = {"pattern": r"\S"}
CURRENCY: Mapping[str, object] = {"pattern": "^[A-Z]{3}$", "maxLength": 3}
PLAN: Mapping[str, object] = {"minimum": EARLIEST, "maximum": LATEST_PLAN}
AMOUNT: Mapping[str, object] = {"minimum": 0, "maximum": LARGEST_AMOUNT}


class Rule(NamedTuple):
    """A rule of a kind.

    Attributes:
        check: refuses a record that breaks it.
        bounds: what it asks of single fields: the contract's page and the JSON Schema of a record tell producers.
    """

    check: Check
    bounds: Bounds


class InvalidRecordError(RefusalError):
    """A record that can be read but does not hold."""


def filled(*names: str) -> Rule:
    """Refuse a record in which one of these fields is empty or blank (`missing_field`)."""

    def check(record: Record) -> None:
        for name in names:
            value = record[name]
            if not value or value.isspace():
                raise InvalidRecordError("missing_field", f"{name} is empty")

    return Rule(check, dict.fromkeys(names, NOT_BLANK))


def planned(*names: str) -> Rule:
    """Refuse a record in which one of these times (ms or null) is before 1990 or after 2199 (`invalid_time`)."""

    def check(record: Record) -> None:
        for name in names:
            time = record[name]
            if time is not None and not EARLIEST <= time <= LATEST_PLAN:
                raise InvalidRecordError("invalid_time", f"{name} is {shown(time)}; {why(time, 'after 2199')}")

    return Rule(check, dict.fromkeys(names, PLAN))


def period(start: str, end: str) -> Rule:
    """Refuse a record whose period ends before it starts (`invalid_time`)."""

    def check(record: Record) -> None:
        if record[end] < record[start]:
            raise InvalidRecordError("invalid_time", f"{end} is before {start}")

    return Rule(check, {end: {"$comment": f"not before `{start}`"}})


def amounts(*names: str) -> Rule:
    """Refuse a record in which one of these amounts (minor units) or quantities is out of range (`invalid_amount`)."""

    def check(record: Record) -> None:
        for name in names:
            check_amount(name, record[name])

    return Rule(check, dict.fromkeys(names, AMOUNT))


def check_amount(name: str, value: int) -> None:
    """Refuse an amount (minor units) or quantity that is negative or greater than `LARGEST_AMOUNT`."""
    if value < 0:
        raise InvalidRecordError("invalid_amount", f"{name} is {value}; it must be 0 or more")
    if value > LARGEST_AMOUNT:
        raise InvalidRecordError("invalid_amount", f"{name} is {value}; at most {LARGEST_AMOUNT} is taken")


def duration(name: str) -> Rule:
    """Refuse a record in which this duration (ms or null) is longer than any can be (`invalid_amount`).

    A clock that was set meanwhile gives one below 0, and that harms nothing.
    """

    def check(record: Record) -> None:
        length = record[name]
        if length is not None and abs(length) > LARGEST_AMOUNT:
            raise InvalidRecordError("invalid_amount", f"{name} is {length}; at most ±{LARGEST_AMOUNT} is taken")

    return Rule(check, {name: {"minimum": -LARGEST_AMOUNT, "maximum": LARGEST_AMOUNT}})


def currency(name: str) -> Rule:
    """Refuse a record in which this field is neither null nor written like an ISO 4217 code (`invalid_amount`)."""

    def check(record: Record) -> None:
        code = record[name]
        if code is None or (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
            return
        raise InvalidRecordError(
            "invalid_amount",
            f"{name} is {code[:_SHOWN]!r}; it must be three capital letters (ISO 4217)",
        )

    return Rule(check, {name: CURRENCY})


def stars(name: str) -> Rule:
    """Refuse a record in which this field is neither null nor 1 to 5 (`invalid_score`)."""
    low, high = STARS

    def check(record: Record) -> None:
        rating = record[name]
        if rating is not None and not low <= rating <= high:
            raise InvalidRecordError("invalid_score", f"{name} is {rating}; a review has {low} to {high} stars")

    return Rule(check, {name: {"minimum": low, "maximum": high}})


SCORE_BOUNDS: Bounds = {
    "score": {"$comment": "within its scale; of nps 0 to 10"},
    "scale_min": {"$comment": "below `scale_max`"},
    "scale_max": {"$comment": "above `scale_min`"},
}
"""What `normalised_score` asks of a survey answer; of the scale only where there is a score, and not of nps."""


def scores(*names: str) -> Rule:
    """Refuse a record in which one of these scores, or ends of a scale, is beyond `LARGEST_SCORE` (`invalid_score`)."""

    def check(record: Record) -> None:
        for name in names:
            number = record[name]
            if number is not None and not -LARGEST_SCORE <= number <= LARGEST_SCORE:  # NaN is not within
                raise InvalidRecordError(
                    "invalid_score", f"{name} is {number:g}; it must lie within ±{LARGEST_SCORE:g}"
                )

    within: Mapping[str, object] = {"minimum": -LARGEST_SCORE, "maximum": LARGEST_SCORE}
    return Rule(check, dict.fromkeys(names, within))


def normalised_score(record: Record) -> int | None:
    """Return a survey answer's score mapped to 0 .. SCALE, higher being better.

    A bound that the answer does not name is that of its kind of question; NPS is 0 to 10 and higher
    is better, whatever the answer says. Without a score, or a scale, the result is None. The score and the ends of its
    scale lie within `LARGEST_SCORE`.

    Raises:
        InvalidRecordError: the score is outside its scale, or there can be no such scale.
    """
    score: float | None = record["score"]
    if score is None:
        return None
    scale = _scale(record)
    if scale is None:
        return None
    low, high = scale
    if not low < high:
        raise InvalidRecordError("invalid_score", f"the scale runs from {low:g} to {high:g}; it must rise")
    if not low <= score <= high:
        raise InvalidRecordError("invalid_score", f"score is {score:g}; its scale is {low:g} to {high:g}")
    normalised = round(SCALE * (score - low) / (high - low))
    is_reversed = record["question_kind"] != "nps" and not record["higher_is_better"]
    return SCALE - normalised if is_reversed else normalised


def _scale(record: Record) -> tuple[float, float] | None:
    kind = record["question_kind"]
    if kind == "nps":
        return SCALES["nps"]
    low, high = SCALES.get(kind, (None, None))
    said_low, said_high = record["scale_min"], record["scale_max"]
    low = low if said_low is None else said_low
    high = high if said_high is None else said_high
    return None if low is None or high is None else (low, high)


def shown(time: int) -> str:
    """Return a time (ms) as a person reads it, beside the number."""
    try:
        return f"{time} ({datetime.fromtimestamp(time / 1000, UTC):%Y-%m-%dT%H:%M:%SZ})"
    except (ValueError, OverflowError, OSError):
        return str(time)


def why(time: int, otherwise: str) -> str:
    """Return why a time (ms) is refused: what is wrong with an early one, or `otherwise`; and a likely other unit."""
    if time < EARLIEST <= time * 1000 <= LATEST_PLAN:
        return "before 1990: seconds, where epoch milliseconds were expected?"
    for unit, per_ms in (("microseconds", 1_000), ("nanoseconds", 1_000_000)):
        if EARLIEST <= time // per_ms <= LATEST_PLAN:
            return f"{otherwise}: {unit}, where epoch milliseconds were expected?"
    return "before 1990" if time < EARLIEST else otherwise
