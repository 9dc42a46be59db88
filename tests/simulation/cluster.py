"""A cluster in memory: a broker, and workers that are killed, paused and rebalanced at every write, by a seed.

The agents are the real ones: JOURNEYS with its state and its commits, IDENTITY with its links, WATERMARKS with its
ticks. INGEST alone is a stand-in that appends touchpoints and their links, and appends some again after a crash.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from schemas import identity_links, journey_log, watermarks
from schemas.identity_links import Command, Erase
from schemas.journey_log import Touchpoint
from schemas.topics import JOURNEYS_LOG, JOURNEYS_STATE, LINKS, WATERMARKS
from schemas.watermarks import TaskWatermark
from sinks.memory.writer import MemoryWriter
from streams.agents import journeys
from streams.agents.journeys import PartitionRevokedError
from streams.journeys import customers
from streams.journeys.partition import Partition
from streams.journeys.pending_blocks import BLOCK_BYTES
from streams.kafka.offsets import OffsetTracker
from streams.kafka.producer import Message, partition_for
from streams.settings import Settings
from tests.simulation.broker import Broker, KilledError, MortalProducer, Place
from tests.simulation.facts import tables
from tests.simulation.workers import Worker, restored, start, stating

LAST_TICKS = 20
HOURS = 0.5
"""How probable it is that an hour passes, by which changelogs are compacted, after each of the last ticks."""
LULLS = (0.1, 0.01, 0.002)
"""How probable it is, with each thing that happens, that a paused worker goes on: some are paused for a while, others
until most of their work has been done by others."""
REPEATS, REPEATED_OF = 0.02, 60
"""How probable it is that each of the last so many touchpoints comes once more, whenever others come."""
DANGER, REBALANCE = 0.1, 0.1
"""How probable it is, with each thing that a worker does, that one of its next writes is its last for a while; and with
each thing that happens, that a partition is given to another worker, or that a certain one is where nothing is left."""
CALM = 0.2
"""What part of that it is in a calm cluster."""
WRITES = 5
"""Of how many next ones: those of a chunk, and of what it is written in if it is written in several goes."""
CATCHES_UP, ROUNDS = 0.5, 3
"""How probable it is, in a calm cluster, that all come to know all before the next touchpoints arrive; and how often
they report meanwhile."""
SLOW, SLOW_ALONE = 0.05, 0.3
"""What part of the times a partition is read whose reader is behind; and where all others are read."""


@dataclass(frozen=True)
class Paused:
    """A worker that is paused in something, and does not know that others do it meanwhile.

    Attributes:
        wakes: how probable it is that it goes on, with each thing that happens.
    """

    worker: Worker
    acting: asyncio.Task[None]
    wakes: float


class Cluster:
    """Workers on one broker; a seed decides what happens when.

    Args:
        crashes: how many workers are killed or paused at most.
        disorder_ms: by how much later than others a touchpoint comes.
        signalled_until: up to when what happened was signalled before the log was made anew, ms.
        calm: whether workers seldom die or change, so that the settled time follows close behind; else nobody keeps up.
        late_before: what happened before that time (ms) comes later than is allowed.
    """

    def __init__(
        self,
        seed: int,
        settings: Settings,
        workers: int,
        crashes: int,
        disorder_ms: int,
        *,
        calm: bool = False,
        signalled_until: int = 0,
        late_before: int = 0,
    ) -> None:
        self._signalled_until = signalled_until
        self._disorder_ms = disorder_ms
        self._late_before = late_before
        # Some write amid a chunk, and may die between two such writes.
        self._unwritten_bytes = random.Random(f"{seed}/bytes").choice((16 << 20, 4_000))
        # Of some, blocks of two or three touchpoints are made all the time.
        self._block_bytes = random.Random(f"{seed}/blocks").choice((BLOCK_BYTES, 300))
        self.broker = Broker()
        self._settings = settings
        logs = [(JOURNEYS_LOG, number) for number in range(settings.partitions)]
        self._places: list[Place] = [(LINKS, 0), (WATERMARKS, 0), *logs]
        self._rng = random.Random(seed)
        self._crashes = crashes
        self._workers = [self._start() for _ in range(workers)]
        self._owners = {place: self._rng.choice(self._workers) for place in self._places}
        self._stating = stating(settings)
        self._links_end = 0
        self._slow = self._rng.choice((None, *self._places))
        self._is_calm = calm
        self._unrest = CALM if calm else 1
        self._arrived: list[Touchpoint] = []
        self._paused: list[Paused] = []
        self._late_state: set[Place] = set()

    def run(self, touchpoints: Sequence[Touchpoint], commands: Sequence[Command | Erase], end: int | None) -> None:
        """Let touchpoints arrive in their order, everything be processed, and time go on to its end (ms).

        Without an end all stop amid what they do, when the last has arrived.
        """
        with (
            patch.object(journeys, "MAX_UNWRITTEN_BYTES", self._unwritten_bytes),
            patch.object(customers, "BLOCK_BYTES", self._block_bytes),
        ):
            asyncio.run(self._run(list(touchpoints), list(commands), end))

    def take_over(self, other: Cluster) -> None:
        """Have the links of another cluster, all of them acknowledged there, and what it reported of its own log."""
        for place in ((LINKS, 0), (WATERMARKS, 0)):
            self.broker.logs[place] = list(other.broker.logs[place])
        self.broker.committed[LINKS, 0] = len(self.broker.logs[LINKS, 0])
        # No touchpoint states its links anew: the inputs may no longer hold those that did.
        self._stating = other._stating

    def rebuild(self, other: Cluster) -> None:
        """Have the links of another cluster, and nothing else: `touchline rebuild` has the inputs read again."""
        self.broker.logs[LINKS, 0] = list(other.broker.logs[LINKS, 0])

    def tables(self) -> MemoryWriter:
        """Return what a sink has stored that has read all facts, and deletes or drops what it is told to."""
        return tables(self.broker)

    async def _run(self, touchpoints: list[Touchpoint], commands: list[Command | Erase], end: int | None) -> None:
        rng, watermark = self._rng, 1
        while touchpoints or commands:
            happens = rng.random()
            if touchpoints and happens < 0.2:
                if self._is_calm and rng.random() < CATCHES_UP:
                    await self._catch_up(watermark)
                count = rng.choice((1, 1, 2, 5, 20))
                arriving = [replace(one, watermark=watermark) for one in touchpoints[:count]]
                self._take_in(arriving)
                self._arrived += arriving
                self._repeat(watermark)
                watermark = max(watermark, max(one.occurred_at for one in arriving) - self._disorder_ms)
                del touchpoints[:count]
            elif commands and happens < 0.25:
                self.broker.append((LINKS, 0), [Message(None, identity_links.encode(commands.pop(0)))])
            elif happens < 0.35:
                self._tell(watermark)
            else:
                await self._anything(self._places)
        # What waits takes its steps as time goes on.
        for second in range(LAST_TICKS if end is not None else 0):
            self._tell((end or 0) + second * 1_000)
            await self._settle()
            self._slow = None
            if self._rng.random() < HOURS:
                self._pass_an_hour()

    async def _anything(self, places: Sequence[Place]) -> None:
        """Let one of the things happen that can happen at any time; if one is read, then one of some partitions."""
        rng = self._rng
        happens = rng.random()
        waking = [one for one in self._paused if rng.random() < one.wakes]
        if waking:
            await self._wake(waking[0])
        elif happens < REBALANCE * self._unrest:
            await self._rebalance(rng.choice(self._places))
        elif happens < 0.3:
            worker = rng.choice(self._workers)
            linking = worker.linking
            await self._let(worker, rng.choice((worker.journeys.times.report, linking.begin, linking.report)))
        elif happens < 0.4:
            await self._tick()
        else:
            place = rng.choice(places)
            # Whoever reads one of the partitions may be far behind the others.
            if place != self._slow or rng.random() < (SLOW if len(places) > 1 else SLOW_ALONE):
                await self._process(place)

    async def _tick(self) -> None:
        worker = self._owners[WATERMARKS, 0]
        await self._let(worker, worker.watermarks.tick)

    async def _catch_up(self, watermark: int) -> None:
        """Let all come to know all that there is, and the settled time follow the watermark (ms)."""
        self._tell(watermark)
        for _ in range(ROUNDS):
            await self._settle()
            for worker in list(self._workers):
                await self._let(worker, worker.journeys.times.report)
            for worker in list(self._workers):
                await self._let(worker, worker.linking.report)

    async def _settle(self) -> None:
        """Process all that there is, and all that comes of it."""
        before = None
        while True:
            while unread := self._unread():
                await self._anything(unread)
            now = self.broker.changes, self._crashes, len(self._paused)
            if now == before:
                if not self._paused:
                    break
                # All that others can do meanwhile is done.
                await self._wake(self._rng.choice(self._paused))
            before = now
            await self._report()
        for place in self._places:
            if self._rng.random() < REBALANCE * self._unrest:
                await self._rebalance(place)

    async def _report(self) -> None:
        """Let everybody say how far they are, in any order, and time go on by it."""
        for worker in self._rng.sample(self._workers, len(self._workers)):
            for act in (worker.journeys.times.report, worker.linking.begin, worker.linking.report):
                if worker in self._workers:  # It may have died of the act before.
                    await self._let(worker, act)
        await self._tick()

    def _unread(self) -> list[Place]:
        """Return the partitions of which not all is processed and committed."""
        return [place for place in self._places if self.broker.committed[place] < len(self.broker.logs[place])]

    def _take_in(self, arriving: Sequence[Touchpoint]) -> None:
        """Append touchpoints and their links as INGEST does; after a crash all of them come again."""
        rng = self._rng
        batches: dict[Place, list[Message]] = defaultdict(list)
        for one in arriving:
            key = one.customer_key.encode()
            place = partition_for(key, self._settings.partitions)
            batches[JOURNEYS_LOG, place].append(Message(key, journey_log.encode(one)))
            for stated_at, message in self._stating.messages_of(one, self._late_before):
                batches[stated_at].append(message)
        if self._crashes > 0 and rng.random() < 0.1:
            self._crashes -= 1
            for place_, messages in batches.items():
                self.broker.append(place_, messages[: rng.randint(0, len(messages))])
            self._stating = stating(self._settings)
            self._take_in(arriving)
        else:
            ends = self.broker.write(batches)
            self._links_end = max(self._links_end, ends.get((LINKS, 0), 0))

    def _repeat(self, watermark: int) -> None:
        """Let some of what has arrived lately arrive once more, as a producer sends it again."""
        again = [one for one in self._arrived[-REPEATED_OF:] if self._rng.random() < REPEATS]
        if again:
            self._take_in([replace(one, watermark=watermark) for one in again])

    def _tell(self, watermark: int) -> None:
        """Report a watermark of each task, and where the links end that it has written."""
        tasks = range(self._settings.partitions)
        found = [TaskWatermark(self._settings.epoch, task, watermark, self._links_end) for task in tasks]
        self.broker.append((WATERMARKS, 0), [Message(one.key, watermarks.encode(one)) for one in found])

    async def _process(self, place: Place) -> None:
        """Let the owner of a partition process its next chunk, and perhaps die of it."""
        rng, worker = self._rng, self._owners[place]
        found = self.broker.chunk(place, rng.choice((1, 2, 5, 30)))
        if found is None:
            return
        chunk, tracker = found
        agents = {LINKS: worker.linking.receive, WATERMARKS: worker.watermarks.receive}
        process = agents.get(place[0], worker.journeys.process)
        await self._let(worker, lambda: process(chunk), tracker)
        if chunk.acked and rng.random() < 0.8:
            # What is acknowledged is committed in time, or not at all: also if its worker has died since.
            self.broker.committed[place] = chunk.last_offset + 1

    async def _let(
        self, worker: Worker, act: Callable[[], Coroutine[Any, Any, None]], tracker: OffsetTracker | None = None
    ) -> None:
        """Let a worker do something, and perhaps die of it, or be paused in it."""
        rng, producer = self._rng, worker.producer
        if self._crashes > 0 and producer.fate == "lives" and rng.random() < DANGER * self._unrest:
            producer.fate = rng.choice(("killed", "paused"))
            producer.writes_left = rng.randrange(WRITES)
        try:
            if producer.fate != "paused":
                await act()
            elif await self._pauses(worker, act):
                # Others take over; it does not know of it before it goes on.
                if tracker is not None:
                    tracker.close()
                    # They are behind, for they read its state first.
                    self._slow = tracker.topic, tracker.partition
                await worker.journeys.times.report()
                self._replace(worker)
        except KilledError:
            self._replace(worker)

    async def _pauses(self, worker: Worker, act: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Let a worker do something, and return whether it was paused in it, by a write."""
        producer = worker.producer
        acting = asyncio.create_task(act())
        pausing = asyncio.create_task(producer.paused.wait())
        await asyncio.wait({acting, pausing}, return_when=asyncio.FIRST_COMPLETED)
        pausing.cancel()
        if not producer.paused.is_set():
            await acting
            return False
        self._late_state.update(place for place in producer.pending if place[0] == JOURNEYS_STATE)
        self._paused.append(Paused(worker, acting, self._rng.choice(LULLS)))
        return True

    async def _wake(self, paused: Paused) -> None:
        """Let a worker go on that was paused: it writes what it was about to write, and learns that others have it.

        Then an hour passes.
        """
        self._paused.remove(paused)
        paused.worker.producer.woken.set()
        with suppress(PartitionRevokedError):
            await paused.acting
        self._pass_an_hour()

    def _pass_an_hour(self) -> None:
        """Let the last entries of the changelogs stay, but of those to which a paused worker was already writing."""
        for number in range(self._settings.partitions):
            if (JOURNEYS_STATE, number) not in self._late_state:
                self.broker.compact((JOURNEYS_STATE, number))

    async def _rebalance(self, place: Place) -> None:
        """Give a partition to another worker; the one that had it may still be writing."""
        worker = self._owners[place]
        if place[0] == LINKS:
            worker.linking.close()
        elif place[0] == WATERMARKS:
            worker.watermarks.close()
        else:
            kept = {number for number in range(self._settings.partitions) if (JOURNEYS_LOG, number) != place}
            worker.journeys.retain(kept)
        self._owners[place] = self._rng.choice(self._workers)

    def _replace(self, dead: Worker) -> None:
        """Start a worker in the place of a dead one; each of its partitions goes to any that lives."""
        self._crashes -= 1
        self._workers[self._workers.index(dead)] = self._start()
        for place, owner in self._owners.items():
            if owner is dead:
                self._owners[place] = self._rng.choice(self._workers)

    def _start(self) -> Worker:
        producer = MortalProducer(self.broker, self._rng)
        return start(
            self._settings,
            self.broker,
            producer,
            lambda worker: self._owners[LINKS, 0] is worker,
            self._signalled_until,
        )

    def restored(self, number: int) -> Partition:
        """Return a partition of the log as its changelog has it."""
        return restored(self._settings, self.broker, number, self._signalled_until)
