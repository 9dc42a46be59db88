"""JOURNEYS: reads the journeys log, writes facts, signals and state, a chunk of one partition at a time.

The order of writes makes a crash harmless. First come a chunk's facts, signals and dead letters; then
its state, metric buckets before customers, the partition's position last; then the chunk is
acknowledged. A partition's state is out of the store while a chunk is being processed, and goes back
only when all of it is written: after a cancellation it is restored from the changelog instead.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import Any, cast

import faust
import structlog

from schemas import dead_letters, erasures, identity_links
from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.dead_letters import DeadLetter, rfc3339
from schemas.erasures import ERASED, ERASED_FROM
from schemas.errors import NOT_READ, TouchlineError
from schemas.journey_log import Touchpoint, decode
from schemas.rows import FOLLOWERS, encode_rows, topic_of
from schemas.topics import DEAD_LETTERS, JOURNEYS_LOG, JOURNEYS_STATE, LINKS
from schemas.units import DAY_MS, SECOND_MS
from streams.agents.facts import encode_facts
from streams.agents.journeys_records import STAGE, Records, Run
from streams.agents.partition_times import PartitionTimes
from streams.agents.services import YIELD_AFTER_S, Services
from streams.journeys.output import Output, Refused
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from streams.kafka.changelog import restore
from streams.kafka.consumer import chunks_of, topic
from streams.kafka.offsets import Chunk, Record
from streams.kafka.producer import Batches, Ends, Message, partition_for
from streams.kafka.reader import read_one
from streams.runtime.exit import exit_on_error
from streams.runtime.logging import Sampler
from streams.settings import Settings

ONCE_MORE = (None,)
"""Behind a record that had one part."""
REBUILDING = "docs/operating.md#rebuilding"
CLOCKS = topic_of("clocks")
MAX_RECORDS = 10_000
"""About the most records that are applied before their writes."""
MAX_UNWRITTEN_BYTES = 16 << 20
"""When about so many bytes wait to be written, they are, also amid a chunk: a small record may move many large ones."""
REFUSED_FETCHED = 200
REFUSED_BYTES = 16 << 20
"""Of a chunk's refused touchpoints so many, and about so many bytes of them, are fetched from their topics."""

