"""What strangers send holds up nothing but itself: schemas that cannot be had, batches that inflate without end."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.dead_letters import DeadLetter, decode
from schemas.topics import DEAD_LETTERS, KIND_TOPICS
from servers.kafka import Kafka
from streams.kafka.admin import create_topics
from streams.kafka.inflate import GZIP, LZ4, SNAPPY, ZSTD
from streams.kafka.producer import BatchProducer, Message
from streams.kafka.reader import read_to_end
from tests.servers.bombs import bomb, send_batch
from tests.servers.pipeline import App, Pipeline, until
from tests.servers.schema_registry import SchemaRegistry, running_registry
from tests.unit.agents.ingest_bench import NOW, sent, sent_with_id
from tests.unit.schemas.records import SCHEMAS

pytestmark = pytest.mark.kafka

VIEWS, PURCHASES, TWEETS = KIND_TOPICS["page_view"], KIND_TOPICS["purchase"], KIND_TOPICS["tweet"]
MIB = 1 << 20


@pytest.fixture(scope="module")
def registry() -> Iterator[SchemaRegistry]:
    with running_registry() as running:
        yield running


@pytest.fixture(scope="module")
def pipeline(kafka: Kafka, registry: SchemaRegistry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    place = f"http://{registry.place}"
    described = Pipeline(
        tmp_path_factory.mktemp("strangers"),
        kafka.bootstrap,
        "chdb:///unused",
        partitions=2,
        schema_registry=place,
        schema_wait_s=4,
    )
    asyncio.run(create_topics(described.settings))
    try:
        yield described
    finally:
        described.stop()


@pytest.fixture(scope="module")
def worker(pipeline: Pipeline) -> App:
    return pipeline.start("worker")


def publish(pipeline: Pipeline, topic: str, partition: int, *values: bytes) -> None:
    async def send() -> None:
        producer = BatchProducer(pipeline.settings)
        await producer.start()
        try:
            await producer.send({(topic, partition): [Message(None, value) for value in values]})
        finally:
            await producer.stop()

    asyncio.run(send())


def letters(pipeline: Pipeline, topic: str) -> list[DeadLetter]:
    async def read() -> list[DeadLetter]:
        return [
            decode(record.key, record.value, record.headers)
            async for run in read_to_end(pipeline.settings, DEAD_LETTERS, range(pipeline.settings.partitions))
            for record in run.records
        ]

    return [letter for letter in asyncio.run(read()) if letter.topic == topic]


def peak_mib(app: App) -> float:
    """Return the most memory that a process ever held."""
    (kb,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{app.pid}/status").read_text())
    return int(kb) / 1024


def test_a_schema_that_cannot_be_had_holds_up_its_own_partition_for_a_limited_time(
    pipeline: Pipeline, worker: App, registry: SchemaRegistry
) -> None:
    registry.say(7, 404, b"<html>no such page</html>")
    registry.say(8, 503, b"")
    publish(pipeline, VIEWS, 0, b"\0\xff\xff\xff\xff", sent_with_id("page_view", 7), sent("page_view", NOW))
    until(lambda: worker.processed("ingest") == 1, "what stands behind ids that nobody has")
    assert {(letter.reason, letter.offset) for letter in letters(pipeline, VIEWS)} == {
        ("unknown_schema", 0),
        ("unknown_schema", 1),
    }

    publish(pipeline, PURCHASES, 0, sent_with_id("purchase", 8), sent("purchase", NOW))
    until(lambda: worker.retried("schema_registry") > 0, "the registry to be asked")
    publish(pipeline, VIEWS, 0, sent("page_view", NOW + 1))
    publish(pipeline, PURCHASES, 1, sent("purchase", NOW + 2))
    until(lambda: worker.processed("ingest") == 3, "the other partitions")
    assert worker.refused("unknown_schema") == 2, "the one that waits still does"
    until(lambda: worker.processed("ingest") == 4, "what stands behind it")
    [letter] = letters(pipeline, PURCHASES)
    assert (letter.reason, letter.partition, letter.offset) == ("unknown_schema", 0, 0)
    assert "within 4 s" in letter.detail
    assert "answered 503" in letter.detail

    registry.say(8, 200, {"schema": json.dumps(SCHEMAS["Purchase"])})
    replayed = pipeline.touchline("dlq", "replay", "--topic", PURCHASES)
    assert replayed.returncode == 0, replayed.stderr
    until(lambda: worker.processed("ingest") == 5, "the message that was replayed")
    pipeline.check()


@pytest.mark.parametrize(
    ("codec", "mebibytes"), [(GZIP, 100), (SNAPPY, 60), (LZ4, 100), (ZSTD, 900)], ids=["gzip", "snappy", "lz4", "zstd"]
)
def test_a_batch_that_inflates_without_end_is_refused_and_takes_no_memory(
    pipeline: Pipeline, worker: App, codec: int, mebibytes: int
) -> None:
    published, refused = worker.processed("ingest"), worker.refused("too_large")
    publish(pipeline, VIEWS, 1, sent("page_view", NOW))
    until(lambda: worker.processed("ingest") == published + 1, "the worker to read")
    batch = bomb(codec, mebibytes, b"\0" * (MIB - 100))
    before = peak_mib(worker)

    first = send_batch(pipeline.settings.kafka, TWEETS, 0, batch)
    publish(pipeline, TWEETS, 0, sent("page_view", NOW))  # of another kind: refused as well, behind the batch
    until(lambda: worker.refused("too_large") == refused + mebibytes, "the batch to be refused")
    publish(pipeline, VIEWS, 1, sent("page_view", NOW))
    until(lambda: worker.processed("ingest") == published + 2, "the other partitions")

    assert peak_mib(worker) < before + 120
    told = {one.offset: one for one in letters(pipeline, TWEETS) if one.offset >= first}
    assert sorted(told) == list(range(first, first + mebibytes + 1))
    assert told[first + mebibytes].reason == "undecodable"
    of_batch = [told[first + number] for number in range(mebibytes)]
    assert {(one.reason, one.value) for one in of_batch} == {("too_large", None)}
    assert f"{len(batch)} bytes as they came" in of_batch[0].detail
    assert f"offsets {first} to {first + mebibytes - 1}" in of_batch[-1].detail
    pipeline.check()
