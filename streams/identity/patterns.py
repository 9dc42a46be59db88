"""Patterns of values that identify nobody, as a business names them in a setting.

They are RE2's regular expressions: these take time in proportion to the value, whatever pattern and value are.
"""

from __future__ import annotations

import re
from typing import Any

import re2

from schemas.errors import TouchlineError

MOST_PATTERNS = 100
LONGEST_PATTERN = 1_000
"""Characters."""
_MEMORY = 8 << 20
"""Bytes that all patterns together may take."""
# A comma of a repetition, as in \d{2,5}, stands in its pattern.
_BETWEEN = re.compile(r"\r?\n|,(?!\d*\})")


class PatternError(TouchlineError):
    """A pattern is none, or there are too many; says which, and why."""


class Patterns:
    """Matches whole values against patterns, in any case.

    Args:
        said: regular expressions, separated by commas or line ends; empty ones do not count.

    Raises:
        PatternError: one is no regular expression of RE2, or they are too many or too long.
    """

    def __init__(self, said: str = "") -> None:
        found = [pattern for part in _BETWEEN.split(said) if (pattern := part.strip())]
        if len(found) > MOST_PATTERNS:
            raise PatternError(f"there are {len(found)} patterns; at most {MOST_PATTERNS} are taken")
        for place, pattern in enumerate(found, start=1):
            if len(pattern) > LONGEST_PATTERN:
                raise PatternError(
                    f"pattern {place} has {len(pattern)} characters; at most {LONGEST_PATTERN} are taken"
                )
            _compiled(pattern, f"pattern {place}, {pattern!r},")
        every = "|".join(f"(?:{pattern})" for pattern in found)
        self._every = _compiled(every, "the patterns together") if found else None

    def match(self, value: str) -> bool:
        """Return whether a pattern matches the whole of a value."""
        return self._every is not None and self._every.fullmatch(value) is not None

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return self._every is not None


def _compiled(pattern: str, what: str) -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise PatternError(
            f"{what} is no regular expression of RE2: {_reason(error)}. Patterns are separated by commas or line ends; "
            r"write \x2c for a comma in one"
        ) from None


def _reason(error: Exception) -> str:
    said = error.args[0] if error.args else error
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
