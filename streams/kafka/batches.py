"""Bounds what compressed record batches inflate to, in all of this process's consumers.

aiokafka inflates a batch into as much memory as it takes: 0.4 MB may become 900 MB. It has no place for a bound; so the
two classes that it reads fetched batches with are replaced by these, which inflate a compressed batch themselves and
hand it on as one that never was compressed. A header whose name is not UTF-8, at which aiokafka ends, is read as well.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords
from typing_extensions import override

from schemas.avro.varint import long_at
from schemas.errors import RefusalError, TouchlineError
from schemas.topics import DERIVED_TOPICS, EPOCHS, ERASURES, LINKS
from streams.kafka.inflate import InflationError, TooLargeError, inflate

MAX_FETCH_BYTES = 8 << 20
"""Inflated bytes after which what a fetch has left of a partition is left to the next fetch."""
MAX_LETTERS = 1_000
"""The most refusals of one batch; the last stands for all messages behind the others."""
_OURS = frozenset({*DERIVED_TOPICS, EPOCHS, ERASURES, LINKS})
"""The topics that only touchline writes to; whoever reads any other takes a message without a value."""

_HEAD = struct.Struct(">qiibIh")
"""The first fields of a batch: base offset, length, leader epoch, magic, CRC, attributes."""
_BATCH_HEADER = 61
"""Bytes of a batch's header, in the format of Kafka 0.11 and later: magic 2."""
_LENGTH_END = 12
_ATTRIBUTES_AT = 21
_CODEC = 0x07
_CONTROL = 0x20
_MAGIC = 2
_MAGIC_AT = 16
_OLD_ATTRIBUTES_AT = 17
_TIMESTAMP_BYTES = 8
_SIZE = struct.Struct(">i")

_limit = 32 << 20


class UnreadBatchError(RefusalError):
    """A message is refused unread, with the batch that it came in.

    Attributes:
        first: whether it is the first of the batch: that a batch is refused counts once, however many it holds.
    """

    def __init__(self, detail: str, *, too_large: bool, first: bool) -> None:
        super().__init__("too_large" if too_large else "undecodable", detail)
        self.first = first


class BatchError(TouchlineError):
    """A batch of a topic of touchline's own cannot be inflated within the bound; says where, and what to do."""


class Unread(bytes):
    """Stands in the place of the value of a message whose batch is not inflated: no bytes, and why.

    Attributes:
        refusal: why.
    """

    refusal: UnreadBatchError


class _UnreadRecord(NamedTuple):
    """What aiokafka takes for a record."""

    offset: int
    timestamp: int
    value: Unread
    timestamp_type: int = 0
    key: None = None
    checksum: None = None
    headers: tuple[()] = ()


def bound_batches(max_bytes: int) -> None:
    """Have all consumers of this process inflate batches to so many bytes at most; may be called again."""
    global _limit  # noqa: PLW0603  # aiokafka makes these objects, and hands nothing on to them
    _limit = max_bytes
    fetcher.MemoryRecords = _FetchedRecords
    fetcher.PartitionRecords = _BoundedRecords


class _FetchedRecords:
    """Fetched batches of a partition: aiokafka's own reader of them, and their bytes, which it does not show."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.batches = MemoryRecords(data)

    def has_next(self) -> bool:
        return bool(self.batches.has_next())

    def size_in_bytes(self) -> int:
        return int(self.batches.size_in_bytes())


class _BoundedRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka ships no type information
    """aiokafka's iterator over a partition's fetched records, whose batches are bounded."""

    def __init__(self, tp: Any, records: _FetchedRecords, *args: Any) -> None:
        super().__init__(tp, _BoundedBatches(records, tp), *args)


class _BoundedBatches:
    """A partition's fetched batches."""

    def __init__(self, records: _FetchedRecords, tp: Any) -> None:
        self._records = records
        self._tp = tp
        self._position = 0
        self.inflated = 0

    def has_next(self) -> bool:
        return self.inflated < MAX_FETCH_BYTES and self._records.has_next()

    def next_batch(self) -> Any:
        start = self._position
        _, length, _, magic, _, attributes = _HEAD.unpack_from(self._records.data, start)
        self._position = start + _LENGTH_END + length
        batch = self._records.batches.next_batch()
        if magic < _MAGIC:
            old = self._records.data[start : self._position]
            return _OldBatch(batch, memoryview(old), self) if old[_OLD_ATTRIBUTES_AT] & _CODEC else batch
        if attributes & _CONTROL:
            return batch
        make = _CompressedBatch if attributes & _CODEC else _PlainBatch
        return make(batch, memoryview(self._records.data)[start : self._position], self)

    @property
    def place(self) -> str:
        return f"{self._tp.topic}, partition {self._tp.partition}"

    @property
    def may_refuse(self) -> bool:
        return self._tp.topic not in _OURS


