"""Rows as the messages of a facts topic: so few in each that Kafka takes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schemas.rows import Row, encode_rows

MAX_ROWS = 500
MAX_BYTES = 256 << 10
"""Most rows, and about the most bytes of them, in one message of a facts topic."""


def encode_facts(rows: Sequence[Row]) -> Iterator[bytes]:
    """Yield rows as the values of facts messages of about `MAX_BYTES` at most."""
    for start in range(0, len(rows), MAX_ROWS):
        yield from _encode_halves(rows[start : start + MAX_ROWS])


def _encode_halves(rows: Sequence[Row]) -> Iterator[bytes]:
    value = encode_rows(rows)
    if len(value) <= MAX_BYTES or len(rows) == 1:
        yield value
        return
    middle = len(rows) // 2
    yield from _encode_halves(rows[:middle])
    yield from _encode_halves(rows[middle:])
