"""No stage takes a tenth more instructions an event than was recorded: what makes it dearer is meant, and recorded."""

from __future__ import annotations

import pytest

from bench.instructions import Counter, count_instructions, read_recorded, this_python

MOST = 1.1
LEAST = 20
"""Instructions an event; of a stage with fewer, a tenth says nothing."""


def test_no_stage_has_become_a_tenth_dearer() -> None:
    python, recorded = read_recorded()
    if python != this_python():
        pytest.skip(f"the instructions that are recorded are those of Python {python}")
    counts = count_instructions()

    assert counts.keys() == recorded.keys()
    dearer = {stage: count for stage, count in counts.items() if count > max(LEAST, MOST * recorded[stage])}
    assert dearer == {}, "if it is meant: python -m bench.instructions --record"


def test_what_runs_is_counted_and_what_does_not_is_not() -> None:
    def repeat(times: int) -> float:
        with Counter() as counter:
            for _ in range(times):
                _added(1, 2)
        return counter.count

    # Each call of a small function is some instructions of its own: never fewer than two loads, a sum and a return.
    assert repeat(200) - repeat(100) == 2 * (repeat(100) - repeat(50)) >= 100 * 4


def _added(first: int, second: int) -> int:
    return first + second
