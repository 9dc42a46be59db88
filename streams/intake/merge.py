"""One INGEST task: partition p of every input topic, merged by event time, and how far it has come.

Each input is a log: its records are handed on in the order of their offsets, whatever their times.
Between inputs the one whose next record is the earliest goes first, so that topics replayed side
by side stay in step. An input that may still have something earlier to say is waited for; one that
was read to its end is not: live traffic is never held back.

Times are epoch milliseconds, UTC. Wall-clock time comes in only as an argument (`now`).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from schemas.errors import TouchlineError

ChunkRef = TypeVar("ChunkRef")
Item = TypeVar("Item")

LEFT_OUT = 1 << 62
"""The bound of an input that says nothing about the task's time: later than any time."""


class TooManyRefusalsError(TouchlineError):
    """So many records in a row were refused that it is the topic or the worker that is wrong."""


@dataclass(frozen=True)
class MergeRules:
    """How a task treats its inputs.

    Attributes:
        idle_ms: an input silent for this long holds neither the others nor the watermark.
        max_consecutive_refusals: refusals in a row that one input may give.
    """

    idle_ms: int = 5_000
    max_consecutive_refusals: int = 1_000


@dataclass(frozen=True)
class MergedBatch(Generic[ChunkRef, Item]):
    """What one drain gave.

    Attributes:
        items: in merged order, each with the watermark when it was reached (0 while unknown).
        done: the chunks that are now wholly consumed, in order per input; to be acknowledged
            once `items` are safe.
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
        self.highest = 0  # latest time of an item handed on
        self.at_end = False
        self.heard_at = now  # when it last gave something, or began
        self.starved_since = now  # since when the merge waits for it, if its buffer is empty
        self.refused_in_a_row = 0

    def blocks(self, now: int, idle_ms: int) -> bool:
        """Return whether something earlier than all that is buffered may still come from here."""
        return not self.buffer and not self.at_end and now - self.starved_since < idle_ms

    def bound(self, now: int, idle_ms: int) -> int:
        """Return the time this input has reached; 0 while unknown."""
        if self.buffer:
            return max(self.highest, self.buffer[0][0])
        if self.at_end and (not self.highest or now - self.heard_at >= idle_ms):
            return LEFT_OUT
        return self.highest

    def take_done(self) -> Iterable[ChunkRef]:
        """Yield and forget the chunks of which nothing is left in the buffer."""
        handed_on = self.added - len(self.buffer)
        while self.chunks and self.chunks[0][1] <= handed_on:
            yield self.chunks.popleft()[0]


class PartitionMerge(Generic[ChunkRef, Item]):
    """The merge and the watermark of one task.

    Args:
        topics: the input topics; the one named first goes first where times are equal.
        rules: how inputs are treated.
        now: when the task was assigned.
    """

    def __init__(self, topics: Sequence[str], rules: MergeRules, now: int) -> None:
        self._rules = rules
        self._inputs: dict[str, _Input[ChunkRef, Item]] = {t: _Input(t, now) for t in topics}
        self._order = list(self._inputs.values())
        self._watermark = 0
        self._awake_at = now

    def add(
        self,
        chunk: ChunkRef,
        topic: str,
        records: Sequence[tuple[int, Item]],
        *,
        at_end: bool,
        now: int,
    ) -> None:
        """Take a chunk in.

        Args:
            chunk: given back by `drain` once nothing of it is left here.
            topic: the input it is from; its chunks come in the order of the log.
            records: the accepted ones in the order of the log, each with its `occurred_at`.
            at_end: whether the log held nothing beyond this chunk when it was fetched.
            now: when it came.
        """
        self._listen(now)
        source = self._inputs[topic]
        source.buffer.extend(records)
        source.added += len(records)
        source.chunks.append((chunk, source.added))
        source.at_end = at_end
        source.heard_at = now
        if not records:
            # All of it was refused, but it does speak: the wait for it begins anew.
            source.starved_since = now

    def set_end(self, topic: str, at_end: bool) -> None:
        """Note whether the broker holds nothing of an input beyond the chunks already added."""
        self._inputs[topic].at_end = at_end

    def _listen(self, now: int) -> None:
        """Count the silence of all inputs anew where it was us who did not listen for so long."""
        if now - self._awake_at >= self._rules.idle_ms:
            for source in self._order:
                source.heard_at = source.starved_since = now
        self._awake_at = now

    def accepted(self, topic: str) -> None:
        """Note that a record of an input was accepted, which ends its run of refusals."""
        self._inputs[topic].refused_in_a_row = 0

    def refused(self, topic: str, why: str) -> None:
        """Note that a record of an input was refused.

        Raises:
            TooManyRefusalsError: at one more than `max_consecutive_refusals` in a row.
        """
        source = self._inputs[topic]
        source.refused_in_a_row += 1
        if source.refused_in_a_row > self._rules.max_consecutive_refusals:
            msg = (
                f"{source.refused_in_a_row} messages of {topic} in a row were refused, the last "
                f"one as {why}. Stopping instead of emptying the topic into the dead letters. Look "
                "at what is published there; if it is all to be refused, raise "
                "TOUCHLINE_MAX_CONSECUTIVE_REFUSALS."
            )
            raise TooManyRefusalsError(msg)

    def drain(self, limit: int, now: int) -> MergedBatch[ChunkRef, Item]:
        """Hand on what can be, at most `limit` items.

        An input that may still hold something earlier stops it.
        """
        self._listen(now)
        items: list[tuple[Item, int]] = []
        if not any(source.blocks(now, self._rules.idle_ms) for source in self._order):
            self._merge(items, limit, now)
        return MergedBatch(items, [chunk for source in self._order for chunk in source.take_done()])

    def _merge(self, items: list[tuple[Item, int]], limit: int, now: int) -> None:
        """Append to items until there are `limit`, or until an input has to be waited for."""
        bounds = [source.bound(now, self._rules.idle_ms) for source in self._order]
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
            source.starved_since = now
            bounds[i] = source.bound(now, self._rules.idle_ms)
            if not source.at_end:
                break
        self._watermark = watermark

    def watermark(self, now: int) -> int:
        """Return how far the task has come: all that is earlier was handed on. 0 while unknown.

        It is the least over the inputs of the latest time that each has reached, never beyond
        `now`, and never goes back. An input that was read to its end and has been silent since
        counts no longer, nor one that never had anything; when none counts, it is `now`. Silence
        counts while somebody listens: while `add`, `drain` or this are called often enough.
        """
        self._listen(now)
        least = min(source.bound(now, self._rules.idle_ms) for source in self._order)
        if least == LEFT_OUT and not self._silent(now):
            return self._watermark
        self._watermark = max(self._watermark, min(least, now))
        return self._watermark

    def _silent(self, now: int) -> bool:
        return all(now - source.heard_at >= self._rules.idle_ms for source in self._order)

    def buffered(self) -> int:
        """Return how many items wait here."""
        return sum(len(source.buffer) for source in self._order)
