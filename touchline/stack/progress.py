"""Waiting until everything that was published is in the tables, and saying how far it has come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from schemas.facts import ClockRow, topic_of
from schemas.topics import DEAD_LETTERS, FACTS_TOPICS, JOURNEYS_LOG, KIND_TOPICS

STREAMS_GROUP = "touchline-streams"
SINK_GROUP = "touchline-sink"
CLOCKS = topic_of("clocks")
POLL_S = 0.25

_clock_rows = msgspec.msgpack.Decoder(list[ClockRow])


@dataclass(frozen=True)
class Progress:
    """How far the stack has come.

    Attributes:
        stage: 'stitching' while touchpoints become journeys, 'storing' while the last rows are
            written to ClickHouse.
        done: records the stage has finished and committed.
        total: records there are for it.
    """

    stage: Literal["stitching", "storing"]
    done: int
    total: int


async def caught_up(
    kafka: str,
    partitions: int,
    since_ms: int,
    on_progress: Callable[[Progress], None],
    group_suffix: str = "",
) -> None:
    """Wait until all that was published before `since_ms`, and every deadline by then, is stored.

    First every log partition's own time has to come to `since_ms`; then all facts and dead letters
    written by that moment have to be committed by the sink, which commits after its rows are in
    ClickHouse. It waits as long as it takes: set a limit with `asyncio.timeout`.

    Args:
        kafka: the broker's address.
        partitions: how many partitions every topic has.
        since_ms: epoch milliseconds, after the last publication.
        on_progress: called several times a second; what it raises ends the wait.
        group_suffix: as in the settings of the workers and the sink.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    try:
        await consumer.start()
        await admin.start()
        watch = _Watch(consumer, admin, partitions, on_progress, group_suffix)
        await watch.clocks_reach(since_ms)
        await watch.sink_reaches_the_end()
    finally:
        await admin.close()
        await consumer.stop()


class _Watch:
    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        admin: AIOKafkaAdminClient,
        partitions: int,
        on_progress: Callable[[Progress], None],
        group_suffix: str,
    ) -> None:
        self._consumer = consumer
        self._admin = admin
        self._partitions = partitions
        self._on_progress = on_progress
        self._suffix = group_suffix

    async def clocks_reach(self, since_ms: int) -> None:
        """Wait until the newest clock of every shard is at `since_ms` or later."""
        shards = self._of([CLOCKS])
        self._consumer.assign(shards)
        begins = await self._consumer.beginning_offsets(shards)
        ends = await self._consumer.end_offsets(shards)
        for shard in shards:
            self._consumer.seek(shard, max(begins[shard], ends[shard] - 1))
        inputs = self._of([*KIND_TOPICS.values(), JOURNEYS_LOG])
        clocks = dict.fromkeys(range(self._partitions), 0)
        while True:
            records = await self._consumer.getmany(timeout_ms=int(POLL_S * 1000))
            for batch in records.values():
                newest = _clock_rows.decode(batch[-1].value)
                clocks.update((row.shard, row.time) for row in newest)
            done, total = await self._committed(STREAMS_GROUP, inputs, await self._ends(inputs))
            self._on_progress(Progress("stitching", done, total))
            if min(clocks.values()) >= since_ms:
                return

    async def sink_reaches_the_end(self) -> None:
        """Wait until the sink has committed all facts and dead letters there are now."""
        facts = self._of([*FACTS_TOPICS, DEAD_LETTERS])
        ends = await self._ends(facts)
        while True:
            done, total = await self._committed(SINK_GROUP, facts, ends)
            self._on_progress(Progress("storing", done, total))
            if done == total:
                return
            await asyncio.sleep(POLL_S)

    def _of(self, topics: Iterable[str]) -> list[TopicPartition]:
        return [TopicPartition(topic, n) for topic in topics for n in range(self._partitions)]

    async def _ends(self, places: list[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """Return the first and the end offset of each partition."""
        begins = await self._consumer.beginning_offsets(places)
        ends = await self._consumer.end_offsets(places)
        return {place: (begins[place], ends[place]) for place in places}

    async def _committed(
        self,
        group: str,
        places: list[TopicPartition],
        spans: dict[TopicPartition, tuple[int, int]],
    ) -> tuple[int, int]:
        """Return how many of the records in `spans` a group has committed, and their number."""
        # Every partition is named: the embedded broker does not list a group's offsets unasked.
        offsets = await self._admin.list_consumer_group_offsets(
            group + self._suffix, partitions=places
        )
        done = total = 0
        for place, (begin, end) in spans.items():
            committed = offsets[place].offset if place in offsets else -1
            done += min(max(committed, begin), end) - begin
            total += end - begin
        return done, total
