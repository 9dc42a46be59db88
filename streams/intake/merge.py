"""The merge by event time of the inputs of one INGEST task, each a partition of a topic, and its watermark.

Each input is a log: its records keep the order of their offsets, whatever their times. Between
inputs the one whose next record is the earliest goes first, so that topics replayed side by side
stay in step. The merge waits for an input that may still hold an earlier record; it does not wait
for one that is read to its end, so live traffic is never held back. Nor does it wait for an input that
is held, because its reading is paused; that one holds back the watermark alone, and not for ever.

One wrong clock must not move the time of the others. A record that is known to be ahead tells its input
no time. Any other record moves its input's clock by more than an hour only where its neighbours agree:
of a record and the two next ones of its input the least time counts.

Times are epoch milliseconds, UTC. Wall-clock time comes in only as an argument (`now`).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from schemas.units import HOUR_MS

ChunkRef = TypeVar("ChunkRef")
Item = TypeVar("Item")

NO_BOUND = 1 << 62
"""The bound of an input that does not hold the watermark back: later than any time."""
NO_TIME = 0
"""The time of a record that tells its input none, because its source's clock runs ahead."""
MAX_ADVANCE_MS = HOUR_MS
"""How far one record alone may move the clock of its input."""

_NEIGHBOURS = 2
"""How many next records a record is compared with."""
_NEIGHBOURHOOD = 8
"""Among how many next records they are looked for: some tell no time."""


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

    def __init__(self, now: int) -> None:
        self.buffer: deque[tuple[int, Item]] = deque()
        self.added = 0  # items that ever entered the buffer
        self.chunks: deque[tuple[ChunkRef, int]] = deque()  # each with `added` as it left it
        self.last_time = NO_TIME  # what the last record that entered and tells a time has told
        self.clock = 0  # the time it has reached
        self.clock_limit = 0  # how far a record may move the clock, whatever its neighbours
        self.caught_up = False  # whether the broker holds nothing beyond its chunks
        self.active_at = now  # when it last told a time, or began
        self.waiting_since = now  # when it last gave a chunk or ran out of records, or began
        self.held_until: int | None = None  # while it is held: until when it holds the watermark back

    def extend(self, records: Sequence[tuple[int, Item]], now: int) -> None:
        """Add records behind those in the buffer."""
        times = _times(records)
        if times and self.last_time and not self.buffer:
            # The last one was handed on before it had neighbours.
            self._agree(min(self.last_time, *times))
        last_time = next((time for time, _ in reversed(records) if time), NO_TIME)
        self.last_time = last_time or self.last_time
        self.buffer.extend(records)
        self.added += len(records)
        self.waiting_since = now
        if last_time or not records:
            self.active_at = now

    @property
    def awaited(self) -> bool:
        """Whether a next chunk of the input is on its way."""
        return not self.caught_up and self.held_until is None

    def blocks(self, now: int, idle_ms: int) -> bool:
        """Return whether the merge has to wait for the next chunk of the input.

        That may hold a record earlier than all that is buffered, or neighbours of the last record.
        """
        if not self.awaited or now - self.waiting_since >= idle_ms:
            return False
        return not self.buffer or self.place() > self.clock

    def next_place(self, now: int, idle_ms: int) -> int:
        """Return the place of the next record, or the time behind which it is waited for; NO_BOUND without either."""
        if self.buffer:
            return self.place()
        return self.clock if self.awaited and now - self.waiting_since < idle_ms else NO_BOUND

    def bound(self, now: int, idle_ms: int) -> int:
        """Return the time this input has reached; 0 while unknown."""
        if self.held_until is not None:
            silent, empty = now >= self.held_until, False
        else:
            silent, empty = self.caught_up and now - self.active_at >= idle_ms, self.caught_up and not self.clock
        if self.buffer:
            place = self.place()
            return max(self.clock, place) if silent else self.clock
        return NO_BOUND if silent or empty else self.clock

    def place(self) -> int:
        """Judge the next record: move the clock to its time, or not, and return its place in the merge.

        The place is its time. Where its neighbours contradict that, the place is the clock: the record
        waits for no other input. While it has no neighbours, its place is later than the clock.
        """
        time = self.buffer[0][0]
        if time <= self.clock:
            return time
        if time > self.clock_limit:
            neighbours = _times(islice(self.buffer, 1, None))
            if neighbours:
                self._agree(min(time, *neighbours))
            elif self.caught_up and not self.clock:
                self._agree(time)  # the input holds no other
            if time > self.clock_limit:
                return self.clock if neighbours else time
        self.clock = time
        return time

    def _agree(self, time: int) -> None:
        """Note that neighbours agree that the input has reached a time."""
        self.clock_limit = max(self.clock_limit, time + MAX_ADVANCE_MS)

    def pop_done(self) -> Iterable[ChunkRef]:
        """Yield and forget the chunks of which nothing is left in the buffer."""
        given = self.added - len(self.buffer)
        while self.chunks and self.chunks[0][1] <= given:
            yield self.chunks.popleft()[0]


def _times(records: Iterable[tuple[int, object]]) -> list[int]:
    """Return the times that the first records tell: two at most, fewer where few tell one."""
    times: list[int] = []
    for time, _ in islice(records, _NEIGHBOURHOOD):
        if time:
            times.append(time)
            if len(times) == _NEIGHBOURS:
                break
    return times


