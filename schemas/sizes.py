"""How many bytes a record takes in its topic, and how many a dead letter may take."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.topics import MAX_MESSAGE_BYTES

Headers = Sequence[tuple[str, bytes | None]]
"""A message's headers in their order; names may repeat, values may be absent."""

RECORD_OVERHEAD = 64
"""Bytes, more than Kafka adds to key, value and headers of one record."""
_HEADER_OVERHEAD = 10
MAX_DEAD_LETTER_BYTES = 2 * MAX_MESSAGE_BYTES
"""Bytes of a message that `touchpoints.dlq.v1` takes: `max.message.bytes` of `schemas.topics`."""


def record_size(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """Return the bytes a record takes before compression; rather too many than too few."""
    in_headers = sum(len(name.encode()) + len(content or b"") + _HEADER_OVERHEAD for name, content in headers)
    return RECORD_OVERHEAD + len(key or b"") + len(value or b"") + in_headers
