"""The version of a row: of two rows for the same thing, ClickHouse keeps the one with the higher version."""

from __future__ import annotations

_EPOCH_BITS = 48
_MOVES_BITS = 44
_STEP_BITS = 8
ON_TIME = 1 << 62
"""Set in the version of a touchpoint's row that counts; a late one's lacks it, so that it never covers the other."""


_LAST_OFFSET = (1 << 36) - 1
MOVES_MAX = 15
"""How often a touchpoint can change its owner."""
MOVES = MOVES_MAX << _MOVES_BITS
"""Where a version tells how often the touchpoint was moved: offsets of two partitions do not compare."""


def late_version(epoch: int, offset: int) -> int:
    """Return the version of a late touchpoint's row: it falls with the offset, so that the first that came stands."""
    return row_version(epoch, _LAST_OFFSET - offset)


def row_version(epoch: int, offset: int) -> int:
    """Return the version of a row that the record at an offset brought about.

    Args:
        epoch: `TOUCHLINE_EPOCH`, 0 to 2^14 - 1; rows of a higher epoch always win.
        offset: of the record in its partition, below 2^36. Eight bits below it are left to the caller.
    """
    return epoch << _EPOCH_BITS | offset << _STEP_BITS


def moves_version(moves: int) -> int:
    """Return what the version of a touchpoint's row has for how often it was moved."""
    return moves << _MOVES_BITS
