"""The merge by event time of one INGEST task, partition p of every input topic, and its watermark.

Each input is a log: its records keep the order of their offsets, whatever their times. Between
inputs the one whose next record is the earliest goes first, so that topics replayed side by side
stay in step. The merge waits for an input that may still hold an earlier record; it does not wait
for one that is read to its end, so live traffic is never held back.

Times are epoch milliseconds, UTC. Wall-clock time comes in only as an argument (`now`).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

ChunkRef = TypeVar("ChunkRef")
Item = TypeVar("Item")

NO_BOUND = 1 << 62
"""The bound of an input that does not hold the watermark back: later than any time."""


@dataclass(frozen=True)
class MergedBatch(Generic[ChunkRef, Item]):
    """The result of one drain.

    Attributes:
        items: in merged order, each with the watermark at that item (0 while unknown).
        done: the chunks that are now wholly consumed, in order per input; to be acknowledged
            once `items` are durable.
    """

    items: list[tuple[Item, int]]
    done: list[ChunkRef]


class _Input(Generic[ChunkRef, Item]):
    """One partition of one topic, as far as it was read."""

    def __init__(self, topic: str, now: int) -> None:
        self.topic = topic
        self.buffer: deque[tuple[int, Item]] = deque()
        self.added = 0  # items that ever entered the buffer
        self.chunks: deque[tuple[ChunkRef, int]] = deque()  # each with `added` as it left it
        self.highest = 0  # latest time of an item given
        self.caught_up = False  # whether the broker holds nothing beyond its chunks
        self.active_at = now  # when it last gave a chunk, or began
        self.empty_since = now  # since when the merge waits for it, if its buffer is empty

    def blocks(self, now: int, idle_ms: int) -> bool:
        """Return whether a record earlier than all that is buffered may still come from here."""
        return not self.buffer and not self.caught_up and now - self.empty_since < idle_ms

    def bound(self, now: int, idle_ms: int) -> int:
        """Return the time this input has reached; 0 while unknown."""
        if self.buffer:
            return max(self.highest, self.buffer[0][0])
        if self.caught_up and (not self.highest or now - self.active_at >= idle_ms):
            return NO_BOUND
        return self.highest

    def pop_done(self) -> Iterable[ChunkRef]:
        """Yield and forget the chunks of which nothing is left in the buffer."""
        given = self.added - len(self.buffer)
        while self.chunks and self.chunks[0][1] <= given:
            yield self.chunks.popleft()[0]


class PartitionMerge(Generic[ChunkRef, Item]):
    """The merge and the watermark of one task.

    Args:
        topics: the input topics; the one named first goes first where times are equal.
        idle_ms: an input silent for this long holds back neither the others nor the watermark.
        now: when the task was assigned.
    """

    def __init__(self, topics: Sequence[str], idle_ms: int, now: int) -> None:
        self._idle_ms = idle_ms
        self._inputs: dict[str, _Input[ChunkRef, Item]] = {t: _Input(t, now) for t in topics}
        self._order = list(self._inputs.values())
        self._watermark = 0
        self._polled_at = now

    def add(
        self,
        chunk: ChunkRef,
        topic: str,
        records: Sequence[tuple[int, Item]],
        *,
        caught_up: bool,
        now: int,
    ) -> None:
        """Add a chunk to its input.

        Args:
            chunk: given back by `drain` once nothing of it is left here.
            topic: the input it is from; its chunks come in the order of the log.
            records: the accepted ones in the order of the log, each with its `occurred_at`.
            caught_up: whether the log held nothing beyond this chunk when it was fetched.
            now: when it came.
        """
        self._note_poll(now)
        source = self._inputs[topic]
        source.buffer.extend(records)
        source.added += len(records)
        source.chunks.append((chunk, source.added))
        source.caught_up = caught_up
        source.active_at = now
        if not records:
            # All of it was refused, but the input is not silent: the wait for it starts over.
            source.empty_since = now

    def set_caught_up(self, topic: str, caught_up: bool) -> None:
        """Note whether the broker holds nothing of an input beyond the chunks already added."""
        self._inputs[topic].caught_up = caught_up

    def _note_poll(self, now: int) -> None:
        """Restart the silence of all inputs if nobody polled them for `idle_ms`."""
        if now - self._polled_at >= self._idle_ms:
            for source in self._order:
                source.active_at = source.empty_since = now
        self._polled_at = now

    def drain(self, limit: int, now: int) -> MergedBatch[ChunkRef, Item]:
        """Return the next items, at most `limit`; none while an input may still hold an earlier one."""
        self._note_poll(now)
        items: list[tuple[Item, int]] = []
        if not any(source.blocks(now, self._idle_ms) for source in self._order):
            self._merge(items, limit, now)
        return MergedBatch(items, [chunk for source in self._order for chunk in source.pop_done()])

    def _merge(self, items: list[tuple[Item, int]], limit: int, now: int) -> None:
        """Append to items until there are `limit`, or until an input has to be waited for."""
        bounds = [source.bound(now, self._idle_ms) for source in self._order]
        heads = [(source.buffer[0][0], i) for i, source in enumerate(self._order) if source.buffer]
        heapq.heapify(heads)
        watermark = self._watermark
        while heads and len(items) < limit:
            i = heads[0][1]
            source = self._order[i]
            buffer = source.buffer
            item = buffer.popleft()[1]
            source.highest = bounds[i]  # with its head in the buffer, the bound is just that
            least = min(bounds)
            if least > watermark:
                watermark = max(watermark, min(least, now))
            items.append((item, watermark))
            if buffer:
                time = buffer[0][0]
                heapq.heapreplace(heads, (time, i))
                bounds[i] = max(bounds[i], time)
                continue
            heapq.heappop(heads)
            source.empty_since = now
            bounds[i] = source.bound(now, self._idle_ms)
            if not source.caught_up:
                break
        self._watermark = watermark

    def watermark(self, now: int) -> int:
        """Return the watermark: every item before it was given. 0 while unknown.

        It is the least over the inputs of the latest time that each has reached, never beyond
        `now`, and never goes back. An input that was read to its end and has been silent since
        does not count, nor does one that never held a record; when none counts, it is `now`.
        Silence counts only while `add`, `drain` or this are called often enough.
        """
        self._note_poll(now)
        least = min(source.bound(now, self._idle_ms) for source in self._order)
        if least == NO_BOUND and not self._silent(now):
            return self._watermark
        self._watermark = max(self._watermark, min(least, now))
        return self._watermark

    def _silent(self, now: int) -> bool:
        return all(now - source.active_at >= self._idle_ms for source in self._order)
