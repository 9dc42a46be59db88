"""JOURNEYS: the journeys log in, facts, signals and state out, a chunk of one partition at a time.

The order of writes is what makes a crash harmless: what a chunk gave; then the state it left, metric
buckets before customers, and how far the partition has come last of all; and only then the chunk is
acknowledged. A partition's state is out of the store while a chunk is in work, and goes back only
when all of it is written: what was cancelled midway is read back from the changelog instead.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, cast

import faust
import msgspec
import structlog

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.errors import TouchlineError
from schemas.journey_log import Tick, decode
from schemas.rows import Row, encode_rows, topic_of
from schemas.topics import DEAD_LETTERS, JOURNEYS_LOG, JOURNEYS_STATE, KIND_TOPICS
from schemas.units import DAY_MS
from streams.agents.dead_letters import dead_letter, lost_letter
from streams.agents.services import Services
from streams.journeys.partition import Collision, Output, Partition, Rules
from streams.kafka.changelog import restore
from streams.kafka.consumer import chunks_of, topic
from streams.kafka.offsets import Chunk, Record
from streams.kafka.producer import Message, partition_for
from streams.kafka.reader import read_one
from streams.runtime.exit import exit_on_error
from streams.settings import Settings

STAGE = "journeys"
YIELD_EVERY = 200
"""Records after which the event loop gets its turn, so that heartbeats and other tasks live."""
REBUILDING = "docs/operating.md#rebuilding"
CLOCKS = topic_of("clocks")
MOST_RECORDS = 10_000
"""About the most records that are computed before their writes."""
MOST_ROWS = 500
MOST_BYTES = 256 << 10
"""Rows, and about how many bytes of them, in one message of a facts topic."""

Restore = Callable[[int], Awaitable[Partition]]
Fetch = Callable[[str, int, int], Awaitable[Record | None]]

log = structlog.get_logger(__name__)


class JourneyLogError(TouchlineError):
    """The journeys log is not the one that our state was made of, or not of our making."""


class PartitionRevokedError(TouchlineError):
    """The partition was taken away while a chunk of it was in work."""


def register(app: faust.App, services: Services) -> None:
    """Add the agent to an app."""
    journeys = Journeys(services)

    @app.agent(topic(app, [JOURNEYS_LOG]), name=STAGE)
    async def run(stream: faust.StreamT[Any]) -> None:
        with exit_on_error(STAGE):
            await journeys.run(stream)

    async def keep_only(_app: object, assigned: set[Any], **_: Any) -> None:
        journeys.keep_only({tp.partition for tp in assigned if tp.topic == JOURNEYS_LOG})

    # Faust's type of a handler does not name what it is called with.
    app.on_partitions_assigned.connect(cast(Any, keep_only), weak=False)


def rules_of(settings: Settings) -> Rules:
    """Return the settings as the journeys' own rules."""
    return Rules(
        timer_delay_ms=settings.timer_delay_s * 1000,
        allowed_lateness_ms=settings.allowed_lateness_days * DAY_MS,
        dimensions=settings.dimensions,
        epoch=settings.epoch,
    )


