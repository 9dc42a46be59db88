"""Waits until everything that was published is in the tables, and reports the progress."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from schemas.rows import ClockRow, topic_of
from schemas.topics import DEAD_LETTERS, FACTS_TOPICS, JOURNEYS_LOG, LINKS
from schemas.units import DAY_MS
from streams.kafka.admin import partition_counts
from streams.kafka.admin_client import AdminClient
from streams.settings import Settings

CLOCKS = topic_of("clocks")
POLL_S = 0.25

Stage = Literal["journeys", "identities", "storing"]
"""What is under way: touchpoints become journeys, the last links tell who is who, the last rows are stored."""

_clock_rows = msgspec.msgpack.Decoder(tuple[int, list[ClockRow]])


@dataclass(frozen=True)
class Progress:
    """The progress of one stage.

    Attributes:
        done: records that the stage has finished and committed.
        total: records of the stage.
    """

    stage: Stage
    done: int
    total: int


async def wait_until_caught_up(settings: Settings, since_ms: int, on_progress: Callable[[Progress], None]) -> None:
    """Wait until everything that was published before `since_ms`, and all that follows from it, is stored.

    That includes every timer up to `since_ms` less the timers' delay, and what moves. First the settled time has to
    reach `since_ms`, less the time for which touchpoints move, in every log partition, whose own time is at `since_ms`
    then. Then IDENTITY has to commit all links that were written by that moment, and the sink all facts and dead
    letters that were written by the next, which it does after their rows are in ClickHouse. The wait has no limit: set
    one with `asyncio.timeout`.

    Args:
        settings: those of the workers and the sink; the broker asks for no password.
        since_ms: epoch milliseconds, after the last publication.
        on_progress: called several times a second; an error that it raises ends the wait.
    """
    async with _watching(settings, on_progress) as watch:
        await watch.clocks_reach(since_ms)
        await watch.links_are_read()
        await watch.sink_reaches_the_end()


async def wait_until_sink_caught_up(settings: Settings) -> None:
    """Wait until the sink has done all that facts and dead letters say by now; the wait has no limit."""
    async with _watching(settings, lambda _progress: None) as watch:
        await watch.sink_reaches_the_end()


@asynccontextmanager
async def _watching(settings: Settings, on_progress: Callable[[Progress], None]) -> AsyncIterator[_Watch]:
    clocks = AIOKafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False)
    # A second connection: its answers must not queue behind a fetch that waits for records.
    offsets = AIOKafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False)
    admin = AdminClient(bootstrap_servers=settings.kafka)
    try:
        await clocks.start()
        await offsets.start()
        await admin.start()
        yield _Watch(clocks, offsets, admin, settings, on_progress)
    finally:
        await admin.close()
        await offsets.stop()
        await clocks.stop()


class _Watch:
    def __init__(
        self,
        clocks: AIOKafkaConsumer,
        offsets: AIOKafkaConsumer,
        admin: AdminClient,
        settings: Settings,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._clocks = clocks
        self._offsets = offsets
        self._admin = admin
        self._settings = settings
        self._on_progress = on_progress

    async def clocks_reach(self, since_ms: int) -> None:
        """Wait until the newest clock of every partition says that all partitions were at `since_ms` or later."""
        partitions = self._of([CLOCKS])
        self._clocks.assign(partitions)
        for partition, (begin, end) in (await self._spans(partitions)).items():
            self._clocks.seek(partition, max(begin, end - 1))
        counts = await partition_counts(self._settings)
        inputs = [TopicPartition(topic, n) for topic in self._settings.inputs for n in range(counts.get(topic, 0))]
        inputs += self._of([JOURNEYS_LOG])
        clocks = dict.fromkeys(range(self._settings.partitions), 0)
        # For so long what happened before a link can still move: that much behind, all that was published is decided.
        settled_by = since_ms - self._settings.moved_days * DAY_MS
        while True:
            records = await self._clocks.getmany(timeout_ms=int(POLL_S * 1000))
            for batch in records.values():
                _, newest = _clock_rows.decode(batch[-1].value)
                clocks.update((row.partition, row.settled) for row in newest)
            done, total = await self._committed("streams", await self._spans(inputs))
            self._on_progress(Progress("journeys", done, total))
            if min(clocks.values()) >= settled_by:
                return

    async def links_are_read(self) -> None:
        """Wait until IDENTITY has committed all links that are written by now: its rows are facts then."""
        await self._until_committed("streams", "identities", [TopicPartition(LINKS, 0)])

    async def sink_reaches_the_end(self) -> None:
        """Wait until the sink has committed all facts and dead letters that are written by now."""
        await self._until_committed("sink", "storing", self._of([*FACTS_TOPICS, DEAD_LETTERS]))

    async def _until_committed(self, role: str, stage: Stage, places: list[TopicPartition]) -> None:
        """Wait until the group of a role has committed all records that are in some partitions by now."""
        spans = await self._true_spans(places)
        while True:
            done, total = await self._committed(role, spans)
            self._on_progress(Progress(stage, done, total))
            if done == total:
                return
            await asyncio.sleep(POLL_S)

    def _of(self, topics: Iterable[str]) -> list[TopicPartition]:
        return [TopicPartition(topic, n) for topic in topics for n in range(self._settings.partitions)]

    async def _spans(self, places: list[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """Return the first and the end offset of each partition, exact enough for a progress bar.

        The embedded broker takes the first record of the last batch for the last, so an end may be too low.
        """
        begins = await self._offsets.beginning_offsets(places)
        ends = await self._offsets.end_offsets(places)
        return {place: (begins[place], ends[place]) for place in places}

    async def _true_spans(self, places: list[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """Return the first and the end offset of each partition; the ends of fetch responses are exact."""
        spans = await self._spans(places)
        async with _started(AIOKafkaConsumer(bootstrap_servers=self._settings.kafka, fetch_max_wait_ms=20)) as fetching:
            # Assigned once: aiokafka's `stop` may wait for ever after a change of assignment.
            fetching.assign(places)
            for place, (_, end) in spans.items():
                fetching.seek(place, end)
            while any(fetching.highwater(place) is None for place in places):
                await fetching.getmany(timeout_ms=int(POLL_S * 1000))
            return {place: (begin, fetching.highwater(place)) for place, (begin, _) in spans.items()}

    async def _committed(self, role: str, spans: dict[TopicPartition, tuple[int, int]]) -> tuple[int, int]:
        """Return how many records of `spans` the group of a role has committed, and how many there are."""
        offsets = await self._offsets_of(self._settings.group(role), list(spans))
        done = total = 0
        for place, (begin, end) in spans.items():
            committed = offsets[place].offset if place in offsets else -1
            done += min(max(committed, begin), end) - begin
            total += end - begin
        return done, total

    async def _offsets_of(self, group: str, places: list[TopicPartition]) -> Mapping[TopicPartition, OffsetAndMetadata]:
        try:
            # Every partition is named: the embedded broker does not list a group's offsets unasked.
            offsets: Mapping[TopicPartition, OffsetAndMetadata] = await self._admin.list_consumer_group_offsets(
                group, partitions=places
            )
        except KafkaError as error:
            # A broker that has just started, or has no groups yet, has no coordinator for them either.
            if not error.retriable:
                raise
            return {}
        return offsets


@asynccontextmanager
async def _started(consumer: AIOKafkaConsumer) -> AsyncIterator[AIOKafkaConsumer]:
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()
