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
    """Yield rows as the values of facts messages of about `MAX_BYTES` at most.

    No more than a message is encoded at a time, and each row by itself: 500 may take a message, or 100 MB.
    """
    together, size = list[msgspec.Raw](), _HEAD_BYTES
    for row in rows:
        encoded = encode_row(row)
        if together and (len(together) == MAX_ROWS or size + len(encoded) > MAX_BYTES):
            yield encode_rows(together)
            together, size = [], _HEAD_BYTES
        together.append(msgspec.Raw(encoded))
        size += len(encoded)
    if together:
        yield encode_rows(together)