Restore = Callable[[int], Awaitable[Partition]]
Fetch = Callable[[str, int, int], Awaitable[Record | None]]

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
        self._codec = Codec(FileRegistry())
        self._refusals = Sampler()
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
        self._services.backlog.retain(partitions)
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
        run = Run()
        for chunk in chunks:
            run = await self._apply(state, chunk, run)
        await self._flush(state, first, run)
        if number in self._overtaken:
            # A restore finds what of it is older, and has it written again, before compaction leaves it alone.
            self._overtaken.remove(number)
            log.warning("another worker has written to our changelog: state is read back", partition=number)
        else:
            self._states[number] = state
        self.times.reach(number, state.clock, state.links_end)
        self._services.backlog.shrink(number, state.offset + 1)
        for chunk in chunks:
            chunk.ack()

    async def _flush(self, state: Partition, chunk: Chunk, run: Run) -> None:
        """Write what a run of records has brought about, wherever in a chunk the last of them is.

        A crash behind it leaves a state that is ahead of what is acknowledged: records up to its position are passed
        over when they come again.
        """
        output = state.flush()
        await self._write(chunk, state, output)
        self._records.record(state, output, run)

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

    async def _apply(self, state: Partition, chunk: Chunk, run: Run) -> Run:
        """Apply a chunk's records, and write what they bring about where that is much; return the run of the last."""
        began = time.monotonic()
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
                if time.monotonic() - began >= YIELD_AFTER_S:
                    await asyncio.sleep(0)
                    began = time.monotonic()
            if state.unwritten_bytes >= MAX_UNWRITTEN_BYTES:
                await self._flush(state, chunk, run)
                run, began = Run(), time.monotonic()
        return run

    async def _write(self, chunk: Chunk, state: Partition, output: Output) -> None:
        # The clock follows the rows: a reader that waits for a time finds all rows that were due by then.
        clock = [Message(None, encode_rows(output.facts.pop("clocks")))]
        ends = await self._send(chunk, await self._results(chunk.partition, output))
        if output.links:
            state.wrote_links(output, ends[LINKS, 0])
        # One list keeps one order: the producer waits for each batch of it before it sends the next, and Kafka has a
        # batch whole or not at all. So after a crash the changelog holds a prefix of the list.
        entries = {(JOURNEYS_STATE, chunk.partition): _entries(output.state), (CLOCKS, chunk.partition): clock}
        self._note_end(chunk.partition, len(output.state), await self._send(chunk, entries))

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

    async def _results(self, number: int, output: Output) -> dict[tuple[str, int], list[Message]]:
        batches: dict[tuple[str, int], list[Message]] = defaultdict(list)
        # A follower's rows stand behind those that they speak of, in the same partition of the same topic.
        for table in sorted(output.facts, key=FOLLOWERS.__contains__):
            follows = table in FOLLOWERS
            key, to = (table.encode(), "touchpoints") if follows else (None, table)
            messages = [Message(key, value) for value in encode_facts(output.facts[table])]
            if messages:
                batches[topic_of(to), number] += messages
        for erased in output.erased_rows:
            for table in ERASED_FROM:
                batches[topic_of(table), number].append(Message(ERASED, erasures.encode(erased)))
        for signal in output.signals:
            place = partition_for(signal.key, self._services.settings.partitions)
            value = self._codec.encode(signal.name, signal.record)
            batches[signal.topic, place].append(Message(signal.key, value))
        for customer_key, record in output.forwarded:
            key = customer_key.encode()
            place = partition_for(key, self._services.settings.partitions)
            batches[JOURNEYS_LOG, place].append(Message(key, record))
        if output.links:
            batches[LINKS, 0] = [Message(None, identity_links.encode(link)) for link in output.links]
        room = REFUSED_BYTES
        for count, refused in enumerate(output.refused):
            letter = await self._dead_letter(refused, is_fetched=count < REFUSED_FETCHED and room > 0)
            room -= letter.size
            batches[DEAD_LETTERS, refused.partition % self._services.settings.partitions].append(letter)
        return batches

    async def _dead_letter(self, refused: Refused, *, is_fetched: bool) -> Message:
        place = refused.topic, refused.partition, refused.offset
        count = self._refusals.count((refused.topic, refused.reason))
        if count:
            log.warning(
                "touchpoints were refused; this is one of them. Their details: touchline dlq list",
                reason=refused.reason,
                topic=refused.topic,
                partition=refused.partition,
                offset=refused.offset,
                refused_since_last_logged=count,
            )
        is_withheld = self._services.settings.has_pseudonyms
        found = await self._fetch(*place) if is_fetched and not is_withheld else None
        letter = DeadLetter(
            reason=refused.reason,
            detail=refused.detail,
            stage=STAGE,
            topic=refused.topic,
            partition=refused.partition,
            offset=refused.offset,
            at=rfc3339(self._services.clock()),
        )
        if is_withheld:
            return Message(*dead_letters.encode(dead_letters.without_contents(letter)))
        if not is_fetched:
            return Message(*dead_letters.encode_left(letter))
        if found is None:
            return Message(*dead_letters.encode_lost(letter))
        letter = replace(letter, key=found.key, value=found.value, headers=found.headers)
        return Message(*dead_letters.encode(letter))

    async def _restore_from_kafka(self, number: int) -> Partition:
        settings = self._services.settings
        rules = rules_of(settings, self._services.signalled_until)
        fresh = Partition(number, settings.partitions, rules)
        return await restore(settings, self._services.telemetry, number, fresh)

    async def _fetch_from_kafka(self, source: str, partition: int, offset: int) -> Record | None:
        return await read_one(self._services.settings, source, partition, offset)


def _entries(entries: Sequence[tuple[bytes, bytes | None]]) -> list[Message]:
    return [Message(key, value) for key, value in entries]
