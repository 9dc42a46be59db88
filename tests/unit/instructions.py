"""What work takes, in instructions of Python: they are the same whoever else uses the machine, as times are not."""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise

from bench.instructions import Counter

OPCODES = 80_000
"""Instructions of Python that a step may take, about 2 ms: loops without a call are counted by them, too."""


def opcodes_of_steps(doing: Generator[None, None, object]) -> list[int]:
    """Return how many instructions something runs, from each moment at which others have a turn to the next."""
    with Counter() as counter:
        passed = [0]
        for _ in doing:
            passed += [counter.count]
        passed += [counter.count]
    return [later - earlier for earlier, later in pairwise(passed)]
