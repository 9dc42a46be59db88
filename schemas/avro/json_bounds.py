"""What a text of JSON may hold, told before it is read: to read it takes as long as it has values, and not bytes.

All of it is counted by whole passes over the text, of 0.3 ms a MiB: a loop over its characters would take longer than
what it guards.
"""

from __future__ import annotations

from schemas.limits import MESSAGE_VALUES

MAX_VAST_NUMBERS = 200
"""The most numbers of a text whose exponents have three digits: msgspec takes 20 µs for one near the end of doubles."""
MAX_DIGITS = 500
"""The most digits of a number without a point or exponent between them: Python's whole numbers take their square."""
MAX_LONG_NUMBERS = 1_000
"""The most numbers of `LONG_NUMBER` digits, a point amid them or none: one that lies between doubles takes 2.5 µs."""
LONG_NUMBER = 25
"""Digits of a number beyond all that a double or a 64-bit number has, zeros before them included."""
UNCHECKED_BYTES = MAX_DIGITS
"""A text up to so many bytes can hold too much of nothing, and needs no look at it."""

_BEFORE_VALUES = (b",", b"[", b"{")
"""One of these stands before each value of a list and each field; before some closing brackets, too."""
_QUOTES = 4
"""Of a value: those of its name, and of itself."""
_ONE_DIGIT = bytes.maketrans(b"123456789E", b"000000000e")
_SIGNS = b"+-"
_EXPONENT, _VAST = b"e", b"0e000"
_LONG = b"0" * (MAX_DIGITS + 1)
_MANY_DIGITS = b"0" * LONG_NUMBER


def excess(text: bytes, values: int = MESSAGE_VALUES) -> str | None:
    """Return what a text of JSON holds too much of, in words behind "it holds"; None where it may be read.

    Of a text that is no JSON what is returned may be wrong: it is refused, in other words.

    Args:
        text: of JSON.
        values: that it may hold.
    """
    # Most texts hold little enough even if all that looks like a value in a text of theirs were one.
    if len(text) <= UNCHECKED_BYTES or _excess(text, values) is None:
        return None
    plain = text.replace(rb"\\", b"").replace(rb"\"", b"")
    # Each string is one part more, and takes time of its own.
    if plain.count(b'"') > _QUOTES * (values + 1):
        return _too_many(values)
    return _excess(b"".join(plain.split(b'"')[::2]), values)


def _excess(text: bytes, values: int) -> str | None:
    """Return the same of a text whose strings count as if they were none."""
    if sum(map(text.count, _BEFORE_VALUES)) > values:
        return _too_many(values)
    numbers = text.translate(_ONE_DIGIT, _SIGNS)
    if numbers.count(_EXPONENT) > MAX_VAST_NUMBERS and numbers.count(_VAST) > MAX_VAST_NUMBERS:
        return f"more than {MAX_VAST_NUMBERS} numbers with exponents of three digits"
    if _LONG in numbers:
        return f"a number of more than {MAX_DIGITS:,} digits"
    if numbers.replace(b".", b"").count(_MANY_DIGITS) > MAX_LONG_NUMBERS:
        return f"more than {MAX_LONG_NUMBERS:,} numbers of {LONG_NUMBER} digits"
    return None


def _too_many(values: int) -> str:
    return f"more than {values:,} values: fields, and entries of lists and maps"
