"""Touchpoints as people write them: one JSON object a line, read by the same schemas as the Avro.

The fast reader reads a good line; a line that it refuses goes to the careful one, which finds out what is wrong.
"""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.avro.jsonl_careful import BadLineError, CarefulReader, MissingFieldError, check_bounds
from schemas.avro.jsonl_fast import FastReader
from schemas.avro.registry import kind_schemas

__all__ = ["BadLineError", "MissingFieldError", "parse_by_field", "parse_line"]

_SCHEMAS = kind_schemas()
_read_fast = FastReader(_SCHEMAS).read

parse_by_field = CarefulReader(_SCHEMAS).read
"""Return what `parse_line` does, a third as fast."""


def parse_line(line: str | bytes, what: str = "the line") -> tuple[str, dict[str, Any]]:
    """Return the kind and the whole record (times in epoch ms) of a line, ready to be encoded.

    Of a key that stands twice in an object, the last value holds. Only the form is checked. Whether the record holds
    (its times, amounts, scores) is decided where every message is checked, whoever sent it.

    Args:
        line: one JSON object.
        what: it is, for the error.

    Raises:
        MissingFieldError: it lacks fields that have no default.
        BadLineError: it is not JSON, or not an object of a known kind with that kind's fields. No line, whatever its
            bytes, raises another error.
    """
    check_bounds(line, what)
    try:
        return _read_fast(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return parse_by_field(line, what)
