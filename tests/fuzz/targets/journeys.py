"""The journeys log: its records, what they make of a partition's state, and the facts messages that the sink reads."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from typing import Any
from unittest.mock import patch

import msgspec
from msgspec.structs import replace
from typing_extensions import override

from schemas import journey_log
from schemas.avro.codec import KIND_RECORDS
from schemas.errors import NOT_READ, RefusalError
from schemas.journey_log import Owners, Tick, Touchpoint
from schemas.kinds import TOUCHPOINT_KINDS
from schemas.rows import TABLES
from schemas.topics import MAX_MESSAGE_BYTES
from sinks.batch import Batch
from sinks.errors import PermanentWriteError
from sinks.memory.writer import MemoryWriter
from streams.agents.facts import encode_facts
from streams.identity.groups import ALWAYS
from streams.intake.accept import Source, accept
from streams.journeys import customers
from streams.journeys.formats import StateFormatError
from streams.journeys.output import Output
from streams.journeys.partition import BLOCK, CUSTOMER, Partition
from streams.journeys.pending_blocks import BLOCK_BYTES
from streams.sentiment import VaderScorer
from tests.fuzz.records import NOW, record_of
from tests.fuzz.target import CPU_MS, Target
from tests.fuzz.values import changed_bytes, changed_tree, text
from tests.simulation.arrivals import DAY, GAPS, HOUR, MINUTE, RULES, as_log, delayed
from tests.simulation.journeys_log import process, process_with_crashes
from tests.unit.journeys.play import SECOND, T0
from tests.unit.journeys.robots import stream
from tests.unit.schemas.records import SCHEMAS

FOLDS_MS = 2_000.0
"""CPU time that the comparison of whole logs may take, ms; what each record may take, `Log` looks at."""
SMALL_BLOCK_BYTES = 300
_TASKS = 2
_CUSTOMERS = ("c-1", "c-2", "c-3")
_KINDS = tuple(TOUCHPOINT_KINDS)
_SCORER = VaderScorer()
_FUTURE_MS = 500 * DAY
"""How far before now a history begins, so that it ends before now."""


def touchpoint_of(rng: random.Random, kind: str, odd: float, at: int, number: int) -> Touchpoint | None:
    """Return a touchpoint as INGEST would take it, of few customers; None if it refuses what was made."""
    record = record_of(SCHEMAS[KIND_RECORDS[kind]], rng, odd)
    record |= {"customer_id": rng.choice(_CUSTOMERS), "occurred_at": at, "event_id": f"e{number:03}", "source": "shop"}
    # Some claim to come from the future.
    received_at = NOW if rng.random() < 0.9 else at - HOUR
    try:
        made = accept(
            kind, record, Source(rng.randrange(_TASKS), "test", 0, number, received_at), now=NOW, scorer=_SCORER
        )
    except RefusalError:
        return None
    assert isinstance(made, Touchpoint)
    return made


def _owners_of(rng: random.Random, links_offset: int) -> Owners:
    """Return who owns what the robot states, or what one of its owners does, from some times on."""
    since = sorted(T0 + rng.randrange(1_000) * rng.choice((SECOND, MINUTE)) for _ in range(rng.choice((0, 1, 1, 2))))
    names = ("ann", "ben", "cid")
    owners = [rng.choice(names) for _ in since]
    since = [ALWAYS if rng.random() < 0.5 else at for at in since[:1]] + since[1:]
    # What is older moves as things, where anything is said of them.
    adopted_since = [at - rng.choice((0, HOUR, 27 * DAY)) for at in since] if rng.random() < 0.8 else []
    return Owners("ann", since, owners, links_offset, adopted_since=adopted_since)


def history(rng: random.Random, most: int, odd: float) -> list[Touchpoint]:
    """Return touchpoints in the order of their times."""
    at, found = NOW - _FUTURE_MS, []
    kinds = rng.sample(_KINDS, rng.choice((1, 2, len(_KINDS))))
    for number in range(rng.randint(1, most)):
        at = min(at + rng.choice(GAPS), NOW)
        if (made := touchpoint_of(rng, rng.choice(kinds), odd, at, number)) is not None:
            found.append(made)
    return found


class Log(Target):
    """Records of the log, of several customers in any order of arrival, some of them broken."""

    @override
    def make(self, rng: random.Random) -> bytes:
        odd = rng.choice((0.0, 0.02, 0.2))
        arrived = delayed(history(rng, rng.choice((5, 20, 80)), odd), rng.randrange(99), rng.choice((0, HOUR, 4 * DAY)))
        clock = 0
        records: list[tuple[bytes, bool]] = []
        for one in arrived:
            clock = max(clock, one.occurred_at - rng.choice((0, MINUTE, HOUR, 3 * DAY)))
            data = journey_log.encode(replace(one, watermark=clock))
            records.append((data, True))
            if rng.random() < 0.1:
                records.append((data, True))
            chosen = rng.random()
            if chosen < 0.05:
                records.append((changed_bytes(rng, data), False))
            elif chosen < 0.1:
                tree = changed_tree(rng, msgspec.msgpack.decode(data))
                records.append((msgspec.msgpack.encode(tree), False))
            if rng.random() < 0.1:
                ticked = clock + rng.choice((0, DAY, 40 * DAY))
                settled = ticked - rng.choice((0, 0, DAY, 40 * DAY))
                records.append((journey_log.encode(Tick(ticked, settled)), True))
        return msgspec.msgpack.encode(records)

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        partition = Partition(0, _TASKS, RULES)
        records = msgspec.msgpack.decode(data, type=list[tuple[bytes, bool]])
        for offset, (record, whole) in enumerate(records):
            yield CPU_MS
            try:
                read = journey_log.decode(record)
            except NOT_READ:
                continue  # a worker ends, and says so: only workers write to the log
            if not whole:
                continue  # what INGEST never accepts: it need not be applied
            partition.apply(offset, read, record)
            if offset % 16 == 0:
                yield from _flushing(partition)
        yield from _flushing(partition)


class Robots(Target):
    """A customer's thousand touchpoints, made to be dear: each record of the log, and each turn it gives to others."""

    @override
    def make(self, rng: random.Random) -> bytes:
        return msgspec.msgpack.encode(list(stream(rng, 1_600)))

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        partition = Partition(0, 1, RULES)
        for offset, record in enumerate(msgspec.msgpack.decode(data, type=list[bytes])):
            yield CPU_MS
            for _ in partition.apply_in_parts(offset, journey_log.decode(record), record):
                yield CPU_MS
            if offset % 16 == 0:
                yield from _flushing(partition)


