"""What has been read of one partition, what of it is done, and so what may be committed.

Pure bookkeeping, without Faust and Kafka. A tracker lives as long as its partition's assignment.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

MOST_CHUNKS = 64


class Record(Protocol):
    """What is used of aiokafka's ConsumerRecord: `timestamp` in ms, headers in order, which may be without values."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one look at a partition gave.

    Attributes:
        records: in offset order; may be empty.
        position: offset the consumer reads from next; past control records, which are not returned.
        end: offset after the last record that may be read, as of then: a transaction that is still
            open ends it, though more is there.
    """

    records: Sequence[Record]
    position: int
    end: int


@dataclass(slots=True, eq=False)
class Chunk:
    """A run of records of one partition, in offset order: what one Faust event carries.

    Attributes:
        size: bytes of all keys and values.
        at_end: whether nothing more was in the partition when the chunk was fetched.
    """

    topic: str
    partition: int
    records: Sequence[Record]
    first_offset: int
    last_offset: int
    size: int
    _tracker: OffsetTracker
    at_end: bool = False
    acked: bool = False

    def take(self) -> None:
        """Say that an agent has begun to work on it."""
        self._tracker.untaken -= 1

    def ack(self) -> None:
        """Say that all its effects are durable. No effect once the partition is no longer ours."""
        self._tracker.ack(self)

    @property
    def current(self) -> bool:
        """Whether the partition has been ours all the time since the chunk was read."""
        return not self._tracker.closed


@dataclass
class OffsetTracker:
    """One assigned partition.

    Attributes:
        position: offset of the next record to hand out.
        committed: offset Kafka has for the group, None without one.
        most_records, most_bytes: how much may be handed out and unacknowledged at a time.
        on_room: called when acknowledged chunks have left room for more.
        closed: the partition is no longer ours.
        done: offset after the last chunk up to which all are acknowledged, None before the first.
        untaken: chunks handed out that no agent has begun to work on.
    """

    topic: str
    partition: int
    position: int
    committed: int | None
    most_records: int
    most_bytes: int
    on_room: Callable[[], None] = lambda: None
    closed: bool = False
    done: int | None = None
    untaken: int = 0
    _at_end: bool = False
    _open: deque[Chunk] = field(default_factory=deque)
    _records: int = 0
    _bytes: int = 0

    def has_room(self) -> bool:
        """Whether more may be fetched while what was handed out is being worked on."""
        return self._records < self.most_records and self._bytes < self.most_bytes and len(self._open) < MOST_CHUNKS

    @property
    def at_end(self) -> bool:
        """Whether all there was when last fetched is in the hands of an agent, or done."""
        return self._at_end and self.untaken == 0

    def look_away(self) -> None:
        """Note that more is not being looked for: until it is again, nobody knows of the end."""
        self._at_end = False

    def hand_out(self, fetched: Fetched, limit: int) -> list[Chunk]:
        """Enter what was fetched; return it as chunks of at most `limit` bytes, or of one record.

        Records that were handed out before are left out. Where the log ends before our position, it
        was made anew: reading starts over with what was fetched.
        """
        records = fetched.records
        self._at_end = fetched.position >= fetched.end
        if records and records[0].offset < self.position:
            if fetched.end < self.position:
                self.position, self.committed = records[0].offset, None
            else:
                records = [record for record in records if record.offset >= self.position]
        chunks = [self._enter(run, size) for run, size in _runs(records, limit)]
        if chunks:
            self.position = chunks[-1].last_offset + 1
            chunks[-1].at_end = self._at_end
        return chunks

    def ack(self, chunk: Chunk) -> None:
        """Mark a chunk done, and move on over all done ones at the head: never past an open one."""
        if self.closed:
            return
        chunk.acked = True
        while self._open and self._open[0].acked:
            head = self._open.popleft()
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
        """End the assignment: what is still worked on can no longer be acknowledged."""
        self.closed = True
        self._open.clear()

    def _enter(self, records: Sequence[Record], size: int) -> Chunk:
        chunk = Chunk(
            topic=self.topic,
            partition=self.partition,
            records=records,
            first_offset=records[0].offset,
            last_offset=records[-1].offset,
            size=size,
            _tracker=self,
        )
        self._open.append(chunk)
        self.untaken += 1
        self._records += len(records)
        self._bytes += size
        return chunk


def _runs(records: Sequence[Record], limit: int) -> list[tuple[Sequence[Record], int]]:
    """Cut records into runs of at most `limit` bytes, or of one record larger than that."""
    runs: list[tuple[Sequence[Record], int]] = []
    start = size = 0
    for index, record in enumerate(records):
        more = len(record.key or b"") + len(record.value or b"")
        if size + more > limit and index > start:
            runs.append((records[start:index], size))
            start, size = index, 0
        size += more
    if records:
        runs.append((records[start:], size))
    return runs