class PartitionMerge(Generic[ChunkRef, Item]):
    """The merge and the watermark of one task.

    Args:
        inputs: what names each input; the one named first goes first where times are equal. Without any, the watermark
            is the wall clock.
        idle_ms: an input silent for this long holds back neither the others nor the watermark.
        now: when the task was assigned.
    """

    def __init__(self, inputs: Sequence[Hashable], idle_ms: int, now: int) -> None:
        self._idle_ms = idle_ms
        self._inputs: dict[Hashable, _Input[ChunkRef, Item]] = {name: _Input(now) for name in inputs}
        self._order = list(self._inputs.values())
        self._watermark = 0
        self._polled_at = now

    def add(
        self,
        chunk: ChunkRef,
        name: Hashable,
        records: Sequence[tuple[int, Item]],
        *,
        caught_up: bool,
        now: int,
    ) -> None:
        """Add a chunk to its input.

        Args:
            chunk: given back by `drain` once nothing of it is left here.
            name: the input it is from; its chunks come in the order of the log.
            records: the accepted ones in the order of the log, each with its `occurred_at`;
                or with `NO_TIME`, where that is known to be ahead.
            caught_up: whether the log held nothing beyond this chunk when it was fetched.
            now: when it came.
        """
        self._note_poll(now)
        source = self._inputs[name]
        source.extend(records, now)
        source.chunks.append((chunk, source.added))
        source.caught_up = caught_up

    def set_caught_up(self, name: Hashable, caught_up: bool) -> None:
        """Note whether the broker holds nothing of an input beyond the chunks already added."""
        self._inputs[name].caught_up = caught_up

    def hold(self, name: Hashable, until: int) -> None:
        """Do not wait for the next chunk of an input, whose reading is paused.

        Until some time, epoch ms, the watermark does not pass what the input has reached; then it does.
        """
        self._inputs[name].held_until = until

    def release(self, name: Hashable, now: int) -> None:
        """Wait for an input's chunks again."""
        source = self._inputs[name]
        source.held_until = None
        source.active_at = source.waiting_since = now

    def reached(self, name: Hashable) -> int:
        """Return the event time that an input's records so far reach, or the watermark where that is later."""
        source = self._inputs[name]
        return max(source.clock, source.last_time, self._watermark)

    def _note_poll(self, now: int) -> None:
        """Restart the silence of all inputs if nobody polled them for `idle_ms`."""
        if now - self._polled_at >= self._idle_ms:
            for source in self._order:
                source.active_at = source.waiting_since = now
        self._polled_at = now

    def next_place(self, now: int) -> int:
        """Return where the next item stands, or at least that for which the merge waits; NO_BOUND without one."""
        return min((source.next_place(now, self._idle_ms) for source in self._order), default=NO_BOUND)

    def drain(self, limit: int, now: int, until: int = NO_BOUND) -> MergedBatch[ChunkRef, Item]:
        """Return the next items, at most `limit`; none while an input may still hold an earlier one.

        Args:
            limit: the most items.
            now: the time.
            until: no item whose place is later is returned.
        """
        self._note_poll(now)
        items: list[tuple[Item, int]] = []
        if not any(source.blocks(now, self._idle_ms) for source in self._order):
            self._merge(items, limit, now, until)
        return MergedBatch(items, [chunk for source in self._order for chunk in source.pop_done()])

    def _merge(self, items: list[tuple[Item, int]], limit: int, now: int, until: int) -> None:
        """Append to items until there are `limit`, or until an input has to be waited for."""
        bounds = [source.bound(now, self._idle_ms) for source in self._order]
        heads = [(source.place(), i) for i, source in enumerate(self._order) if source.buffer]
        heapq.heapify(heads)
        watermark = self._watermark
        while heads and len(items) < limit and heads[0][0] <= until:
            i = heads[0][1]
            source = self._order[i]
            buffer = source.buffer
            item = buffer.popleft()[1]
            least = min(bounds)
            if least > watermark:
                watermark = max(watermark, min(least, now))
            items.append((item, watermark))
            if not buffer:
                heapq.heappop(heads)
                source.waiting_since = now
                bounds[i] = source.bound(now, self._idle_ms)
                if source.awaited:
                    break
                continue
            place = buffer[0][0]
            if place > source.clock_limit:
                place = source.place()
                bounds[i] = source.clock
                if place > source.clock and source.awaited:
                    source.waiting_since = now
                    break
            elif place > source.clock:
                bounds[i] = source.clock = place
            heapq.heapreplace(heads, (place, i))
        self._watermark = watermark

    def watermark(self, now: int) -> int:
        """Return the watermark: every item before it was given. 0 while unknown.

        It is the least over the inputs of the latest time that each has reached, never beyond
        `now`, and never goes back. An input that was read to its end and has been silent since
        does not count, nor does one that never held a record; when none counts, it is `now`.
        Silence counts only while `add`, `drain` or this are called often enough.
        """
        self._note_poll(now)
        least = min((source.bound(now, self._idle_ms) for source in self._order), default=NO_BOUND)
        if least == NO_BOUND and not self._silent(now):
            return self._watermark
        self._watermark = max(self._watermark, min(least, now))
        return self._watermark

    def _silent(self, now: int) -> bool:
        return all(now - source.active_at >= self._idle_ms for source in self._order)