class Journeys:
    """The partitions of the log that are ours, each worked on by a task of its own."""

    def __init__(self, services: Services, read_back: Restore | None = None, fetch: Fetch | None = None) -> None:
        self._services = services
        self._read_back = read_back or self._restore
        self._fetch = fetch or self._original
        self._codec = Codec(FileRegistry())
        self._states: dict[int, Partition] = {}
        self._queues: dict[int, asyncio.Queue[Chunk]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self, stream: faust.StreamT[Any]) -> None:
        """Hand every chunk to its partition's task; while one awaits Kafka, others compute."""
        try:
            async for chunk in chunks_of(stream):
                self._queue(chunk.partition).put_nowait(chunk)
        finally:
            for task in self._tasks.values():
                task.cancel()
            self._tasks.clear()
            self._queues.clear()

    def keep_only(self, partitions: set[int]) -> None:
        """Forget the state of partitions that are no longer ours."""
        for gone in self._states.keys() - partitions:
            del self._states[gone]
            with suppress(KeyError):
                self._services.telemetry.partition_time.remove(str(gone))
                for kind in ("customers", "buckets"):
                    self._services.telemetry.state_entries.remove(str(gone), kind)

    async def process(self, *chunks: Chunk) -> None:
        """Work on chunks of one partition that follow one another, to their acknowledgement.

        Raises:
            PartitionRevokedError: the partition was taken away meanwhile; nothing is acknowledged.
            JourneyLogError: a record cannot be read, or the log was made anew without its state.
        """
        began = time.monotonic()
        first = chunks[0]
        number = first.partition
        state = self._states.pop(number, None)
        if state is None or first.first_offset > state.offset + 1:
            state = await self._read_back(number)
            self._note_gap(state, first)
        if chunks[-1].last_offset < state.offset:
            await self._check_same_log(state, chunks[-1])
        newest = 0
        for chunk in chunks:
            newest = max(newest, await self._apply(state, chunk))
        output = state.flush()
        await self._write(first, output)
        self._states[number] = state
        for chunk in chunks:
            chunk.ack()
        self._measure(state, output, newest, time.monotonic() - began)

    def _note_gap(self, state: Partition, chunk: Chunk) -> None:
        """Say which records are missing between the state and a chunk: no transactions, so offsets have no holes."""
        wanted = state.offset + 1
        if state.offset < 0 or chunk.first_offset <= wanted:
            return
        self._services.telemetry.log_gaps.labels(str(chunk.partition)).inc()
        log.error(
            "records of the journeys log were gone before they were read: figures lack their touchpoints. "
            f"To have them, see {REBUILDING}",
            topic=JOURNEYS_LOG,
            partition=chunk.partition,
            first_missing=wanted,
            last_missing=chunk.first_offset - 1,
        )

    async def _check_same_log(self, state: Partition, chunk: Chunk) -> None:
        """Raise JourneyLogError where a chunk that is behind the state is not merely read again.

        A log loses its oldest records first: one that has the chunk's, and not the last that the state has applied,
        was made anew.
        """
        if await self._fetch(JOURNEYS_LOG, chunk.partition, state.offset) is None:
            raise JourneyLogError(
                f"{JOURNEYS_LOG}, partition {chunk.partition}, ends before offset {state.offset}, up to which "
                f"{JOURNEYS_STATE} has applied it: the log was made anew, and what is in it would be passed over. "
                f"Make both anew, with all that belongs to it: {REBUILDING}"
            )

    def _queue(self, number: int) -> asyncio.Queue[Chunk]:
        queue = self._queues.get(number)
        if queue is None:
            queue = self._queues[number] = asyncio.Queue()
            self._tasks[number] = asyncio.create_task(self._work(queue), name=f"journeys-{number}")
        return queue

    async def _work(self, queue: asyncio.Queue[Chunk]) -> None:
        with exit_on_error(STAGE):
            while True:
                chunks = [await queue.get()]
                # What came in while the last chunks were being written is written in one go.
                while not queue.empty() and sum(len(chunk.records) for chunk in chunks) < MOST_RECORDS:
                    chunks.append(queue.get_nowait())
                current = [chunk for chunk in chunks if chunk.current]
                try:
                    if current:
                        await self.process(*current)
                except PartitionRevokedError:
                    log.info("partition taken away while in work", partition=current[0].partition)

    async def _apply(self, state: Partition, chunk: Chunk) -> int:
        """Apply a chunk's records; return the latest `occurred_at` among them, 0 without one."""
        newest = 0
        for count, record in enumerate(chunk.records, start=1):
            try:
                read = decode(record.value or b"")
            except msgspec.MsgspecError as error:
                raise JourneyLogError(
                    f"{JOURNEYS_LOG}, partition {chunk.partition}, offset {record.offset} is no "
                    f"record of the log ({error}): something else has written to it"
                ) from error
            state.apply(record.offset, read)
            if not isinstance(read, Tick) and read.occurred_at > newest:
                newest = read.occurred_at
            if count % YIELD_EVERY == 0:
                await asyncio.sleep(0)
        return newest

    async def _write(self, chunk: Chunk, output: Output) -> None:
        state = (JOURNEYS_STATE, chunk.partition)
        # The clock follows the rows it speaks for: whoever waits for a time finds all that was due by then.
        clock = [Message(None, encode_rows(output.facts.pop("clocks")))]
        # One list, so one order: the producer waits for each batch of it before it sends the next, and a batch is
        # in the log whole or not at all. So after a crash the changelog holds a beginning of it.
        entries = [*output.buckets, *output.customers, *output.forgotten, output.position]
        steps = [
            await self._products(chunk.partition, output),
            {state: _entries(entries), (CLOCKS, chunk.partition): clock},
        ]
        for batches in steps:
            # Whoever owns the partition now writes the same rows; but its state must not be
            # overtaken by ours.
            if not chunk.current:
                raise PartitionRevokedError
            await self._services.producer.send(batches)

    async def _products(self, number: int, output: Output) -> dict[tuple[str, int], list[Message]]:
        batches: dict[tuple[str, int], list[Message]] = defaultdict(list)
        for table, rows in output.facts.items():
            messages = [Message(None, value) for value in encoded(rows)]
            if messages:
                batches[topic_of(table), number] = messages
        for signal in output.signals:
            place = partition_for(signal.key, self._services.settings.partitions)
            value = self._codec.encode(signal.name, signal.record)
            batches[signal.topic, place].append(Message(signal.key, value))
        for collision in output.collisions:
            batches[DEAD_LETTERS, collision.task].append(await self._letter(collision))
        return batches

    async def _letter(self, collision: Collision) -> Message:
        source = KIND_TOPICS[collision.kind]
        found = await self._fetch(source, collision.task, collision.source_offset)
        about: dict[str, Any] = {
            "topic": source,
            "partition": collision.task,
            "reason": "event_id_collision",
            "detail": collision.detail,
            "stage": STAGE,
            "at_ms": time.time_ns() // 1_000_000,
        }
        if found is None:
            return lost_letter(offset=collision.source_offset, **about)
        return dead_letter(found, **about)

    async def _restore(self, number: int) -> Partition:
        settings = self._services.settings
        fresh = Partition(number, settings.partitions, rules_of(settings))
        return await restore(settings, self._services.telemetry, number, fresh)

    async def _original(self, source: str, partition: int, offset: int) -> Record | None:
        return await read_one(self._services.settings, source, partition, offset)

    def _measure(self, state: Partition, output: Output, newest: int, took: float) -> None:
        telemetry, counts, now = self._services.telemetry, output.counts, time.time()
        number = str(state.number)
        telemetry.chunk_duration.labels(STAGE).observe(took)
        telemetry.touchpoints_processed.labels(STAGE).inc(counts["touchpoints"])
        telemetry.duplicates.inc(counts["duplicates"])
        telemetry.late_touchpoints.inc(counts["late"])
        telemetry.refolds.inc(counts["refolds"])
        telemetry.deadlines_fired.inc(counts["deadlines"])
        telemetry.messages_refused.labels("event_id_collision").inc(len(output.collisions))
        for signal in output.signals:
            telemetry.signals.labels(signal.topic).inc()
        telemetry.partition_time.labels(number).set(state.time / 1000)
        telemetry.last_success.labels(STAGE).set(now)
        if newest:
            telemetry.event_time_lag.labels(STAGE).set(now - newest / 1000)
        for kind, size in state.sizes.items():
            telemetry.state_entries.labels(number, kind).set(size)


def _entries(entries: Sequence[tuple[bytes, bytes | None]]) -> list[Message]:
    return [Message(key, value) for key, value in entries]


def encoded(rows: Sequence[Row]) -> Iterator[bytes]:
    """Yield rows as the values of facts messages, none much larger than it should be."""
    for start in range(0, len(rows), MOST_ROWS):
        yield from _halved(rows[start : start + MOST_ROWS])


def _halved(rows: Sequence[Row]) -> Iterator[bytes]:
    value = encode_rows(rows)
    if len(value) <= MOST_BYTES or len(rows) == 1:
        yield value
        return
    middle = len(rows) // 2
    yield from _halved(rows[:middle])
    yield from _halved(rows[middle:])
