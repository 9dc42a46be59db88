"""Bounds the headers of fetched messages, and makes names readable that are not UTF-8.

A header may take two bytes of a batch that is not compressed, and a millionth of that of one that is; read, it takes
some sixty. The layout of records: https://kafka.apache.org/documentation/#recordbatch.
"""

from __future__ import annotations

from collections.abc import Iterator

from schemas.avro.varint import long_at
from streams.kafka.inflate import TooLargeError

MAX_HEADERS = 1_000
"""The most headers of a message; with more it is refused unread."""
MAX_BATCH_HEADERS = 100_000
"""The most headers of all messages of a batch that is inflated to more than `COUNTED_BYTES`."""
MAX_NAMED_ANEW = 20_000
"""The most headers of a batch that has a name that is not UTF-8: all of them are looked at."""
HEADER_BYTES = 64
"""What a header takes of memory beside its bytes, at the least."""
MAX_RECORDS = 50_000
"""The most records of a batch that is looked through: of so many small ones it takes a fifth of a second."""
COUNTED_BYTES = 1 << 20
"""Batches of so many bytes are read without a look at them before: brokers take such from anyone by default."""


def check_headers(batch: bytes, position: int) -> None:
    """Check how many headers a batch's records have, before they are read.

    Args:
        batch: not compressed.
        position: where its first record begins.

    Raises:
        TooLargeError: there are too many.
        IndexError, ValueError: they are no records.
    """
    headers = 0
    for count, _ in _headers_of(batch, position):
        headers += count
        if count > MAX_HEADERS:
            raise TooLargeError(f"a message has {count} headers, at most {MAX_HEADERS} are read")
        if headers > MAX_BATCH_HEADERS:
            raise TooLargeError(f"it has more than {MAX_BATCH_HEADERS} headers")


def with_readable_names(batch: bytes, position: int) -> bytes:
    """Return a batch, each byte of a header's name that is not UTF-8 replaced by a `?`.

    Args:
        batch: not compressed.
        position: where its first record begins.

    Raises:
        TooLargeError: its records have too many headers.
        IndexError, ValueError: they are no records.
    """
    named, headers = bytearray(batch), 0
    for count, at in _headers_of(batch, position):
        headers += count
        if headers > MAX_NAMED_ANEW:
            raise TooLargeError(f"a header's name is not UTF-8, and it has more than {MAX_NAMED_ANEW} headers")
        for first, behind in _names(batch, at, count):
            # Of each byte that is none of a character, this makes one that is written as one `?`.
            name = batch[first:behind].decode(errors="surrogateescape")
            named[first:behind] = name.encode(errors="replace")
    return bytes(named)


def _headers_of(batch: bytes, position: int) -> Iterator[tuple[int, int]]:
    """Yield how many headers each record has, and where the first of them begins.

    Args:
        batch: not compressed.
        position: where its first record begins.

    Raises:
        TooLargeError: it has too many records.
        IndexError, ValueError: they are none.
    """
    records = 0
    while position < len(batch):
        records += 1
        if records > MAX_RECORDS:
            raise TooLargeError(f"it has more than {MAX_RECORDS} messages")
        size, start = long_at(batch, position)
        if size <= 0:
            raise ValueError(f"the record at byte {position} is {size} bytes long")
        _, at = long_at(batch, start + 1)  # behind its attributes: the timestamp
        _, at = long_at(batch, at)  # the offset
        for _ in ("key", "value"):
            _, at = _span(batch, at)
        count, at = long_at(batch, at)
        yield max(0, count), at
        position = start + size


def _names(batch: bytes, position: int, count: int) -> Iterator[tuple[int, int]]:
    """Yield where the names of a record's headers begin and end."""
    for _ in range(count):
        first, position = _span(batch, position)
        yield first, position
        _, position = _span(batch, position)


def _span(batch: bytes, position: int) -> tuple[int, int]:
    """Return where what stands behind its length begins and ends; -1 is the length of what is absent."""
    size, first = long_at(batch, position)
    return first, first + max(0, size)
