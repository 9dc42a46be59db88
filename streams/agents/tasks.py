"""The INGEST tasks of a worker: chunks in; the journeys log, facts and dead letters out.

What a task hands on is written batch by batch, its ticks between them, all under one lock: so that
a clock in the log is never ahead of a record that was to come before it. A chunk is acknowledged
only when Kafka has acknowledged all that came of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from schemas.journey_log import Tick, encode
from schemas.rows import BusinessChangeRow, MarketingSpendRow, encode_rows, topic_of
from schemas.topics import DEAD_LETTERS, JOURNEYS_LOG, TOPIC_KINDS
from streams.agents.validation import STAGE, Validated, Validator
from streams.intake.accept import Accepted
from streams.intake.merge import MergedBatch, MergeRules, PartitionMerge, TooManyRefusalsError
from streams.kafka.offsets import Chunk
from streams.kafka.producer import Batches, Message, partition_for
from streams.runtime.clock import Clock
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings

MOST_MERGED = 2_000
"""Most records of the log written at a time."""
LONGEST_LOOK_S = 0.25

_TABLES = {BusinessChangeRow: "business_changes", MarketingSpendRow: "marketing_spend"}


class Producer(Protocol):
    """What is used of `streams.kafka.producer.BatchProducer`."""

    async def send(self, batches: Batches) -> None:
        """Write all messages and wait until all are acknowledged."""


class Inputs(Protocol):
    """What is used of `streams.kafka.consumer.ChunkConsumer`."""

    def at_end(self, topic: str, partition: int) -> bool:
        """Whether we were given all that the partition held when it was last looked at."""

    def assigned(self, topic: str) -> set[int]:
        """Return the partitions of a topic that are ours."""


@dataclass(frozen=True)
class IngestRules:
    """What of the settings matters here.

    Attributes:
        partitions: of every topic.
        epoch: put above the version of facts.
        tick_s: seconds between ticks.
        look_s: seconds between looks at what is assigned, and whether time has freed something.
        task: the rules of each task.
    """

    partitions: int
    epoch: int
    tick_s: float
    look_s: float
    task: MergeRules

    @classmethod
    def of(cls, settings: Settings) -> IngestRules:
        """Return the rules that the settings make."""
        return cls(
            partitions=settings.partitions,
            epoch=settings.epoch,
            tick_s=settings.tick_s,
            # Silence counts only while a task is asked often enough.
            look_s=min(LONGEST_LOOK_S, settings.idle_s / 4),
            task=MergeRules(
                idle_ms=round(settings.idle_s * 1000),
                max_consecutive_refusals=settings.max_consecutive_refusals,
            ),
        )


class ReceivedChunk(NamedTuple):
    """A chunk and when it came, ms."""

    chunk: Chunk
    at: int


@dataclass
class _Work:
    """A task, and what surrounds it.

    Attributes:
        refused: dead letters of chunks that were added and are not written yet.
        lock: held while anything of the task is being written.
        wake: set when there may be something to write.
        last: the chunk that came last.
        ticked: the clock of its last tick, ms.
    """

    number: int
    task: PartitionMerge[ReceivedChunk, Accepted]
    refused: list[Message] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    last: Chunk | None = None
    ticked: int = 0
    pump: asyncio.Task[None] | None = None


class Ingest:
    """All INGEST tasks of a worker: task p reads partition p of every input topic.

    Every method raises what is no fault of a message. Nothing is acknowledged then, and the worker
    is to stop.

    Args:
        rules: see there.
        validator: decodes and judges messages.
        producer: writes to Kafka.
        inputs: the consumer that the chunks come from.
        telemetry: where it is counted.
        clock: tells the wall-clock time.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        rules: IngestRules,
        validator: Validator,
        producer: Producer,
        inputs: Inputs,
        telemetry: Telemetry,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rules = rules
        self._validator = validator
        self._producer = producer
        self._inputs = inputs
        self._telemetry = telemetry
        self._clock = clock
        self._sleep = sleep
        self._works: dict[int, _Work] = {}
        self._group: asyncio.TaskGroup | None = None
        self._listening = asyncio.Event()
        self._listening.set()

    async def run(self, chunks: AsyncIterator[Chunk]) -> None:
        """Take in chunks, and write what they give and the ticks, until there are no more chunks."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                aside = [
                    group.create_task(self._every(self._rules.tick_s, self.tick)),
                    group.create_task(self._every(self._rules.look_s, self.look)),
                ]
                async for chunk in chunks:
                    await self.receive(chunk)
                for task in aside:
                    task.cancel()
                self.drop()
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from errors
        finally:
            self._group = None
            self._works.clear()

    async def _every(self, seconds: float, do: Callable[[], Awaitable[None]]) -> None:
        while True:
            await do()
            await self._sleep(seconds)

    def drop(self) -> None:
        """Forget all tasks: what they had will be read again, by whoever has their partitions then."""
        for work in list(self._works.values()):
            self._forget(work)

    def _forget(self, work: _Work) -> None:
        del self._works[work.number]
        if work.pump is not None:
            work.pump.cancel()
        if work.ticked:
            self._telemetry.watermark.remove(str(work.number))

    # -- reading ---------------------------------------------------------------------------------

    async def receive(self, chunk: Chunk) -> None:
        """Validator a chunk, and hand what was accepted to its task.

        Raises:
            TooManyRefusalsError: a run of refusals that cannot be meant.
        """
        at = self._clock()
        self._telemetry.messages_received.labels(chunk.topic).inc(len(chunk.records))
        unlearnt = self._validator.unlearnt(chunk)
        unknown = {}
        if unlearnt:
            # Until this chunk is with its task nobody knows what its input has still to say.
            self._listening.clear()
            try:
                unknown = await self._validator.learn(chunk, unlearnt)
            finally:
                self._listening.set()
        if not chunk.current:
            return
        work = self._work(chunk.partition)
        validated = Validated()
        try:
            self._validator.validate(chunk, unknown, work.task, validated)
        except TooManyRefusalsError:
            # Whoever is to look at them finds them among the dead letters, though nothing is acknowledged.
            await self._producer.send({(DEAD_LETTERS, work.number): [*work.refused, *validated.refused]})
            raise
        work.refused += validated.refused
        work.last = chunk
        work.task.add(ReceivedChunk(chunk, at), chunk.topic, validated.accepted, at_end=chunk.at_end, now=self._clock())
        work.wake.set()
        await asyncio.sleep(0)  # chunks that wait already would keep the loop from all else

    async def look(self) -> None:
        """Begin the tasks whose partitions are all ours; wake all, as time may have freed something."""
        for number in set.intersection(*(self._inputs.assigned(name) for name in TOPIC_KINDS)):
            self._work(number).wake.set()

    def _work(self, number: int) -> _Work:
        work = self._works.get(number)
        if work is not None and work.last is not None and not work.last.current:
            self._forget(work)  # a rebalance has been, though nobody told us
            work = None
        if work is None:
            task = PartitionMerge[ReceivedChunk, Accepted](tuple(TOPIC_KINDS), self._rules.task, self._clock())
            work = self._works[number] = _Work(number, task)
            if self._group is not None:
                work.pump = self._group.create_task(self._pump(work), name=f"{STAGE}-{number}")
        return work

    def _see_ends(self, work: _Work) -> None:
        for name in TOPIC_KINDS:
            work.task.set_end(name, self._inputs.at_end(name, work.number))

    # -- writing ---------------------------------------------------------------------------------

    async def _pump(self, work: _Work) -> None:
        while True:
            await work.wake.wait()
            work.wake.clear()
            while await self._write(work):
                pass

    async def _write(self, work: _Work) -> bool:
        """Write a batch and acknowledge the chunks that end with it; return whether there was one."""
        async with work.lock:
            await self._listening.wait()
            self._see_ends(work)
            batch = work.task.drain(MOST_MERGED, self._clock())
            refused, work.refused = work.refused, []
            if not (batch.items or batch.done or refused):
                return False
            await self._producer.send(self._batches(work.number, batch, refused))
            for received in batch.done:
                received.chunk.ack()
        self._count(batch)
        return True

    def _batches(self, number: int, batch: MergedBatch[ReceivedChunk, Accepted], refused: list[Message]) -> Batches:
        """Return the messages that a batch and the refusals until then give."""
        count = self._rules.partitions
        records: list[list[Message]] = [[] for _ in range(count)]
        facts: dict[str, list[Message]] = {table: [] for table in _TABLES.values()}
        for item, watermark in batch.items:
            if isinstance(item, (BusinessChangeRow, MarketingSpendRow)):
                item.version |= self._rules.epoch << 48
                facts[_TABLES[type(item)]].append(Message(None, encode_rows([item])))
                continue
            key = item.customer_key.encode()
            value = encode(replace(item, watermark=watermark))
            records[partition_for(key, count)].append(Message(key, value))
        batches: dict[tuple[str, int], Sequence[Message]] = {(DEAD_LETTERS, number): refused}
        batches |= {(JOURNEYS_LOG, partition): messages for partition, messages in enumerate(records)}
        batches |= {(topic_of(table), number): messages for table, messages in facts.items()}
        return {place: messages for place, messages in batches.items() if messages}

    async def tick(self) -> None:
        """Append each task's clock, where it has moved, to every partition of the log."""
        await asyncio.gather(*(self._tick(work) for work in list(self._works.values())))

    async def _tick(self, work: _Work) -> None:
        async with work.lock:
            await self._listening.wait()
            if self._works.get(work.number) is not work:
                return
            self._see_ends(work)
            clock = work.task.watermark(self._clock())
            if clock <= work.ticked:
                return
            tick = Message(None, encode(Tick(work.number, clock)))
            partitions = range(self._rules.partitions)
            await self._producer.send({(JOURNEYS_LOG, partition): [tick] for partition in partitions})
            work.ticked = clock
            self._telemetry.watermark.labels(str(work.number)).set(clock / 1000)

    def _count(self, batch: MergedBatch[ReceivedChunk, Accepted]) -> None:
        now = self._clock()
        telemetry = self._telemetry
        telemetry.last_success.labels(STAGE).set(now / 1000)
        telemetry.touchpoints_processed.labels(STAGE).inc(len(batch.items))
        if batch.items:
            newest = max(item.occurred_at for item, _ in batch.items)
            telemetry.event_time_lag.labels(STAGE).set((now - newest) / 1000)
        for received in batch.done:
            telemetry.chunk_duration.labels(STAGE).observe((now - received.at) / 1000)
