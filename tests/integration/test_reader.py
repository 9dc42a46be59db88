"""Reading outside of Faust, on the embedded broker and on Kafka."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from schemas.topics import Topic
from servers.kafka import Kafka
from streams.kafka.admin import create_topics
from streams.kafka.producer import BatchProducer, Message
from streams.kafka.reader import read_one, read_to_end
from streams.settings import Settings, load
from touchline.stack import Stack

BATCHES = (3, 1, 5)


@pytest.fixture(
    params=[
        pytest.param("tansu", marks=pytest.mark.embedded),
        pytest.param("kafka", marks=pytest.mark.kafka),
    ]
)
def settings(request: pytest.FixtureRequest) -> Settings:
    server: Stack | Kafka = request.getfixturevalue(request.param)
    return load(kafka=server.kafka if isinstance(server, Stack) else server.bootstrap, partitions=1)


@pytest.fixture
async def numbers(settings: Settings) -> str:
    """A topic of nine messages in three batches, each its own offset."""
    name = f"plain-{uuid.uuid4().hex[:8]}"
    await create_topics(settings, [Topic(name)])
    producer = BatchProducer(settings)
    await producer.start()
    start = 0
    for size in BATCHES:
        await producer.send({(name, 0): [Message(None, b"%d" % n) for n in range(start, start + size)]})
        start += size
    await producer.stop()
    return name


@pytest.mark.parametrize("offset", range(sum(BATCHES)))
async def test_each_message_is_found_by_its_offset(settings: Settings, numbers: str, offset: int) -> None:
    async with asyncio.timeout(30):
        found = await read_one(settings, numbers, 0, offset)
    assert found is not None
    assert (found.offset, found.value) == (offset, b"%d" % offset)


@pytest.mark.parametrize("offset", [9, 10, 1000])
async def test_beyond_the_end_there_is_none(settings: Settings, numbers: str, offset: int) -> None:
    async with asyncio.timeout(30):
        assert await read_one(settings, numbers, 0, offset) is None


async def test_all_of_it_is_read(settings: Settings, numbers: str) -> None:
    async with asyncio.timeout(30):
        runs = [run.records async for run in read_to_end(settings, numbers, [0])]
    assert [int(record.value or b"") for run in runs for record in run] == list(range(9))
