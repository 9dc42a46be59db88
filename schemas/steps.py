"""Work that is done little by little, for whoever wants all of it at once."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar, cast

Result = TypeVar("Result")
Thing = TypeVar("Thing")

AT_ONCE = 32
"""Things of a few microseconds each that are done between two yields: a yield costs half of one."""


def end_of(steps: Generator[None, None, Result]) -> Result:
    """Take all steps at once; return their result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast(Result, end.value)


def parts_of(things: Iterable[Thing]) -> Iterator[list[Thing]]:
    """Yield things in parts that are small enough to be done between two yields."""
    left = iter(things)
    while part := list(islice(left, AT_ONCE)):
        yield part


def each_once(several: Iterable[Iterable[Thing]]) -> Generator[None, None, list[Thing]]:
    """Return each of several rows of things once, in their order, little by little; a row may take its time to come."""
    found: list[Thing] = []
    known: set[Thing] = set()
    for things in several:
        for part in parts_of(things):
            found += [one for one in dict.fromkeys(part) if one not in known]
            known.update(part)
            yield
        yield
    return found


def emptying(*lists: list[Any]) -> Generator[None, None, None]:
    """Empty lists little by little: to free all that hangs on them takes its time, too."""
    for one in lists:
        while one:
            del one[-AT_ONCE:]
            yield
