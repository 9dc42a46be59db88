"""A table is a dictionary, and an entry of it takes the same at any size."""

from __future__ import annotations

import sys
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from streams.identity.link_store import KEY_BYTES
from streams.identity.table import Table

KEYS = st.integers(0, (1 << 8 * KEY_BYTES) - 1)
FROM, TO = 60_000, 130_000
"""More than one doubling: each part grows between these."""


@given(st.lists(st.tuples(st.lists(KEYS, max_size=3), st.binary(max_size=2), st.booleans()), max_size=30))
def test_it_holds_what_a_dictionary_holds(steps: list[tuple[list[int], bytes, bool]]) -> None:
    table, plain = Table(), dict[int, bytes]()
    for keys, data, is_dropped in steps:
        table.put(keys, data)
        plain |= dict.fromkeys(keys, data)
        if is_dropped and keys:
            table.drop(keys[0])
            plain.pop(keys[0], None)
    table.drop(5)
    plain.pop(5, None)

    assert dict(table.items()) == plain
    assert len(table) == len(plain)
    assert all(key in table and table[key] == table.get(key) == data for key, data in plain.items())
    assert 5 not in table
    assert table.get(5) is None


def test_an_entry_takes_the_same_at_any_size_and_few_are_moved_at_once() -> None:
    """A dictionary's entry takes 24 bytes and its share of the index; twice as much when it has just grown."""
    random, table = Random(1), Table()
    taken: list[float] = []
    moved: list[float] = []
    sizes = [sys.getsizeof(part) for part in table.parts]
    while len(table) < TO:
        table.put([random.getrandbits(8 * KEY_BYTES)], b"")
        now = [sys.getsizeof(part) for part in table.parts]
        if len(table) > FROM:
            grown = sum(len(part) for part, size, was in zip(table.parts, now, sizes, strict=True) if size != was)
            taken.append(sum(now) / len(table))
            moved.append(grown / len(table))
        sizes = now

    assert min(taken) > 30
    assert max(taken) < 50
    assert 0 < max(moved) < 0.1
