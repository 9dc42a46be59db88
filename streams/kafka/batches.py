"""Bounds what compressed record batches inflate to, in all of this process's consumers.

aiokafka inflates a batch into as much memory as it takes: 0.4 MB may become 900 MB. It has no place for a bound; so the
two classes that it reads fetched batches with are replaced by these, which inflate a compressed batch themselves and
hand it on as one that never was compressed. A header whose name is not UTF-8, at which aiokafka ends, is read as well;
of a message with very many headers none is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords
from typing_extensions import override

from schemas.errors import RefusalError, TouchlineError
from schemas.topics import DERIVED_TOPICS, EPOCHS, ERASURES, LINKS
from streams.kafka.inflate import InflationError, TooLargeError, inflate
from streams.kafka.record_headers import (
    COUNTED_BYTES,
    HEADER_BYTES,
    MAX_HEADERS,
    check_headers,
    with_readable_names,
)

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


def _refused(detail: str, *, too_large: bool, first: bool) -> Unread:
    value = Unread()
    value.refusal = UnreadBatchError(detail, too_large=too_large, first=first)
    return value


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
        return self._plain(b"".join((header, inflated)))

    def _plain(self, data: bytes) -> Iterator[Any]:
        """Return the records of a batch that is not compressed.

        Raises:
            InflationError: they have too many headers, or are no records.
        """
        if len(data) > COUNTED_BYTES:
            try:
                check_headers(data, _BATCH_HEADER)
            except (IndexError, ValueError):
                raise InflationError("they are no records") from None
        return self._named(data)

    def _named(self, data: bytes) -> Iterator[Any]:
        """Yield records; where aiokafka cannot read a header's name, all of them again, the names made readable.

        The fetcher passes over those that it has had. That a name is UTF-8 nobody checks before us.
        """
        try:
            yield from self._bounded(DefaultRecordBatch(data))
        except UnicodeDecodeError:
            yield from self._named_anew(data)

    def _named_anew(self, data: bytes) -> Iterator[Any]:
        try:
            named = with_readable_names(data, _BATCH_HEADER)
        except InflationError as error:
            return self._unread(error)
        except (IndexError, ValueError):
            return self._unread(InflationError("they are no records"))
        return self._bounded(DefaultRecordBatch(named))

    def _bounded(self, records: Any) -> Iterator[Any]:
        """Yield records, one with very many headers without them and unread."""
        fetched = self._fetched
        for record in records:
            if headers := len(record.headers):
                fetched.inflated += headers * HEADER_BYTES
                if headers > MAX_HEADERS and fetched.may_refuse:
                    yield self._without(record, headers)
                    continue
            yield record

    def _without(self, record: Any, headers: int) -> _UnreadRecord:
        detail = f"it has {headers} headers, at most {MAX_HEADERS} are read"
        return _UnreadRecord(record.offset, record.timestamp, _refused(detail, too_large=True, first=True))

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
        why = f"its batch ({where}) was not read: {len(self._data)} bytes as they came, and {error}"
        if not self._fetched.may_refuse:
            raise BatchError(f"a batch of {where} cannot be read: {error}. See docs/operating.md#compressed-batches")
        too_large = isinstance(error, TooLargeError)
        for number in range(min(last - first + 1, MAX_LETTERS)):
            offset, detail = first + number, why
            if number == MAX_LETTERS - 1 and offset < last:
                detail = f"this stands for the messages at offsets {offset} to {last}; {why}"
                offset = last
            value = _refused(detail, too_large=too_large, first=number == 0)
            yield _UnreadRecord(offset, getattr(batch, "max_timestamp", None) or 0, value)


class _PlainBatch(_CompressedBatch):
    """A batch that is not compressed."""

    @override
    def _records(self) -> Iterator[Any]:
        return self._plain(bytes(self._data))


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