class Moves(Target):
    """A robot's touchpoints change their owners again and again; all owners are in one partition."""

    @override
    def make(self, rng: random.Random) -> bytes:
        share = rng.choice((0.002, 0.01))
        records: list[bytes] = []
        for record in stream(rng, 500):
            records.append(record)
            if rng.random() < share:
                records.append(journey_log.encode(_owners_of(rng, len(records))))
        return msgspec.msgpack.encode(records)

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        partition = Partition(0, 1, RULES)
        left = deque(msgspec.msgpack.decode(data, type=list[bytes]))
        offset = 0
        while left:
            record = left.popleft()
            yield CPU_MS
            for _ in partition.apply_in_parts(offset, journey_log.decode(record), record):
                yield CPU_MS
            offset += 1
            if offset % 16 == 0 or not left:
                output = yield from _flushing(partition)
                assert all(len(value or b"") < MAX_MESSAGE_BYTES for _, value in output.customers)
                left.extend(record for _, record in output.forwarded)


class Folds(Target):
    """A history gives the same rows in any order of arrival, wherever the chunks are cut, and killed at any write."""

    @override
    def make(self, rng: random.Random) -> bytes:
        told = history(rng, rng.choice((5, 25)), rng.choice((0.0, 0.02)))
        records = [journey_log.encode(replace(one, task=0)) for one in told]
        return msgspec.msgpack.encode((rng.randrange(1 << 30), records))

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        seed, records = msgspec.msgpack.decode(data, type=tuple[int, list[bytes]])
        read = [journey_log.decode(record) for record in records]
        told = [one for one in read if isinstance(one, Touchpoint)]
        if not told:
            return
        rng = random.Random(seed)
        yield FOLDS_MS
        arrived = as_log(delayed(told, seed, 3 * DAY - HOUR), rng.choice((0, 20 * MINUTE, HOUR)))
        expected = process(as_log(told), RULES).seen()
        assert process(arrived, RULES).seen() == expected, "the order of arrival changes the rows"
        cuts = [rng.randrange(len(arrived)) for _ in range(rng.randrange(8))]
        assert process(arrived, RULES, cuts).seen() == expected, "where chunks are cut changes the rows"
        killed = process_with_crashes(arrived, RULES, seed, rng.randrange(4))
        assert killed.seen() == expected, "a crash changes the rows"


