"""Rows as the messages of a facts topic: so few in each that Kafka takes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from schemas.rows import Row, encode_row, encode_rows

MAX_ROWS = 500
MAX_BYTES = 256 << 10
"""Most rows, and about the most bytes of them, in one message of a facts topic."""
_HEAD_BYTES = 16
"""More than a message takes beside its rows."""


def encode_facts(rows: Sequence[Row]) -> Iterator[bytes]:
    """Yield rows as the values of facts messages of about `MAX_BYTES` at most."""
    for start in range(0, len(rows), MAX_ROWS):
        yield from _encode(rows[start : start + MAX_ROWS])


def _encode(rows: Sequence[Row]) -> Iterator[bytes]:
    value = encode_rows(rows)
    if len(value) <= MAX_BYTES:
        yield value
        return
    # Each by itself: half of them, and half of that, would be encoded again and again, and all of it held meanwhile.
    del value
    together, size = list[msgspec.Raw](), _HEAD_BYTES
    for row in rows:
        encoded = encode_row(row)
        if together and size + len(encoded) > MAX_BYTES:
            yield encode_rows(together)
            together, size = [], _HEAD_BYTES
        together.append(msgspec.Raw(encoded))
        size += len(encoded)
    yield encode_rows(together)
