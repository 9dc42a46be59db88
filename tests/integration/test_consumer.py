"""Reading in chunks from real brokers: everything arrives, in order, whoever is killed meanwhile."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.topics import Topic
from servers.kafka import Kafka
from streams.kafka.admin import create_topics
from streams.kafka.consumer import ChunkConsumer, chunks_of, consumer_of, topic
from streams.kafka.offsets import Chunk
from streams.kafka.producer import BatchProducer, Message
from streams.process.app import new_app
from streams.settings import Settings
from tests.servers.process import watch
from touchline.stack.child import Child

READ_CHUNKS = Path(__file__).with_name("scripts") / "read_chunks.py"
PARTITIONS = 4
PATIENCE_S = 60.0


@pytest.fixture(
    params=[
        pytest.param("kafka", marks=pytest.mark.kafka),
        pytest.param("tansu", marks=pytest.mark.embedded),
    ]
)
def bootstrap(request: pytest.FixtureRequest) -> str:
    server = request.getfixturevalue(request.param)
    return str(server.bootstrap if request.param == "kafka" else server.kafka)


@pytest.fixture
def name() -> str:
    return f"numbers-{uuid.uuid4().hex[:8]}"


def settings_for(bootstrap: str, name: str, **more: Any) -> Settings:
    return Settings(kafka=bootstrap, group_suffix=f"-{name}", session_timeout_s=6, partitions=PARTITIONS, **more)


async def until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    async with asyncio.timeout(patience_s):
        while not condition():  # noqa: ASYNC110  # it looks at files of other processes
            await asyncio.sleep(0.05)


async def publish(settings: Settings, name: str, start: int, stop: int) -> None:
    """Send the numbers from start to stop to each partition."""
    await create_topics(settings, [Topic(name)])
    producer = BatchProducer(settings)
    await producer.start()
    numbers = [Message(None, b"%d" % number) for number in range(start, stop)]
    await producer.send({(name, partition): numbers for partition in range(PARTITIONS)})
    await producer.stop()


async def committed(settings: Settings, name: str) -> dict[int, int]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka, group_id=settings.group("test"), enable_auto_commit=False
    )
    await consumer.start()
    try:
        places = [TopicPartition(name, partition) for partition in range(PARTITIONS)]
        consumer.assign(places)
        found = {place.partition: await consumer.committed(place) for place in places}
    finally:
        await consumer.stop()
    return {partition: offset for partition, offset in found.items() if offset is not None}


async def until_committed(settings: Settings, name: str, offset: int) -> None:
    """Wait until the group stands at an offset on every partition: readers acknowledge after they have written."""
    async with asyncio.timeout(PATIENCE_S):
        while await committed(settings, name) != dict.fromkeys(range(PARTITIONS), offset):  # noqa: ASYNC110  # the broker knows
            await asyncio.sleep(0.2)


class Readers:
    """Processes that read the topic, and what each wrote down."""

    def __init__(self, settings: Settings, name: str, folder: Path) -> None:
        self._settings = settings
        self._name = name
        self._folder = folder
        self._count = 0

    def start(self, delay_s: float = 0.0) -> tuple[Child, Path]:
        self._count += 1
        written = self._folder / f"reader-{self._count}"
        written.touch()
        child = Child(
            written.name,
            [sys.executable, str(READ_CHUNKS), self._name, str(written), str(delay_s)],
            written.with_suffix(".log"),
            {
                "TOUCHLINE_KAFKA": self._settings.kafka,
                "TOUCHLINE_GROUP_SUFFIX": self._settings.group_suffix,
                "TOUCHLINE_SESSION_TIMEOUT_S": "6",
                "TOUCHLINE_METRICS_PORT": "0",
                "TOUCHLINE_CHUNK_RECORDS": "200",
                "TOUCHLINE_LOG_FORMAT": "console",
            },
        )
        watch(child).start()
        return child, written


def read(written: Path) -> dict[int, list[int]]:
    """Return the numbers that a reader wrote down, by partition; the offset is checked."""
    seen: dict[int, list[int]] = defaultdict(list)
    for line in written.read_text().splitlines():
        partition, offset, number = map(int, line.split())
        assert offset == number
        seen[partition].append(number)
    return seen


def count(*files: Path) -> int:
    return len({tuple(line.split()) for file in files for line in file.read_text().splitlines()})


async def test_after_a_kill_the_next_worker_goes_on_at_the_commit(bootstrap: str, name: str, tmp_path: Path) -> None:
    settings = settings_for(bootstrap, name)
    await publish(settings, name, 0, 10_000)
    readers = Readers(settings, name, tmp_path)
    killed, first = readers.start(delay_s=0.05)
    await until(lambda: count(first) > 5000)
    killed.kill9()
    before = await committed(settings, name)
    assert before
    for partition, numbers in read(first).items():
        assert numbers == list(range(len(numbers)))
        assert before.get(partition, 0) <= len(numbers)

    after, second = readers.start()
    await until(lambda: count(first, second) == 40_000)
    for partition, numbers in read(second).items():
        assert numbers == list(range(before.get(partition, 0), 10_000))
    await until_committed(settings, name, 10_000)
    after.stop()
    assert await committed(settings, name) == dict.fromkeys(range(PARTITIONS), 10_000)


async def test_partitions_move_between_two_workers_without_loss(bootstrap: str, name: str, tmp_path: Path) -> None:
    settings = settings_for(bootstrap, name)
    await publish(settings, name, 0, 12_000)
    readers = Readers(settings, name, tmp_path)
    one, first = readers.start(delay_s=0.08)
    await until(lambda: count(first) > 2000)
    other, second = readers.start(delay_s=0.08)
    await until(lambda: count(second) > 2000)
    assert count(first, second) < 48_000, "it was all read before they shared"
    one.stop()
    await until(lambda: count(first, second) == 48_000)
    for file in (first, second):
        for numbers in read(file).values():
            # Back to the last commit at a rebalance; ahead only over what the other one has read.
            jumps = [later for earlier, later in pairwise(numbers) if later > earlier + 1]
            assert len(jumps) <= 1
    await until_committed(settings, name, 12_000)
    other.stop()
    assert await committed(settings, name) == dict.fromkeys(range(PARTITIONS), 12_000)


@asynccontextmanager
async def reading(settings: Settings, name: str) -> AsyncIterator[tuple[ChunkConsumer, list[Chunk]]]:
    """An app in this process; its agent takes chunks and leaves acknowledging to the test."""
    app = new_app(settings, "test")
    taken: list[Chunk] = []

    @app.agent(topic(app, [name]), name="reader")
    async def run(stream: faust.StreamT[Any]) -> None:
        async for chunk in chunks_of(stream):
            taken.append(chunk)  # noqa: PERF401  # the stream never ends

    await app.start()
    try:
        yield consumer_of(app), taken
    finally:
        await app.stop()


def numbers_of(chunks: list[Chunk], partition: int) -> list[int]:
    found = (chunk for chunk in chunks if chunk.partition == partition)
    return [int(record.value or b"") for chunk in found for record in chunk.records]


async def test_a_paused_partition_waits_and_then_goes_on_where_it_was(bootstrap: str, name: str) -> None:
    settings = settings_for(bootstrap, name, chunk_records=200)
    await publish(settings, name, 0, 300)
    async with reading(settings, name) as (consumer, taken):
        await until(lambda: sum(len(chunk.records) for chunk in taken) == 1200)
        consumer.pause(name, 0, "")
        # What was being fetched already still comes; after that, nothing.
        await publish(settings, name, 300, 400)
        await until(lambda: all(numbers_of(taken, p) == list(range(400)) for p in (1, 2, 3)))
        paused_at = len(numbers_of(taken, 0))
        await publish(settings, name, 400, 500)
        await until(lambda: all(numbers_of(taken, p) == list(range(500)) for p in (1, 2, 3)))
        assert len(numbers_of(taken, 0)) == paused_at
        consumer.resume(name, 0)
        await until(lambda: numbers_of(taken, 0) == list(range(500)))
        await until(lambda: all(consumer.caught_up(name, p) for p in range(PARTITIONS)))


async def test_what_is_not_acknowledged_comes_again(bootstrap: str, name: str) -> None:
    settings = settings_for(bootstrap, name, chunk_records=100)
    await publish(settings, name, 0, 300)
    async with reading(settings, name) as (_, taken):
        await until(lambda: sum(len(chunk.records) for chunk in taken) == 1200)
        mine = [chunk for chunk in taken if chunk.partition == 0]
        mine[0].ack()
        mine[2].ack()  # but not the second
    async with reading(settings, name) as (_, again):
        await until(lambda: sum(len(chunk.records) for chunk in again) >= 1100)
        assert numbers_of(again, 0) == list(range(mine[0].last_offset + 1, 300))


@pytest.mark.kafka
async def test_control_records_of_transactions_hold_nothing_up(kafka: Kafka, name: str) -> None:
    settings = settings_for(kafka.bootstrap, name)
    await create_topics(settings, [Topic(name)])
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=name)
    await producer.start()
    for number in range(5):
        async with producer.transaction():
            await producer.send(name, b"%d" % number, partition=0)
    await producer.stop()
    async with reading(settings, name) as (consumer, taken):
        await until(lambda: numbers_of(taken, 0) == list(range(5)))
        await until(lambda: consumer.caught_up(name, 0))
        for chunk in taken:
            chunk.ack()
    # Offsets 0, 2, 4, 6, 8 are the messages, the others the marks of each transaction's end.
    assert await committed(settings, name) == {0: 9}


@pytest.mark.kafka
async def test_what_a_transaction_took_back_is_never_read_and_an_open_one_is_no_end_to_wait_for(
    kafka: Kafka, name: str
) -> None:
    settings = settings_for(kafka.bootstrap, name)
    await create_topics(settings, [Topic(name)])
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=name)
    await producer.start()

    async def say(number: int) -> None:
        await producer.send_and_wait(name, b"%d" % number, partition=0)

    await producer.begin_transaction()
    await say(666)
    await producer.abort_transaction()
    async with producer.transaction():
        await say(1)
    await producer.begin_transaction()
    await say(2)
    async with reading(settings, name) as (consumer, taken):
        await until(lambda: numbers_of(taken, 0) == [1])
        await until(lambda: consumer.caught_up(name, 0))
        await producer.commit_transaction()
        await until(lambda: numbers_of(taken, 0) == [1, 2])
        await producer.begin_transaction()
        await say(667)
        await producer.abort_transaction()
        async with producer.transaction():
            await say(3)
        await until(lambda: numbers_of(taken, 0) == [1, 2, 3])
        await until(lambda: consumer.caught_up(name, 0))
    await producer.stop()


@pytest.fixture
def restarted(kafka: Kafka) -> Iterator[Kafka]:
    yield kafka
    kafka.start()


@pytest.mark.kafka
async def test_a_broker_that_goes_and_comes_back_is_waited_for(kafka: Kafka, name: str) -> None:
    settings = settings_for(kafka.bootstrap, name)
    await publish(settings, name, 0, 500)
    producer = BatchProducer(settings)
    await producer.start()
    async with reading(settings, name) as (_, taken):
        await until(lambda: sum(len(chunk.records) for chunk in taken) == 2000)
        await asyncio.to_thread(kafka.kill9)
        sending = asyncio.create_task(producer.send({(name, 0): [Message(None, b"%d" % n) for n in range(500, 600)]}))
        await asyncio.sleep(1)
        assert not sending.done()
        await asyncio.to_thread(kafka.start)
        await asyncio.wait_for(sending, PATIENCE_S)
        await until(lambda: set(numbers_of(taken, 0)) == set(range(600)))
    await producer.stop()
