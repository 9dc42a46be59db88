"""What work takes, in instructions of Python: they are the same whoever else uses the machine, as times are not."""

from __future__ import annotations

import sys
from collections.abc import Generator
from types import FrameType
from typing import Any

OPCODES = 80_000
"""Instructions of Python that a step may take, about 2 ms: loops without a call are counted by them, too."""


def opcodes_of_steps(doing: Generator[None, None, object]) -> list[int]:
    """Return how many instructions something runs, from each moment at which others have a turn to the next."""
    counts = [0]

    def see(frame: FrameType, event: str, _argument: object) -> Any:
        frame.f_trace_opcodes = True
        counts[-1] += event == "opcode"
        return see

    before = sys.gettrace()
    sys.settrace(see)
    try:
        for _ in doing:
            counts += [0]
    finally:
        sys.settrace(before)
    return counts
