"""Values that stand where an identifier should be, and identify nobody."""

from __future__ import annotations

from streams.identity.text import ascii_digits

NO_IDENTITY = frozenset(
    {
        "",
        "null",
        "none",
        "nil",
        "undefined",
        "nan",
        "true",
        "false",
        "anonymous",
        "guest",
        "unknown",
        "not_authenticated",
        "test",
        "n/a",
        "0",
        "-1",
        "[object object]",
    }
)
"""Values that identify no customer (contract, section 3), in small letters."""
REPEATED = 4
"""An identifier of so many digits that are all the same is a placeholder."""
REPEATED_CUSTOMER_ID = 7
"""The same of a customer's id: a business may number its customers, so that 1111 is one of them."""

_BRACKETS = "()[]{}<>\"'` "
_BARE = frozenset(value.strip(_BRACKETS) for value in NO_IDENTITY)
_SIGNS = frozenset("-+")
_FIRST = frozenset("([{<\"'`u") | _SIGNS
_URN = "urn:uuid:"
_BETWEEN = str.maketrans("", "", "-+:. _/()")
_HIGHEST_UUID = "f" * 32


def is_placeholder(value: str, repeated: int) -> bool:
    """Return whether a value identifies nobody.

    Args:
        value: clean.
        repeated: from how many digits on one that is repeated is none; zeros are none in any number.
    """
    lowered = value.lower()
    if lowered in NO_IDENTITY:
        return True
    # Most values can be neither: this function runs for every identifier of every event.
    first = lowered[0]
    if first != lowered[-1]:
        if first not in _FIRST:
            return False
        if first == "u":
            return lowered.startswith(_URN) and _is_hidden(lowered, repeated)
        if first in _SIGNS and _ends_in_two(lowered[-2:]):
            return False
    return _is_hidden(lowered, repeated)


def _ends_in_two(last: str) -> bool:
    """Return whether the end of a value behind a sign shows that it is neither in brackets nor one digit repeated."""
    return last[0] != last[-1] and last.isalnum() and last.isascii()


def _is_hidden(lowered: str, repeated: int) -> bool:
    """Return whether it is one in brackets or quotes, a UUID of zeros or of f alone, or one digit repeated."""
    bare = lowered.strip(_BRACKETS)
    if bare in _BARE:
        return True
    digits = ascii_digits(bare.removeprefix(_URN).translate(_BETWEEN))
    if not digits or digits.count(digits[0]) < len(digits):
        return False
    if digits[0] == "0":
        return True
    return digits == _HIGHEST_UUID or (digits[0].isdecimal() and len(digits) >= repeated)
