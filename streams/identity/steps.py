"""Work that is done little by little, for whoever wants all of it at once."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar, cast

Result = TypeVar("Result")

AT_ONCE = 32
"""Things of a few microseconds each that are done between two yields: a yield costs half of one."""


def end_of(steps: Generator[None, None, Result]) -> Result:
    """Take all steps at once; return their result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast(Result, end.value)
