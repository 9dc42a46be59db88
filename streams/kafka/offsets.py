"""Offset bookkeeping of one partition: position, chunks in flight, and the offset that may be committed.

Pure, without Faust and Kafka. A tracker lives as long as its partition's assignment.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from streams.kafka.record_headers import HEADER_BYTES

MAX_CHUNKS = 64
"""Most chunks of a partition in flight."""


class Record(Protocol):
    """What is used of aiokafka's ConsumerRecord: `timestamp` in epoch ms, headers in their order."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Fetched:
    """The result of fetching from one partition.

    Attributes:
        records: in offset order; may be empty.
        position: offset the consumer fetches from next; past control records, which are not returned.
        end: the last stable offset at that time: the first record of a transaction that is still
            open, or the end of the log. None where Kafka has not said it for a while.
    """

    records: Sequence[Record]
    position: int
    end: int | None


@dataclass(slots=True, eq=False)
class Chunk:
    """A run of records of one partition, in offset order: what one Faust event carries.

    Attributes:
        size: bytes of all keys and values.
        caught_up: whether the partition held nothing beyond the chunk when it was fetched.
    """

    topic: str
    partition: int
    records: Sequence[Record]
    first_offset: int
    last_offset: int
    size: int
    _tracker: OffsetTracker
    caught_up: bool = False
    acked: bool = False

    @property
    def place(self) -> tuple[str, int]:
        """Topic and partition."""
        return self.topic, self.partition

    def begin(self) -> None:
        """Note that an agent has begun to process it."""
        self._tracker.queued -= 1

    def split(self, count: int) -> Chunk | None:
        """Keep the first `count` records; return the others as a chunk of their own, None without others."""
        return self._tracker.split(self, count)

    def ack(self) -> None:
        """Acknowledge it: all its effects are durable. Does nothing once the partition is revoked."""
        self._tracker.ack(self)

    @property
    def current(self) -> bool:
        """Whether the partition has been ours all the time since the chunk was read."""
        return not self._tracker.closed


@dataclass
class OffsetTracker:
    """One assigned partition.

    Attributes:
        position: offset of the next record to deliver.
        committed: offset Kafka has for the group, None without one.
        max_records, max_bytes: how much may be in flight, delivered and unacknowledged, at a time.
        on_room: called when acknowledged chunks have left room for more.
        closed: whether the partition is revoked.
        done: offset after the last chunk up to which all are acknowledged, None before the first.
        queued: number of chunks in flight that no agent has begun to process.
        read: offset up to which the partition was read, past control records; 0 before the first fetch.
    """

    topic: str
    partition: int
    position: int
    committed: int | None
    max_records: int
    max_bytes: int
    on_room: Callable[[], None] = lambda: None
    closed: bool = False
    done: int | None = None
    queued: int = 0
    read: int = 0
    _caught_up: bool = False
    _in_flight: deque[Chunk] = field(default_factory=deque)
    _records: int = 0
    _bytes: int = 0

    def has_room(self) -> bool:
        """Whether more may be fetched beside the chunks that are in flight."""
        return self._records < self.max_records and self._bytes < self.max_bytes and len(self._in_flight) < MAX_CHUNKS

    @property
    def caught_up(self) -> bool:
        """Whether agents have begun to process all that the partition held when it was last fetched from."""
        return self._caught_up and self.queued == 0

    @property
    def unacknowledged(self) -> int:
        """Offset from which on nothing, or not all, is acknowledged."""
        return self._in_flight[0].first_offset if self._in_flight else self.position

    def lag(self, end: int) -> int:
        """Return how many offsets lie between the last chunk up to which all are acknowledged and an end."""
        if self._in_flight:
            return max(0, end - self._in_flight[0].first_offset)
        # Control records come in no chunk.
        return max(0, end - max(self.position, self.read))

    def skip(self) -> None:
        """Note that the partition is not being fetched from: its end is unknown until it is again."""
        self._caught_up = False

    def track(self, fetched: Fetched, limit: int) -> list[Chunk]:
        """Return the fetched records as chunks in flight, each of at most `limit` bytes or of one record.

        Records that were delivered before are left out. A log that ends before our position was
        recreated: reading starts over with the fetched records.
        """
        records = fetched.records
        self.read = fetched.position
        self._caught_up = fetched.end is not None and fetched.position >= fetched.end
        if records and records[0].offset < self.position:
            if fetched.end is not None and fetched.end < self.position:
                self.position, self.committed = records[0].offset, None
            else:
                records = [record for record in records if record.offset >= self.position]
        chunks = [self._new_chunk(run, size) for run, size in _runs(records, limit)]
        if chunks:
            self.position = chunks[-1].last_offset + 1
            chunks[-1].caught_up = self._caught_up
        return chunks

    def split(self, chunk: Chunk, count: int) -> Chunk | None:
        """Cut a chunk in flight behind its first `count` records, at least one; return the rest, None without one."""
        rest = chunk.records[count:]
        if not rest:
            return None
        behind = replace(chunk, records=rest, first_offset=rest[0].offset, size=sum(map(_size, rest)))
        chunk.records = chunk.records[:count]
        chunk.last_offset = chunk.records[-1].offset
        chunk.size -= behind.size
        chunk.caught_up = False
        if not self.closed:
            self._in_flight.insert(self._in_flight.index(chunk) + 1, behind)
        return behind

    def recommit(self) -> None:
        """Have the offset committed again, with another note."""
        self.committed = None

    def ack(self, chunk: Chunk) -> None:
        """Mark a chunk done, and advance `done` over the done chunks at the head, never past another one."""
        if self.closed:
            return
        chunk.acked = True
        while self._in_flight and self._in_flight[0].acked:
            head = self._in_flight.popleft()
            self._records -= len(head.records)
            self._bytes -= head.size
            self.done = head.last_offset + 1
            self.on_room()

    def to_commit(self) -> int | None:
        """Return the offset to commit, None where Kafka has it already or nothing is done."""
        if self.done is None or self.done == self.committed:
            return None
        return self.done

    def close(self) -> None:
        """End the assignment: chunks in flight can no longer be acknowledged."""
        self.closed = True
        self._in_flight.clear()

    def _new_chunk(self, records: Sequence[Record], size: int) -> Chunk:
        chunk = Chunk(
            topic=self.topic,
            partition=self.partition,
            records=records,
            first_offset=records[0].offset,
            last_offset=records[-1].offset,
            size=size,
            _tracker=self,
        )
        self._in_flight.append(chunk)
        self.queued += 1
        self._records += len(records)
        self._bytes += size
        return chunk


def _runs(records: Sequence[Record], limit: int) -> list[tuple[Sequence[Record], int]]:
    """Cut records into runs of at most `limit` bytes, or of one record larger than that."""
    runs: list[tuple[Sequence[Record], int]] = []
    start = size = 0
    for index, record in enumerate(records):
        more = _size(record)
        if size + more > limit and index > start:
            runs.append((records[start:index], size))
            start, size = index, 0
        size += more
    if records:
        runs.append((records[start:], size))
    return runs


def _size(record: Record) -> int:
    size = len(record.key or b"") + len(record.value or b"") + len(record.headers) * HEADER_BYTES
    for name, value in record.headers:
        size += len(name) + len(value or b"")
    return size
