"""A broker in memory, and a producer whose worker is killed or paused in the middle of a write."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from streams.kafka.offsets import Chunk, Fetched, OffsetTracker
from streams.kafka.producer import Batches, Ends, Message
from tests.unit.streams.records import FakeRecord

Place = tuple[str, int]
Fate = Literal["lives", "killed", "paused"]
BIG = 1 << 40


class KilledError(Exception):
    """The process was killed."""


@dataclass
class Broker:
    """All topics, by topic and partition, and what the group has committed.

    Attributes:
        changes: how often anything was appended or compacted.
    """

    logs: dict[Place, list[FakeRecord]] = field(default_factory=lambda: defaultdict(list))
    committed: dict[Place, int] = field(default_factory=lambda: defaultdict(int))
    changes: int = 0

    def append(self, place: Place, messages: Sequence[Message]) -> None:
        if messages:
            self.changes += 1
            first = self._end(place)
            self.logs[place] += [FakeRecord(at, one.value, one.key) for at, one in enumerate(messages, first)]

    def write(self, batches: Batches) -> Ends:
        for place, messages in batches.items():
            self.append(place, messages)
        return {place: self._end(place) for place in batches}

    def _end(self, place: Place) -> int:
        """Return the offset after a partition's last record; those before may be gone."""
        log = self.logs[place]
        return log[-1].offset + 1 if log else 0

    def chunk(self, place: Place, most: int) -> tuple[Chunk, OffsetTracker] | None:
        """Return the next records that are not acknowledged, None without any."""
        log, first = self.logs[place], self.committed[place]
        records = log[first : first + most]
        if not records:
            return None
        tracker = OffsetTracker(*place, first, first, BIG, BIG)
        (chunk,) = tracker.track(Fetched(records, first + len(records), len(log)), BIG)
        return chunk, tracker

    def compact(self, place: Place) -> None:
        """Keep the last record of each key, as Kafka does with a changelog when an hour has passed."""
        last: dict[bytes | None, FakeRecord] = {}
        for record in self.logs[place]:
            last.pop(record.key, None)
            last[record.key] = record
        self.changes += len(last) < len(self.logs[place])
        self.logs[place] = list(last.values())


class MortalProducer:
    """Writes to a broker, until its worker is killed or paused in the middle of a write."""

    def __init__(self, broker: Broker, rng: random.Random) -> None:
        self.fate: Fate = "lives"
        self.writes_left = 0
        self.pending: Batches = {}
        self.paused = asyncio.Event()
        self.woken = asyncio.Event()
        self._broker, self._rng = broker, rng

    async def send(self, batches: Batches) -> Ends:
        # One that is paused in a write may do others meanwhile: a broker's partition answers late, and others do not.
        if self.fate != "lives" and self.writes_left == 0 and not self.paused.is_set():
            await self._meet_fate(batches)
        self.writes_left -= 1
        return self._broker.write(batches)

    async def _meet_fate(self, batches: Batches) -> None:
        if self.fate == "killed":
            # Of each partition's messages a beginning is there: one list keeps one order. Customers and the position
            # stand at the end of theirs.
            for place, messages in batches.items():
                count = len(messages)
                cut = self._rng.choice((self._rng.randint(0, count), max(0, count - self._rng.randint(1, 4))))
                self._broker.append(place, messages[:cut])
            raise KilledError
        self.pending = batches
        self.paused.set()
        await self.woken.wait()
