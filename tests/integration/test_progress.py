"""The wait for everything to be stored, on the embedded broker and on Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.rows import ClockRow, encode_rows
from schemas.topics import DEAD_LETTERS, all_topics
from servers.kafka import Kafka
from streams.settings import Settings, load
from tests.servers.topics import create_all_topics, delete_topics
from touchline.stack import ChildExitedError, Progress, Stack, wait_until_caught_up

PARTITIONS = 2
CLOCKS = "facts.clocks.v1"
JOURNEYS = "facts.journeys.v1"
LINKS = "identity.links.v1"
MOVED = 3 * 86_400_000
"""For so long before a link touchpoints move: the settled time is so far behind, ms."""


@pytest.fixture(
    params=[
        pytest.param("tansu", marks=pytest.mark.embedded),
        pytest.param("kafka", marks=pytest.mark.kafka),
    ]
)
async def bootstrap(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    server: Stack | Kafka = request.getfixturevalue(request.param)
    address = server.kafka if isinstance(server, Stack) else server.bootstrap
    await create_all_topics(address, PARTITIONS)
    yield address
    if isinstance(server, Kafka):
        await delete_topics(address, [topic.name for topic in all_topics()])


class Pipeline:
    """Stands in for the workers and the sink: writes clocks, and commits for the groups of both."""

    def __init__(self, producer: AIOKafkaProducer, worker: AIOKafkaConsumer, sink: AIOKafkaConsumer) -> None:
        self.producer = producer
        self.worker = worker
        self.sink = sink

    async def clock(self, partition: int, *times: int) -> None:
        rows = [ClockRow(partition=partition, time=1 << 40, settled=time, offset=0, version=0) for time in times]
        await self.producer.send_and_wait(CLOCKS, encode_rows(list(rows)), partition=partition)

    async def journeys(self, partition: int, messages: int) -> None:
        """Write all messages as one batch."""
        await self._batch(JOURNEYS, partition, messages)

    async def links(self, messages: int) -> None:
        """Write all links as one batch."""
        await self._batch(LINKS, 0, messages)

    async def _batch(self, topic: str, partition: int, messages: int) -> None:
        batch = self.producer.create_batch()
        for _ in range(messages):
            batch.append(key=None, value=b"\x90", timestamp=None)
        await (await self.producer.send_batch(batch, topic, partition=partition))

    async def commit_links(self, offset: int) -> None:
        await self.worker.commit({TopicPartition(LINKS, 0): offset})

    async def commit(self, topic: str, partition: int, offset: int) -> None:
        await self.sink.commit({TopicPartition(topic, partition): offset})


@asynccontextmanager
async def pipeline(settings: Settings) -> AsyncIterator[Pipeline]:
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka)
    worker, sink = (
        AIOKafkaConsumer(bootstrap_servers=settings.kafka, group_id=settings.group(role), enable_auto_commit=False)
        for role in ("streams", "sink")
    )
    await producer.start()
    await worker.start()
    await sink.start()
    worker.assign([TopicPartition(LINKS, 0)])
    facts = (CLOCKS, JOURNEYS, "facts.identities.v1", DEAD_LETTERS)
    sink.assign([TopicPartition(topic, partition) for topic in facts for partition in range(PARTITIONS)])
    try:
        yield Pipeline(producer, worker, sink)
    finally:
        await sink.stop()
        await worker.stop()
        await producer.stop()


class Heard:
    """Collects progress, and lets a test wait for the next."""

    def __init__(self) -> None:
        self.all: list[Progress] = []
        self._next = asyncio.Event()

    def __call__(self, progress: Progress) -> None:
        self.all.append(progress)
        self._next.set()

    async def wait_for(self, progress: Progress) -> None:
        async with asyncio.timeout(20):
            while not self.all or self.all[-1] != progress:
                self._next.clear()
                await self._next.wait()


async def test_it_waits_for_every_clock_and_then_for_the_sink(bootstrap: str) -> None:
    # A suffix no other test uses: Kafka remembers a group's offsets.
    settings = load(kafka=bootstrap, partitions=PARTITIONS, group_suffix="-both")
    heard = Heard()
    async with pipeline(settings) as at, asyncio.timeout(60):
        await at.clock(0, 500)  # stale: only the newest counts
        await at.clock(0, 900, 1000)
        await at.clock(1, 999)
        await at.producer.send_and_wait(JOURNEYS, b"\x90", partition=1)
        await at.producer.send_and_wait(DEAD_LETTERS, b"broken", partition=0)
        waiting = asyncio.create_task(wait_until_caught_up(settings, MOVED + 1000, heard))

        await heard.wait_for(Progress("journeys", 0, 0))
        await at.producer.send_and_wait("touchpoints.tweets.v1", b"said", partition=0)
        await heard.wait_for(Progress("journeys", 0, 1))
        assert not waiting.done(), "partition 1 is a millisecond behind"
        await at.clock(1, 1000)

        # Four clocks, a journey, a dead letter.
        await heard.wait_for(Progress("storing", 0, 6))
        await at.commit(CLOCKS, 0, 2)
        await at.commit(CLOCKS, 1, 2)
        await at.commit(JOURNEYS, 1, 1)
        await heard.wait_for(Progress("storing", 5, 6))
        assert not waiting.done(), "the dead letter is not stored"
        await at.commit(DEAD_LETTERS, 0, 1)
        await waiting
    assert heard.all[-1] == Progress("storing", 6, 6)


async def test_what_comes_after_the_clocks_is_not_waited_for(bootstrap: str) -> None:
    settings = load(kafka=bootstrap, partitions=PARTITIONS, group_suffix="-after")
    heard = Heard()
    async with pipeline(settings) as at, asyncio.timeout(60):
        for partition in range(PARTITIONS):
            await at.clock(partition, 1000)
        waiting = asyncio.create_task(wait_until_caught_up(settings, MOVED + 1000, heard))
        await heard.wait_for(Progress("storing", 0, 2))
        await at.clock(0, 2000)
        for partition in range(PARTITIONS):
            await at.commit(CLOCKS, partition, 1)
        await waiting


async def test_a_dead_child_ends_the_wait(bootstrap: str) -> None:
    settings = load(kafka=bootstrap, partitions=PARTITIONS, group_suffix="-dead")

    def check(_progress: Progress) -> None:
        raise ChildExitedError("sink", 1, "no space left")

    with pytest.raises(ChildExitedError, match="no space left"):
        await wait_until_caught_up(settings, MOVED + 1000, check)


async def test_the_last_batch_is_waited_for_to_its_last_record(bootstrap: str) -> None:
    settings = load(kafka=bootstrap, partitions=PARTITIONS, group_suffix="-batch")
    heard = Heard()
    async with pipeline(settings) as at, asyncio.timeout(60):
        for partition in range(PARTITIONS):
            await at.clock(partition, 1000)
        await at.journeys(1, 100)
        for partition in range(PARTITIONS):
            await at.commit(CLOCKS, partition, 1)
        waiting = asyncio.create_task(wait_until_caught_up(settings, MOVED + 1000, heard))

        await heard.wait_for(Progress("storing", 2, 102))
        await at.commit(JOURNEYS, 1, 99)
        await heard.wait_for(Progress("storing", 101, 102))
        assert not waiting.done(), "the batch's last record is not stored"
        await at.commit(JOURNEYS, 1, 100)
        await waiting


async def test_the_sink_is_waited_for_when_all_links_are_read(bootstrap: str) -> None:
    settings = load(kafka=bootstrap, partitions=PARTITIONS, group_suffix="-links")
    heard = Heard()
    async with pipeline(settings) as at, asyncio.timeout(60):
        await at.links(5)
        for partition in range(PARTITIONS):
            await at.clock(partition, 1000)
        waiting = asyncio.create_task(wait_until_caught_up(settings, MOVED + 1000, heard))

        await heard.wait_for(Progress("identities", 0, 5))
        await at.commit_links(4)
        await heard.wait_for(Progress("identities", 4, 5))
        await at.producer.send_and_wait("facts.identities.v1", b"\x90", partition=0)
        await at.commit_links(5)
        await heard.wait_for(Progress("storing", 0, 3))
        for partition in range(PARTITIONS):
            await at.commit(CLOCKS, partition, 1)
        await heard.wait_for(Progress("storing", 2, 3))
        assert not waiting.done(), "what the links have changed is not stored"
        await at.commit("facts.identities.v1", 0, 1)
        await waiting
