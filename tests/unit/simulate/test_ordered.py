"""Lines sorted on disk: the same order as in memory, however small the runs are."""

from __future__ import annotations

import tracemalloc
from random import Random

import pytest

from touchline.simulate.ordered import OrderedLines


@pytest.mark.parametrize("run_bytes", [1, 100, 3_000, 1 << 20])
def test_lines_come_by_time_and_of_one_time_as_they_were_added(run_bytes: int) -> None:
    random = Random(run_bytes)
    lines = OrderedLines(run_bytes)
    added = []
    for number in range(300):
        # Some are longer than what is read at once.
        added.append((random.randrange(-50, 50), b"%d:" % number + b"x" * random.choice((0, 30, 5_000))))
        lines.add(*added[-1])
    lines.add(0, b"y" * 200_000)

    assert list(lines.in_order()) == [
        line for _, line in sorted([*added, (0, b"y" * 200_000)], key=lambda each: each[0])
    ]


def test_no_lines_are_no_lines() -> None:
    assert list(OrderedLines().in_order()) == []


def test_memory_holds_a_part_of_the_lines() -> None:
    number, size = 20_000, 1_000
    tracemalloc.start()
    lines = OrderedLines(run_bytes=1_000_000)
    for each in range(number):
        lines.add(-each, b"x" * size)
    read = sum(1 for _ in lines.in_order())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert read == number
    assert most < number * size / 3
