"""Reads comma lists of `name=value`, as some settings are written."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from schemas.text import shortened

SHOWN = 80
"""Characters of what was written that a message shows."""


def named_values(
    text: str, known: Collection[str], *, bare: str, unknown: str, twice: str
) -> Iterator[tuple[str, str]]:
    """Yield each name and its value, in the order of the text.

    Args:
        text: a comma list of `name=value`.
        known: the names that there are.
        bare: what is said of a part without a value: what is wrong, and how to write it.
        unknown: what is said of a name that there is not; a name that is like it is added.
        twice: what is said of a name that comes again.

    Raises:
        ValueError: the text does not hold; the message says which part.
    """
    said: set[str] = set()
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, value = map(str.strip, part.partition("="))
        if not equals:
            raise ValueError(f"{shortened(part, SHOWN)!r} {bare}")
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise ValueError(f"{shortened(name, SHOWN)!r} {unknown}; did you mean {near[0]}?")
        if name in said:
            raise ValueError(f"{name} {twice}")
        said.add(name)
        yield name, value
