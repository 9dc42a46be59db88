"""JOURNEYS: reads the journeys log, writes facts, signals and state, a chunk of one partition at a time.

The order of writes makes a crash harmless. First come a chunk's facts, signals and dead letters; then
its state, metric buckets before customers, the partition's position last; then the chunk is
acknowledged. A partition's state is out of the store while a chunk is being processed, and goes back
only when all of it is written: after a cancellation it is restored from the changelog instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from itertools import chain
from typing import Any, cast

import faust
import structlog

from schemas.errors import NOT_READ, TouchlineError
from schemas.journey_log import Touchpoint, decode
from schemas.rows import encode_rows, topic_of
from schemas.topics import JOURNEYS_LOG, JOURNEYS_STATE, LINKS
from schemas.units import DAY_MS, SECOND_MS
from streams.agents.journeys_records import STAGE, Records, Run
from streams.agents.journeys_results import Encoding, Fetch, entries_of
from streams.agents.partition_times import PartitionTimes
from streams.agents.services import Services
from streams.journeys.output import Output
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from streams.kafka.changelog import restore
from streams.kafka.consumer import chunks_of, topic
from streams.kafka.offsets import Chunk, Record
from streams.kafka.producer import Batches, Ends, Message
from streams.kafka.reader import read_one
from streams.runtime.exit import exit_on_error
from streams.runtime.turn import Turn
from streams.settings import Settings

ONCE_MORE = (None,)
"""Behind a record that had one part."""
REBUILDING = "docs/operating.md#rebuilding"
CLOCKS = topic_of("clocks")
MAX_RECORDS = 10_000
"""About the most records that are applied before their writes."""
MAX_UNWRITTEN_BYTES = 16 << 20
"""When about so many bytes wait to be written, they are, also amid a chunk: a small record may move many large ones."""

Restore = Callable[[int], Awaitable[Partition]]

log = structlog.get_logger(__name__)


class JourneyLogError(TouchlineError):
    """The journeys log is not the one that our state was made of, or something else wrote to it."""


class PartitionRevokedError(TouchlineError):
    """The partition was revoked while a chunk of it was being processed."""


def register(app: faust.App, services: Services) -> None:
    """Add the agent to an app."""
    journeys = Journeys(services)

    @app.agent(topic(app, [JOURNEYS_LOG]), name=STAGE)
    async def run(stream: faust.StreamT[Any]) -> None:
        with exit_on_error(STAGE):
            await journeys.run(chunks_of(stream))

    async def retain(_app: object, assigned: set[Any], **_: Any) -> None:
        journeys.retain({tp.partition for tp in assigned if tp.topic == JOURNEYS_LOG})

    # Faust's type of a handler does not name its arguments.
    app.on_partitions_assigned.connect(cast(Any, retain), weak=False)


def rules_of(settings: Settings, signalled_until: int = 0) -> Rules:
    """Return the settings as the journeys' own rules, with up to when what happened was signalled before, ms."""
    return Rules(
        timer_delay_ms=settings.timer_delay_s * 1000,
        allowed_lateness_ms=settings.allowed_lateness_days * DAY_MS,
        moved_ms=settings.moved_days * DAY_MS,
        profile_retention_ms=settings.profile_retention_days * DAY_MS,
        dimensions=settings.dimensions,
        dimension_values=settings.metric_values,
        epoch=settings.epoch,
        signalled_until=signalled_until,
        order_source=settings.order_source,
        follow_ups=settings.follow_up_rules,
    )