class Facts(Target):
    """Facts messages as the sink reads them: rows of a table, under a table's name."""

    documented = (PermanentWriteError,)

    def __init__(self) -> None:
        self._messages: list[tuple[str, bytes]] = []
        for partition in map(_partition_of, _told(40)):
            facts = partition.flush().facts
            self._messages += [(table, value) for table in sorted(facts) for value in encode_facts(facts[table])]

    @override
    def make(self, rng: random.Random) -> bytes:
        table, value = rng.choice(self._messages)
        chosen = rng.random()
        if chosen < 0.6:
            tree = msgspec.msgpack.decode(value)
            for _ in range(rng.choice((1, 1, 2))):
                tree = changed_tree(rng, tree)
            value = msgspec.msgpack.encode(tree)
        elif chosen < 0.85:
            value = changed_bytes(rng, value)
        if rng.random() < 0.1:
            table = rng.choice((*TABLES, text(rng)))
        return msgspec.msgpack.encode((table.encode(), value))

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        key, value = msgspec.msgpack.decode(data, type=tuple[bytes, bytes])
        batch = Batch()
        yield CPU_MS
        table = key.decode(errors="replace")
        batch.add_message(table, value)
        rows: Sequence[Any] = batch.rows(table)
        for row in rows:
            assert len(row) == len(TABLES[table].__struct_fields__)
        batch.flush(MemoryWriter())


class State(Target):
    """Entries of the changelog, as a start reads them."""

    documented = (StateFormatError,)

    def __init__(self) -> None:
        self._entries: list[tuple[bytes, bytes]] = []
        self._in_blocks: list[list[tuple[bytes, bytes]]] = []
        for number, told in enumerate(_told(20)):
            with patch.object(customers, "BLOCK_BYTES", BLOCK_BYTES if number % 2 else SMALL_BLOCK_BYTES):
                output = _partition_of(told).flush()
            entries = [*output.buckets, *output.customers, output.position]
            known = [(key, value) for key, value in entries if value is not None]
            self._entries += known
            if any(key[:1] == BLOCK for key, _ in known):
                self._in_blocks.append([entry for entry in known if entry[0][:1] in {BLOCK, CUSTOMER}])

    @override
    def make(self, rng: random.Random) -> bytes:
        entries = []
        # Blocks are read with the entries that name them.
        for key, value in rng.choice(self._in_blocks) if rng.random() < 0.3 else rng.sample(self._entries, 3):
            name, written = key, value
            if rng.random() < 0.3:
                tree = changed_tree(rng, msgspec.msgpack.decode(value))
                written = msgspec.msgpack.encode(tree)
            elif rng.random() < 0.3:
                written = changed_bytes(rng, value)
            if rng.random() < 0.1:
                name = changed_bytes(rng, key)
            entries.append((name, written))
        return msgspec.msgpack.encode(entries)

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        partition = Partition(0, _TASKS, RULES)
        yield CPU_MS
        for key, value in msgspec.msgpack.decode(data, type=list[tuple[bytes, bytes]]):
            partition.restore(key, value)
        partition.restored()


def _flushing(partition: Partition) -> Generator[float, None, Output]:
    """Write what has changed, and yield what each step may take, up to the next at which others have a turn."""
    steps = partition.flushing()
    while True:
        yield CPU_MS
        try:
            next(steps)
        except StopIteration as end:
            output: Output = end.value
            break
    for rows in output.facts.values():
        for _ in encode_facts(rows):
            yield CPU_MS
    return output


def _told(count: int) -> Iterator[list[Touchpoint]]:
    """Yield histories, always the same."""
    rng = random.Random(1)
    for _ in range(count):
        yield history(rng, 20, 0.02)


def _partition_of(told: list[Touchpoint]) -> Partition:
    """Return a partition that has applied a history."""
    partition = Partition(0, _TASKS, RULES)
    for offset, one in enumerate(told):
        partition.apply(offset, one, journey_log.encode(replace(one, watermark=one.occurred_at)))
    return partition
