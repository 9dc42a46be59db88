"""How many people come for which reason: the same mix in each hundred of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, zip_longest

from touchline.simulate.identities.scenarios import SCENARIOS

LEFT_OVER = "one_visit"
"""What people do who are too few for the next unit."""


def units_of(people: int) -> Iterator[tuple[str, int]]:
    """Yield scenario and size of each unit, of so many people in all.

    Each hundred begins with one unit of every scenario, so that small populations have all of them, too.
    """
    left = people
    for scenario, size in cycle(_hundred()):
        if size > left:
            yield from ((LEFT_OVER, 1) for _ in range(left))
            return
        yield scenario, size
        left -= size


def _hundred() -> list[tuple[str, int]]:
    of_each = [[(name, size) for size in _sizes(name)] for name in SCENARIOS]
    return [unit for units in zip_longest(*of_each) for unit in units if unit is not None]


def _sizes(name: str) -> Iterator[int]:
    left = SCENARIOS[name].per_hundred
    for size in cycle(SCENARIOS[name].sizes):
        if left < size:
            return
        yield size
        left -= size
