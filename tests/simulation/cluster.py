"""A cluster in memory: a broker, and workers that are killed, paused and rebalanced at every write, by a seed.

The agents are the real ones: JOURNEYS with its state and its commits, IDENTITY with its links. INGEST alone is a
stand-in that appends touchpoints, their links and ticks, and appends some again after a crash.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from schemas import identity_links, journey_log
from schemas.identity_links import Command
from schemas.journey_log import Tick, Touchpoint
from schemas.topics import FACTS_TOPICS, JOURNEYS_LOG, JOURNEYS_STATE, LINKS
from sinks.batch import Batch
from sinks.memory.writer import MemoryWriter
from streams.agents.identity import Linking
from streams.agents.journeys import Journeys, PartitionRevokedError, rules_of
from streams.agents.services import Services
from streams.identity.identities import Identities
from streams.identity.statements import Statements
from streams.journeys.partition import Partition
from streams.kafka.offsets import Chunk, Fetched, OffsetTracker, Record
from streams.kafka.producer import Batches, Message, partition_for
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings
from tests.unit.streams.records import FakeRecord

Place = tuple[str, int]
Fate = Literal["lives", "killed", "paused"]
BIG = 1 << 40
LAST_TICKS = 20
TELEMETRY = Telemetry.on(CollectorRegistry())


class KilledError(Exception):
    """The process was killed."""


@dataclass
class Broker:
    """All topics, by topic and partition, and what the group has committed."""

    logs: dict[Place, list[FakeRecord]] = field(default_factory=lambda: defaultdict(list))
    committed: dict[Place, int] = field(default_factory=lambda: defaultdict(int))

    def append(self, place: Place, messages: Sequence[Message]) -> None:
        log = self.logs[place]
        for message in messages:
            log.append(FakeRecord(len(log), message.value, message.key))

    def write(self, batches: Batches) -> None:
        for place, messages in batches.items():
            self.append(place, messages)

    def chunk(self, place: Place, most: int) -> tuple[Chunk, OffsetTracker] | None:
        """Return the next records that are not acknowledged, None without any."""
        log, first = self.logs[place], self.committed[place]
        records = log[first : first + most]
        if not records:
            return None
        tracker = OffsetTracker(*place, first, first, BIG, BIG)
        (chunk,) = tracker.track(Fetched(records, first + len(records), len(log)), BIG)
        return chunk, tracker


class MortalProducer:
    """Writes to a broker, until its worker is killed or paused in the middle of a write."""

    def __init__(self, broker: Broker, rng: random.Random) -> None:
        self.fate: Fate = "lives"
        self.writes_left = 0
        self.paused = asyncio.Event()
        self.woken = asyncio.Event()
        self._broker, self._rng = broker, rng

    async def send(self, batches: Batches) -> None:
        if self.fate != "lives" and self.writes_left == 0:
            await self._meet_fate(batches)
        self.writes_left -= 1
        self._broker.write(batches)

    async def _meet_fate(self, batches: Batches) -> None:
        if self.fate == "killed":
            # Of each partition's messages a beginning is there: one list keeps one order.
            for place, messages in batches.items():
                self._broker.append(place, messages[: self._rng.randint(0, len(messages))])
            raise KilledError
        self.paused.set()
        await self.woken.wait()


@dataclass
class Worker:
    """One process with the agents that it runs."""

    producer: MortalProducer
    journeys: Journeys
    linking: Linking


class Cluster:
    """Workers on one broker; a seed decides what happens when.

    Args:
        crashes: how many workers are killed or paused at most.
    """

    def __init__(self, seed: int, settings: Settings, workers: int, crashes: int) -> None:
        self.broker = Broker()
        self._settings = settings
        self._rng = random.Random(seed)
        self._crashes = crashes
        self._workers = [self._start() for _ in range(workers)]
        self._owners = {place: self._rng.choice(self._workers) for place in self._places()}
        self._statements = Statements(Identities())
        self._paused: list[tuple[Worker, asyncio.Task[None]]] = []

    def run(self, touchpoints: Sequence[Touchpoint], commands: Sequence[Command], end: int) -> None:
        """Let touchpoints arrive in their order, everything be processed, and time go on to its end (ms)."""
        asyncio.run(self._run(list(touchpoints), list(commands), end))

    def tables(self) -> MemoryWriter:
        """Return what a sink has stored that has read all facts."""
        writer, batch = MemoryWriter(), Batch()
        for (topic, _), records in self.broker.logs.items():
            if topic in FACTS_TOPICS:
                for record in records:
                    batch.add_message((record.key or b"").decode() or FACTS_TOPICS[topic], record.value or b"")
        batch.flush(writer)
        return writer

    async def _run(self, touchpoints: list[Touchpoint], commands: list[Command], end: int) -> None:
        rng, watermark = self._rng, 0
        while touchpoints or commands:
            happens = rng.random()
            if touchpoints and happens < 0.25:
                count = rng.choice((1, 1, 2, 5, 20))
                arriving = [replace(one, watermark=max(0, watermark)) for one in touchpoints[:count]]
                self._take_in(arriving)
                watermark = max(watermark, *(one.occurred_at for one in arriving)) - 1
                del touchpoints[:count]
            elif commands and happens < 0.3:
                self.broker.append((LINKS, 0), [Message(None, identity_links.encode(commands.pop(0)))])
            elif happens < 0.35:
                self._tick(watermark)
            else:
                await self._anything()
        await self._settle()
        # What waits takes its steps as time goes on.
        for second in range(LAST_TICKS):
            self._tick(end + second * 1_000)
            await self._settle()

    async def _anything(self) -> None:
        """Let one of the things happen that can happen at any time."""
        rng = self._rng
        happens = rng.random()
        if self._paused and happens < 0.1:
            await self._wake(*self._paused.pop(rng.randrange(len(self._paused))))
        elif happens < 0.15:
            await self._rebalance(rng.choice(self._places()))
        elif happens < 0.35:
            await self._process((LINKS, 0))
        else:
            await self._process((JOURNEYS_LOG, rng.randrange(self._settings.partitions)))

    async def _settle(self) -> None:
        """Process all that there is, and all that comes of it."""
        while self._paused or any(
            self.broker.committed[place] < len(self.broker.logs[place]) for place in self._places()
        ):
            await self._anything()

    def _places(self) -> list[Place]:
        return [(LINKS, 0), *((JOURNEYS_LOG, number) for number in range(self._settings.partitions))]

    def _take_in(self, arriving: Sequence[Touchpoint]) -> None:
        """Append touchpoints and their links as INGEST does; after a crash all of them come again."""
        rng = self._rng
        batches: dict[Place, list[Message]] = defaultdict(list)
        for one in arriving:
            key = one.customer_key.encode()
            place = partition_for(key, self._settings.partitions)
            batches[JOURNEYS_LOG, place].append(Message(key, journey_log.encode(one)))
            links = self._statements.links_of(one, 0)
            batches[LINKS, 0] += [Message(None, identity_links.encode(link)) for link in links]
        if self._crashes and rng.random() < 0.1:
            self._crashes -= 1
            for place_, messages in batches.items():
                self.broker.append(place_, messages[: rng.randint(0, len(messages))])
            self._statements = Statements(Identities())
            self._take_in(arriving)
        else:
            self.broker.write(batches)

    def _tick(self, watermark: int) -> None:
        tick = Message(None, journey_log.encode(Tick(watermark)))
        self.broker.write({(JOURNEYS_LOG, number): [tick] for number in range(self._settings.partitions)})

    async def _process(self, place: Place) -> None:
        """Let the owner of a partition process its next chunk, and perhaps die of it."""
        rng, worker = self._rng, self._owners[place]
        found = self.broker.chunk(place, rng.choice((1, 2, 5, 30)))
        if found is None:
            return
        chunk, tracker = found
        producer = worker.producer
        if self._crashes and rng.random() < 0.2:
            self._crashes -= 1
            producer.fate = rng.choice(("killed", "paused"))
            producer.writes_left = rng.randrange(2)
        process = worker.linking.receive if place[0] == LINKS else worker.journeys.process
        processing = asyncio.create_task(process(chunk))
        pausing = asyncio.create_task(producer.paused.wait())
        await asyncio.wait({processing, pausing}, return_when=asyncio.FIRST_COMPLETED)
        if producer.paused.is_set():
            # Others take over; it does not know of it before it goes on.
            tracker.close()
            self._paused.append((worker, processing))
            self._replace(worker)
            return
        pausing.cancel()
        try:
            await processing
        except KilledError:
            self._replace(worker)
            return
        producer.fate = "lives"
        if chunk.acked and rng.random() < 0.8:
            # What is acknowledged is committed in time, or not at all.
            self.broker.committed[place] = chunk.last_offset + 1

    async def _wake(self, worker: Worker, processing: asyncio.Task[None]) -> None:
        """Let a worker go on that was paused: it writes what it was about to write, and learns that others have it."""
        worker.producer.woken.set()
        with suppress(PartitionRevokedError):
            await processing

    async def _rebalance(self, place: Place) -> None:
        """Give a partition to another worker; the one that had it may still be writing."""
        worker = self._owners[place]
        if place[0] == LINKS:
            worker.linking.close()
        else:
            kept = {number for number in range(self._settings.partitions) if (JOURNEYS_LOG, number) != place}
            worker.journeys.retain(kept)
        self._owners[place] = self._rng.choice(self._workers)

    def _replace(self, dead: Worker) -> None:
        """Start a worker in the place of a dead one; each of its partitions goes to any that lives."""
        self._workers[self._workers.index(dead)] = self._start()
        for place, owner in self._owners.items():
            if owner is dead:
                self._owners[place] = self._rng.choice(self._workers)

    def _start(self) -> Worker:
        producer = MortalProducer(self.broker, self._rng)
        services = Services(self._settings, producer, TELEMETRY, clock=lambda: 0)
        return Worker(producer, Journeys(services, self._restored, self._fetch), Linking(services, self._history))

    async def _restored(self, number: int) -> Partition:
        partition = Partition(number, self._settings.partitions, rules_of(self._settings))
        for record in self.broker.logs[JOURNEYS_STATE, number]:
            if record.value is not None:
                partition.restore(record.key or b"", record.value)
        partition.restored()
        return partition

    async def _fetch(self, topic: str, partition: int, offset: int) -> Record | None:
        log = self.broker.logs[topic, partition]
        return log[offset] if offset < len(log) else None

    async def _history(self) -> AsyncIterator[Sequence[Record]]:
        yield list(self.broker.logs[LINKS, 0])
