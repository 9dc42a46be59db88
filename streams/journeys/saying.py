"""Which subjects of a partition may be said to be of a stated key: a small part of all, to look through.

An index of the keys themselves would take over 200 bytes a statement, for a question that only erasures ask.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from schemas.subjects import Statement

PARTS = 4096
"""A million subjects are 250 in each part, which take about half a millisecond to look through."""


class Saying:
    """The subjects, in parts, by the stated keys in their statements: 9 bytes for each statement.

    What is put in may be the very text that the partition keeps as the subject's name, so that it takes no more memory.
    """

    def __init__(self) -> None:
        self._parts: list[list[str] | None] = [None] * PARTS

    def change(self, subject: str, was: Sequence[Statement], now: Sequence[Statement]) -> None:
        """Put a subject where it is found by its statements, in the place of where it was."""
        if was is now:
            return
        before, after = _parts_of(was), _parts_of(now)
        for part in after - before:
            found = self._parts[part]
            if found is None:
                found = self._parts[part] = []
            found.append(subject)
        for part in before - after:
            there = self._parts[part]
            if there is not None:
                there.remove(subject)

    def near(self, stated_key: str) -> Sequence[str]:
        """Return all subjects that may be said to be of a stated key."""
        return tuple(self._parts[_part_of(stated_key)] or ())

    def keep_near(self, stated_key: str, kept: Collection[str]) -> None:
        """Let some of those be found from now on, and no others: as `change` for many, of whom it was forgotten."""
        self._parts[_part_of(stated_key)] = list(kept)

    def has(self, stated_key: str, statements: Iterable[Statement]) -> bool:
        """Return whether a subject of some statements is found near a stated key."""
        return _part_of(stated_key) in _parts_of(statements)


def _part_of(stated_key: str) -> int:
    return hash(stated_key) % PARTS


def _parts_of(statements: Iterable[Statement]) -> set[int]:
    return {_part_of(one.stated_key) for one in statements}