class Journeys:
    """The partitions of the log that are ours, each processed by a task of its own.

    Args:
        services: write, count, tell the time.
        restore: returns a partition of the log with the state in its changelog.
        fetch: returns a record by topic, partition and offset; None where the topic lacks it.

    Attributes:
        times: how far the partitions have come.
    """

    def __init__(self, services: Services, restore: Restore | None = None, fetch: Fetch | None = None) -> None:
        self._services = services
        self.times = PartitionTimes(services)
        self._restore = restore or self._restore_from_kafka
        self._fetch = fetch or self._fetch_from_kafka
        self._records = Records(services)
        self._encoding = Encoding(services, self._fetch)
        self._states: dict[int, Partition] = {}
        self._queues: dict[int, asyncio.Queue[Chunk]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._state_ends: dict[int, int] = {}
        self._overtaken: set[int] = set()

    async def run(self, chunks: AsyncIterator[Chunk]) -> None:
        """Give every chunk to its partition's task; while one awaits Kafka, others compute."""
        reporting = asyncio.create_task(self.times.report_for_ever(), name="journeys-times")
        try:
            async for chunk in chunks:
                self._queue(chunk.partition).put_nowait(chunk)
        finally:
            for task in (reporting, *self._tasks.values()):
                task.cancel()
            self._tasks.clear()
            self._queues.clear()

    def retain(self, partitions: set[int]) -> None:
        """Forget the state of all but some partitions: the others are no longer ours."""
        self.times.retain(partitions)
        self._services.backlog.forget()
        self._state_ends = {number: end for number, end in self._state_ends.items() if number in partitions}
        telemetry = self._services.telemetry
        for revoked in self._states.keys() - partitions:
            del self._states[revoked]
            with suppress(KeyError):
                for kind in ("customers", "buckets"):
                    telemetry.state_entries.remove(str(revoked), kind)

    async def process(self, *chunks: Chunk) -> None:
        """Process chunks of one partition that follow one another, up to their acknowledgement.

        Raises:
            PartitionRevokedError: the partition was revoked meanwhile; nothing is acknowledged.
            JourneyLogError: a record cannot be read, or the log was recreated without its state.
        """
        first = chunks[0]
        number = first.partition
        state = self._states.pop(number, None)
        if state is None or first.first_offset > state.offset + 1:
            state = await self._restore(number)
            self._log_gap(state, first)
        if chunks[-1].last_offset < state.offset:
            await self._check_same_log(state, chunks[-1])
        run, turn = Run(), Turn()
        for chunk in chunks:
            run = await self._apply(state, chunk, run, turn)
        await self._flush(state, first, run, turn)
        if number in self._overtaken:
            # A restore finds what of it is older, and has it written again, before compaction leaves it alone.
            self._overtaken.remove(number)
            log.warning("another worker has written to our changelog: state is read back", partition=number)
        else:
            self._states[number] = state
        self.times.reach(number, state.clock, state.links_end)
        if first.current:
            self._services.backlog.shrink(number, state.offset + 1)
        for chunk in chunks:
            chunk.ack()

    async def _flush(self, state: Partition, chunk: Chunk, run: Run, turn: Turn) -> None:
        """Write what a run of records has brought about, wherever in a chunk the last of them is.

        A crash behind it leaves a state that is ahead of what is acknowledged: records up to its position are passed
        over when they come again. Others have their turn meanwhile; nobody has the state's partition but its task, and
        nothing is written before all of it is there.
        """
        output = await turn.take(state.flushing())
        await self._write(chunk, state, output, turn)
        self._records.record(state, output, run)
        await turn.take(output.emptying())

    def _log_gap(self, state: Partition, chunk: Chunk) -> None:
        """Log which records are missing between the state and a chunk: without transactions, offsets have no holes."""
        expected = state.offset + 1
        if state.offset < 0 or chunk.first_offset <= expected:
            return
        telemetry, number = self._services.telemetry, str(chunk.partition)
        telemetry.log_gaps.labels(number).inc()
        telemetry.log_gap.labels(number).set(self._services.clock() / SECOND_MS)
        log.error(
            "records of the journeys log were gone before they were read: figures lack their touchpoints. "
            f"To have them, see {REBUILDING}",
            topic=JOURNEYS_LOG,
            partition=chunk.partition,
            first_missing=expected,
            last_missing=chunk.first_offset - 1,
        )

    async def _check_same_log(self, state: Partition, chunk: Chunk) -> None:
        """Raise JourneyLogError unless a chunk that is behind the state is only read again.

        A log loses its oldest records first: one that holds the chunk's, but not the last one that the state has
        applied, was recreated.
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
            self._tasks[number] = asyncio.create_task(self._process_queue(queue), name=f"journeys-{number}")
        return queue

    async def _process_queue(self, queue: asyncio.Queue[Chunk]) -> None:
        with exit_on_error(STAGE):
            while True:
                chunks = [await queue.get()]
                # Chunks that came in during the last writes are written in one go.
                while not queue.empty() and sum(len(chunk.records) for chunk in chunks) < MAX_RECORDS:
                    chunks.append(queue.get_nowait())
                current = [chunk for chunk in chunks if chunk.current]
                try:
                    if current:
                        await self.process(*current)
                except PartitionRevokedError:
                    log.info("partition revoked while a chunk of it was processed", partition=current[0].partition)

    async def _apply(self, state: Partition, chunk: Chunk, run: Run, turn: Turn) -> Run:
        """Apply a chunk's records, and write what they bring about where that is much; return the run of the last."""
        for record in chunk.records:
            try:
                read = decode(record.value or b"")
            except NOT_READ as error:
                raise JourneyLogError(
                    f"{JOURNEYS_LOG}, partition {chunk.partition}, offset {record.offset} is no "
                    f"record of this release's log ({error}): another release or program has written to it. "
                    f"Make the log and all that belongs to it anew: {REBUILDING}"
                ) from error
            if isinstance(read, Touchpoint) and read.occurred_at > run.newest:
                run.newest = read.occurred_at
            for _ in chain(state.apply_in_parts(record.offset, read, record.value or b""), ONCE_MORE):
                if turn.is_over:
                    await turn.give()
            if state.unwritten_bytes >= MAX_UNWRITTEN_BYTES:
                await self._flush(state, chunk, run, turn)
                run = Run()
        return run

    async def _write(self, chunk: Chunk, state: Partition, output: Output, turn: Turn) -> None:
        # The clock follows the rows: a reader that waits for a time finds all rows that were due by then.
        clock = [Message(None, encode_rows(output.facts.pop("clocks")))]
        ends = await self._send(chunk, await self._encoding.results(chunk.partition, output, turn))
        if output.links:
            state.wrote_links(output, ends[LINKS, 0])
        # One list keeps one order: the producer waits for each batch of it before it sends the next, and Kafka has a
        # batch whole or not at all. So after a crash the changelog holds a prefix of the list.
        entries = await turn.take(entries_of(output))
        batches = {(JOURNEYS_STATE, chunk.partition): entries, (CLOCKS, chunk.partition): clock}
        self._note_end(chunk.partition, len(entries), await self._send(chunk, batches))

    def _note_end(self, number: int, count: int, ends: Ends) -> None:
        """Note where a partition's changelog ends; and whether there is more than what was written here."""
        end = ends[JOURNEYS_STATE, number]
        if self._state_ends.get(number, end - count) != end - count:
            self._overtaken.add(number)
        self._state_ends[number] = end

    async def _send(self, chunk: Chunk, batches: Batches) -> Ends:
        # The partition's next owner writes the same rows; but our state must not overtake its own.
        if not chunk.current:
            raise PartitionRevokedError
        return await self._services.producer.send(batches)

    async def _restore_from_kafka(self, number: int) -> Partition:
        settings = self._services.settings
        rules = rules_of(settings, self._services.signalled_until)
        fresh = Partition(number, settings.partitions, rules)
        return await restore(settings, self._services.telemetry, number, fresh)

    async def _fetch_from_kafka(self, source: str, partition: int, offset: int) -> Record | None:
        return await read_one(self._services.settings, source, partition, offset)