class _CompressedBatch:
    """A batch that is inflated when its records are asked for; a batch of an aborted transaction never is.

    Args:
        batch: aiokafka's, which reads the header.
        data: all of it.
        fetched: the batches that it is one of.
    """

    def __init__(self, batch: Any, data: memoryview, fetched: _BoundedBatches) -> None:
        self._batch = batch
        self._data = data
        self._fetched = fetched

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            return self._records()
        except InflationError as error:
            return self._unread(error)

    def _records(self) -> Iterator[Any]:
        """Return its records.

        Raises:
            InflationError: it cannot be inflated within the bound.
        """
        inflated = self._inflate(self._batch.attributes & _CODEC, self._data[_BATCH_HEADER:])
        header = bytearray(self._data[:_BATCH_HEADER])
        header[_ATTRIBUTES_AT + 1] &= ~_CODEC
        data = b"".join((header, inflated))
        return self._named(DefaultRecordBatch(data), data)

    def _named(self, records: Any, data: bytes | memoryview) -> Iterator[Any]:
        """Yield records; where aiokafka cannot read a header's name, all of them again, the names made readable.

        The fetcher passes over those that it has had. That a name is UTF-8 nobody checks before us.
        """
        try:
            yield from records
        except UnicodeDecodeError:
            yield from self._named_anew(bytes(data))

    def _named_anew(self, data: bytes) -> Iterator[Any]:
        try:
            named = with_readable_names(data)
        except (IndexError, ValueError):
            return self._unread(InflationError("they are no records"))
        return iter(DefaultRecordBatch(named))

    def _inflate(self, codec: int, data: memoryview) -> bytes | memoryview:
        inflated = inflate(codec, data, _limit)
        self._fetched.inflated += len(inflated)
        return inflated

    def _unread(self, error: InflationError) -> Iterator[_UnreadRecord]:
        """Yield the batch's messages unread; the last one for many where there are too many to name each."""
        batch = self._batch
        last = batch.next_offset - 1
        first = min(last, getattr(batch, "base_offset", last))  # the old format tells the last one alone
        where = f"{self._fetched.place}, offsets {first} to {last}"
        why = f"its batch ({where}) was not read: {len(self._data)} bytes of compressed data, and {error}"
        if not self._fetched.may_refuse:
            raise BatchError(f"a batch of {where} cannot be read: {error}. See docs/operating.md#compressed-batches")
        too_large = isinstance(error, TooLargeError)
        for number in range(min(last - first + 1, MAX_LETTERS)):
            offset, detail = first + number, why
            if number == MAX_LETTERS - 1 and offset < last:
                detail = f"this stands for the messages at offsets {offset} to {last}; {why}"
                offset = last
            value = Unread()
            value.refusal = UnreadBatchError(detail, too_large=too_large, first=number == 0)
            yield _UnreadRecord(offset, getattr(batch, "max_timestamp", None) or 0, value)


class _PlainBatch(_CompressedBatch):
    """A batch that is not compressed."""

    @override
    def _records(self) -> Iterator[Any]:
        return self._named(self._batch, self._data)


class _OldBatch(_CompressedBatch):
    """A batch in the format before Kafka 0.11: a message that holds the others, compressed."""

    @override
    def _records(self) -> Iterator[Any]:
        data = self._data
        position = _OLD_ATTRIBUTES_AT + 1 + (_TIMESTAMP_BYTES if data[_MAGIC_AT] else 0)
        for _ in ("key", "value"):
            start = position + _SIZE.size
            position = start + max(0, _SIZE.unpack_from(data, position)[0])
        self._inflate(data[_OLD_ATTRIBUTES_AT] & _CODEC, data[start:position])
        return iter(self._batch)  # inflated once more: such batches are rare


def with_readable_names(data: bytes) -> bytes:
    """Return a batch that is not compressed, each byte of a header's name that is not UTF-8 replaced by a `?`.

    Raises:
        IndexError, ValueError: its records are none.
    """
    named, position = bytearray(data), _BATCH_HEADER
    while position < len(data):
        size, start = long_at(data, position)
        for first, end in _names(data, start):
            # Of each byte that is none of a character, this makes one that is written as one `?`.
            name = data[first:end].decode(errors="surrogateescape")
            named[first:end] = name.encode(errors="replace")
        if size <= 0:
            raise ValueError(f"the record at byte {position} is {size} bytes long")
        position = start + size
    return bytes(named)


def _names(data: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Yield where the names of a record's headers begin and end."""
    _, position = long_at(data, start + 1)  # behind its attributes: the timestamp
    _, position = long_at(data, position)  # the offset
    for _ in ("key", "value"):
        _, position = _span(data, position)
    count, position = long_at(data, position)
    for _ in range(count):
        first, position = _span(data, position)
        yield first, position
        _, position = _span(data, position)


def _span(data: bytes, position: int) -> tuple[int, int]:
    """Return where what stands behind its length begins and ends; -1 is the length of what is absent."""
    size, first = long_at(data, position)
    return first, first + max(0, size)
