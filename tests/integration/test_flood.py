"""A flood of unreadable messages on one input partition: it waits, all else goes on, and no letter is sent twice."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from schemas.dead_letters import decode
from schemas.topics import DEAD_LETTERS, KIND_TOPICS
from servers.kafka import Kafka
from streams.kafka.admin import create_topics
from streams.kafka.producer import BatchProducer, Message
from streams.kafka.reader import read_to_end
from streams.settings import Settings
from tests.servers.pipeline import Pipeline, until
from tests.unit.agents.ingest_bench import sent
from touchline.paused_inputs import paused_inputs

pytestmark = pytest.mark.kafka

LIMIT = 1_000
"""`TOUCHLINE_MAX_CONSECUTIVE_REFUSALS` by default."""
POISON = 5_000
NOW = int(time.time() * 1000)
PAGE_VIEWS, PURCHASES = KIND_TOPICS["page_view"], KIND_TOPICS["purchase"]
VIEW, PURCHASE = sent("page_view", NOW), sent("purchase", NOW)
STOPS_WITHIN_S = 20.0


@pytest.fixture
def pipeline(kafka: Kafka, tmp_path: Path) -> Iterator[Pipeline]:
    described = Pipeline(tmp_path, kafka.bootstrap, "chdb:///unused", partitions=2)
    asyncio.run(create_topics(described.settings))
    try:
        yield described
    finally:
        described.stop()


def publish(settings: Settings, topic: str, partition: int, values: Sequence[bytes]) -> None:
    async def send() -> None:
        producer = BatchProducer(settings)
        await producer.start()
        try:
            await producer.send({(topic, partition): [Message(None, value) for value in values]})
        finally:
            await producer.stop()

    asyncio.run(send())


def waiting(settings: Settings) -> list[tuple[str, int, int, int]]:
    """Return topic, partition, next offset and number of waiting messages of each paused input partition."""
    return [(one.topic, one.partition, one.offset, one.waiting) for one in asyncio.run(paused_inputs(settings))]


def offsets_of_letters(settings: Settings) -> list[int]:
    async def read() -> list[int]:
        return [
            decode(record.key, record.value, record.headers).offset
            async for run in read_to_end(settings, DEAD_LETTERS, range(settings.partitions))
            for record in run.records
        ]

    return sorted(asyncio.run(read()))


def test_a_flood_holds_up_its_own_partition_and_is_read_to_its_end(pipeline: Pipeline) -> None:
    settings = pipeline.settings
    worker = pipeline.start("worker", pause_s=3600)
    poison = [b"poison %d" % number for number in range(POISON)]
    publish(settings, PAGE_VIEWS, 0, [VIEW, *poison, VIEW])
    until(lambda: worker.is_paused(PAGE_VIEWS, 0), "the partition to be paused")
    publish(settings, PAGE_VIEWS, 1, [VIEW])
    publish(settings, PURCHASES, 0, [PURCHASE])
    until(lambda: worker.processed("ingest") == 3, "the others to be read")
    [error] = [entry for entry in worker.complaints() if entry["logger"] == "streams.agents.pausing"]
    assert (error["topic"], error["partition"], error["offset"]) == (PAGE_VIEWS, 0, LIMIT + 1)

    taken = LIMIT + 1
    until(lambda: waiting(settings) == [(PAGE_VIEWS, 0, taken + 1, POISON + 1 - taken)], "its offset to be committed")
    shown = pipeline.touchline("dlq", "resume", "--dry-run").stdout
    assert f"{PAGE_VIEWS}/0/{taken + 1}  paused since" in shown
    assert f"{POISON + 1 - taken:,} messages in it; time waits for them until" in shown
    assert "1 input partition taken up" in pipeline.touchline("dlq", "resume", "--topic", PAGE_VIEWS).stdout
    until(lambda: worker.refused("undecodable") == 2 * taken, "the partition to be taken up, and paused again")
    until(lambda: [place[2] for place in waiting(settings)] == [2 * taken + 1], "its new offset to be committed")
    assert worker.ends_on(signal.SIGTERM, STOPS_WITHIN_S) == 0

    worker = pipeline.start("worker", pause_s=0.2)
    until(lambda: worker.processed("ingest") == 1, "the message behind the flood to be read")
    until(lambda: waiting(settings) == [], "the note of the pause to go")
    pipeline.check()
    assert not worker.is_paused(PAGE_VIEWS, 0)
    assert offsets_of_letters(settings) == list(range(1, POISON + 1))
    assert "5,000 refused messages (5,000 dead letters)" in pipeline.touchline("dlq", "list", "--limit", 1).stderr
    assert "5,000 messages would be sent back\n" in pipeline.touchline("dlq", "replay", "--dry-run").stdout
