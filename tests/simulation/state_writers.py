"""Workers that write one partition's changelog, and are killed or paused amid it: what a restore then gives."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from unittest.mock import patch

import msgspec

from schemas import journey_log
from streams.journeys import customers
from streams.journeys.customer_timeline import CustomerTimeline
from streams.journeys.output import Entry
from streams.journeys.partition import BLOCK, CUSTOMER, Partition
from streams.journeys.pending_blocks import BLOCK_BYTES, ID_BYTES, StoredBlock
from streams.journeys.rules import Rules

NO_BLOCKS = 1 << 40
States = dict[str, CustomerTimeline]


def restore(entries: Iterable[Entry], rules: Rules, block_bytes: int = BLOCK_BYTES) -> Partition:
    """Return a partition as its changelog has it."""
    with patch.object(customers, "BLOCK_BYTES", block_bytes):
        partition = Partition(0, 1, rules)
        for key, value in entries:
            partition.restore(key, value)
        partition.restored()
    return partition


def flush(partition: Partition, block_bytes: int) -> list[Entry]:
    """Return what a flush writes to the changelog."""
    with patch.object(customers, "BLOCK_BYTES", block_bytes):
        return partition.flush().state


def states(partition: Partition) -> States:
    """Return the customers' timelines, as they would be written in one entry each."""
    return {key: _copy(partition.customers.timeline(key)) for key in partition.customers._encoded}


def _copy(timeline: CustomerTimeline) -> CustomerTimeline:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(timeline), type=CustomerTimeline)


def apply(partition: Partition, records: Sequence[bytes], until: int) -> None:
    """Apply the records of a log up to an offset."""
    for offset in range(partition.offset + 1, min(until, len(records))):
        partition.apply(offset, journey_log.decode(records[offset]), records[offset])


class Truth:
    """What a log says of each customer at each offset, by a worker that writes each with all that is pending."""

    def __init__(self, records: Sequence[bytes], rules: Rules) -> None:
        self._known: dict[tuple[str, int], CustomerTimeline] = {}
        partition = restore([], rules)
        for offset in range(len(records)):
            apply(partition, records, offset + 1)
            for key, value in flush(partition, NO_BLOCKS):
                assert key[:1] != BLOCK
                if key[:1] == CUSTOMER and value is not None:
                    timeline = msgspec.msgpack.decode(value, type=CustomerTimeline)
                    self._known[key[1:].decode(), timeline.offset] = timeline
        self.last = states(partition)

    def check(self, found: States) -> None:
        """Compare each customer with what the log says at the customer's own offset."""
        for key, timeline in found.items():
            assert timeline == self._known[key, timeline.offset], (key, timeline.offset)


class StateWriters:
    """Workers that write one after the other, and some late.

    Args:
        block_bytes: about how large blocks are.
    """

    def __init__(self, seed: int, records: Sequence[bytes], rules: Rules, block_bytes: int) -> None:
        self._rng = random.Random(seed)
        self._records, self._rules, self._block_bytes = records, rules, block_bytes
        self._truth = Truth(records, rules)
        self._late: list[list[Entry]] = []
        self._killed = self._rng.choice((0.0, 0.05, 0.2))
        self._paused = self._rng.choice((0.0, 0.05, 0.2))
        self.changelog: list[Entry] = []
        self.written: dict[bytes, bytes] = {}
        self.partition = self._restored()

    def run(self) -> None:
        """Let the log be read to its end, and compare what restores give with what the log says."""
        while self.partition.offset + 1 < len(self._records):
            self._go_on()
            if self._late and self._rng.random() < 0.2:
                self._write(self._late.pop(0))
            if self._rng.random() < 0.05:
                self._compact()
            if self._rng.random() < 0.2:
                self._truth.check(states(self._restored()))
        for late in self._late:
            self._write(late)
        self.partition = self._restored()
        for _ in range(2):
            self._write(flush(self.partition, self._block_bytes))
        self._truth.check(states(self._restored()))
        assert _with_something(states(self._restored())) == _with_something(self._truth.last)
        self.check_sizes()

    def check_sizes(self) -> None:
        """Compare what the customers are said to take with what they take."""
        kept = self.partition.customers
        sizes = {key: len(value) + kept.blocks.size(key) for key, value in kept._encoded.items()}
        assert kept._cached_bytes == sum(sizes[key] for key in kept._cache if key in sizes)

    def surplus(self) -> list[bytes]:
        """Return the blocks in the changelog of which the last touchpoint is pending no longer."""
        found = states(self._restored())
        surplus = []
        for key, value in dict(self.changelog).items():
            if key[:1] == BLOCK and value is not None:
                pending = found.get(key[1:-ID_BYTES].decode(), CustomerTimeline()).pending
                block = msgspec.msgpack.decode(value, type=StoredBlock)
                if block.pending[-1] not in pending:
                    surplus.append(key)
        return surplus

    def _go_on(self) -> None:
        rng = self._rng
        apply(self.partition, self._records, self.partition.offset + 1 + rng.choice((1, 1, 1, 3, 10)))
        entries = flush(self.partition, self._block_bytes)
        self.check_sizes()
        happens = rng.random()
        if happens < self._killed + self._paused:
            there = rng.randint(0, len(entries))
            self._write(entries[:there])
            if happens < self._paused:
                # It goes on when another has the partition, and learns of that before it writes once more.
                self._late.append(entries[there:])
            self.partition = self._restored()
        else:
            self._write(entries)
            if rng.random() < 0.05:
                self.partition.customers._cache.clear()
                self.partition.customers._cached_bytes = 0
                self.partition.customers.blocks.let_go()

    def _write(self, entries: list[Entry]) -> None:
        self.changelog += entries
        for key, value in entries:
            if key[:1] == BLOCK and value is not None:
                assert self.written.setdefault(key, value) == value, "two contents under one key"

    def _restored(self) -> Partition:
        return restore(self.changelog, self._rules, self._block_bytes)

    def _compact(self) -> None:
        """Keep the last entry of each key; of customers whose last entry is a late worker's, all: that is of lately."""
        by_key: dict[bytes, list[Entry]] = defaultdict(list)
        for entry in self.changelog:
            by_key[entry[0]].append(entry)
        kept = {id(entry) for key, known in by_key.items() for entry in (known[-1:] if _is_last(key, known) else known)}
        if not self._late:
            self.changelog = [entry for entry in self.changelog if id(entry) in kept]


def _is_last(key: bytes, entries: list[Entry]) -> bool:
    if key[:1] not in {CUSTOMER, b"p"}:
        return True
    offsets = [msgspec.msgpack.decode(value)[1] for _, value in entries if value is not None]
    return not offsets or entries[-1][1] is None or offsets[-1] == max(offsets)


def _with_something(found: States) -> States:
    return {key: one for key, one in found.items() if not (one.is_empty and one.ownership is None)}
