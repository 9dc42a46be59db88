"""Versions of rows: of two rows for one key the higher version is the true one."""

from __future__ import annotations

EPOCH_BITS = 48
ORDINAL_BITS = 8
ON_TIME = 1 << 62
"""Set in the version of a touchpoint's row that counts; a late one's lacks it, so that it never covers the other."""


def row_version(epoch: int, offset: int) -> int:
    """Return the version of a row that the record at `offset` of the log brought about: a function of the log alone."""
    return epoch << EPOCH_BITS | offset << ORDINAL_BITS
