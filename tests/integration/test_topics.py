"""Inputs as they are, on Apache Kafka: any names, kinds and numbers of partitions; an upgrade from range."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import faust
import pytest
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from structlog.testing import capture_logs

from schemas.kinds import TOUCHPOINT_KINDS
from schemas.topics import JOURNEYS_LOG, KIND_TOPICS, Topic
from servers.kafka import Kafka
from streams.kafka.admin import create_topics, delete_topics, partition_counts
from streams.kafka.assignor import TaskAssignor
from streams.kafka.consumer import ChunkConsumer, chunks_of, consumer_of, topic
from streams.process.app import new_app
from streams.settings import Settings
from tests.integration.installation import whatever_the_partition
from tests.integration.shop import Event, family, refused, restated, shop, tweets, write
from tests.integration.test_rebuild import reason
from tests.servers.pipeline import Pipeline
from tests.servers.rows import Rows, differences, rows_on_kafka
from tests.servers.topics import create_topics as make_topics
from tests.servers.topics import widen_topic
from touchline.topic_states import topic_states

pytestmark = pytest.mark.kafka

DAYS = 30
PATIENCE_S = 120.0
ADDED_WITHIN_S = 15.0
TOPICS = "purchase=shop.orders+shop.refunds,tweet=social.posts,cart_event=web,page_view=web"
AS_THEY_ARE = {"shop.orders": 3, "shop.refunds": 6, "social.posts": 6, "web": 12, KIND_TOPICS["support_call"]: 1}


@pytest.fixture
def kafka_without_topics(kafka: Kafka) -> Iterator[Kafka]:
    yield kafka
    asyncio.run(remove_topics(kafka))


async def remove_topics(kafka: Kafka) -> None:
    settings = Settings(kafka=kafka.bootstrap)
    await delete_topics(settings, [name for name in await partition_counts(settings) if not name.startswith("__")])


def test_the_rows_are_the_same_whatever_the_inputs_are(kafka_without_topics: Kafka, tmp_path: Path) -> None:
    events: list[Event] = [*shop(customers=15, days=DAYS, seed=3), *tweets(60, days=DAYS, seed=4)]
    middle = datetime(2025, 12, 17, tzinfo=UTC)
    events += [*refused(middle), *family(middle), restated(events)]
    lines = write(events, tmp_path / "shop.jsonl")

    of_three = rows_of_a_run(
        kafka_without_topics, tmp_path / "three", lines, dict.fromkeys(KIND_TOPICS.values(), 3), 12
    )
    asyncio.run(remove_topics(kafka_without_topics))
    as_they_are = rows_of_a_run(kafka_without_topics, tmp_path / "many", lines, AS_THEY_ARE, 4, TOPICS)

    assert differences(comparable(of_three), comparable(as_they_are)) == []
    assert {table for table, rows in as_they_are.items() if not rows} <= {"sentiment_shifts"}
    accepted = {event["event_id"] for event in events if event["kind"] in TOUCHPOINT_KINDS} - {"eleven", "nobody"}
    assert {row["event_id"] for row in as_they_are["touchpoints"]} == accepted
    assert sorted((row["topic"], row["reason"]) for row in as_they_are["dead_letters"]) == [
        ("social.posts", "event_id_collision"),
        ("social.posts", "no_identity"),
        ("touchpoints.survey_answers.v1", "invalid_score"),
    ]


def rows_of_a_run(
    kafka: Kafka, folder: Path, lines: Path, inputs: dict[str, int], partitions: int, topics: str = ""
) -> Rows:
    """Return what two workers write for the sink, the second of which joins while the first is at work.

    Args:
        kafka: without topics.
        folder: takes the logs.
        lines: what is published.
        inputs: how many partitions some inputs have; the others have as many as the log.
        partitions: of the log.
        topics: `TOUCHLINE_TOPICS`.
    """
    folder.mkdir()
    for count in set(inputs.values()):
        names = [name for name in inputs if inputs[name] == count]
        asyncio.run(make_topics(kafka.bootstrap, names, partitions=count))
    settings = {"partitions": partitions, "topics": topics, "chunk_records": 20, "idle_s": 1, "session_timeout_s": 6}
    pipeline = Pipeline(folder, kafka.bootstrap, "memory://", **settings)
    try:
        asyncio.run(create_topics(pipeline.settings))
        assert inputs.items() <= asyncio.run(partition_counts(pipeline.settings)).items()
        assert asyncio.run(topic_states(pipeline.settings)).advice == []
        pipeline.publish(lines)
        for command in ("worker", "sink", "worker"):
            pipeline.start(command)
        pipeline.drain()
        return asyncio.run(rows_on_kafka(pipeline.settings))
    finally:
        pipeline.stop()


def comparable(rows: Rows) -> Rows:
    """Return what is the same wherever messages lie and however they are written."""
    letters = [
        {**row, "topic": "", "partition": 0, "offset": number, "raw": ""}
        for number, row in enumerate(sorted(rows["dead_letters"], key=reason))
    ]
    return {**whatever_the_partition(rows), "dead_letters": letters}


# -- assignments -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def member(
    settings: Settings, assignor: type[RangePartitionAssignor], topics: list[str]
) -> AsyncIterator[ChunkConsumer]:
    """A member of the group that reads topics, in this process."""
    app = new_app(settings, "test", assignor)

    @app.agent(topic(app, topics), name="reader")
    async def run(stream: faust.StreamT[bytes]) -> None:
        async for chunk in chunks_of(stream):
            chunk.ack()

    await app.start()
    try:
        yield consumer_of(app)
    finally:
        await app.stop()


def has_tasks(consumer: ChunkConsumer, tasks: set[int], counts: dict[str, int]) -> bool:
    """Return whether a member has the log partitions of these tasks, and all partitions that go with them."""
    partitions = counts[JOURNEYS_LOG]
    return all(
        consumer.assigned(name) == {number for number in range(count) if number % partitions in tasks}
        for name, count in counts.items()
    )


async def until_dealt(counts: dict[str, int], *consumers: ChunkConsumer, patience_s: float = PATIENCE_S) -> None:
    """Wait until the members share all tasks, each as whole as `has_tasks` says."""
    async with asyncio.timeout(patience_s):
        while True:
            shares = [set(consumer.assigned(JOURNEYS_LOG)) for consumer in consumers]
            whole = all(has_tasks(consumer, share, counts) for consumer, share in zip(consumers, shares, strict=True))
            if whole and all(shares) and sorted(n for share in shares for n in share) == list(range(4)):
                return
            await asyncio.sleep(0.05)


async def test_workers_of_the_range_assignor_are_replaced_one_by_one_and_partitions_may_be_added_then(
    kafka: Kafka,
) -> None:
    settings = Settings(
        kafka=kafka.bootstrap, partitions=4, group_suffix=f"-{uuid.uuid4().hex[:8]}", session_timeout_s=6
    )
    orders, posts = KIND_TOPICS["purchase"], KIND_TOPICS["tweet"]
    counts = {JOURNEYS_LOG: 4, orders: 4, posts: 4}
    await create_topics(settings, [Topic(name) for name in counts])
    try:
        async with member(settings, TaskAssignor, list(counts)) as new:
            with suppress(asyncio.CancelledError):
                async with member(settings, RangePartitionAssignor, list(counts)) as old:
                    await until_dealt(counts, new, old)
            await until_dealt(counts, new)
        async with member(settings, RangePartitionAssignor, list(counts)) as old:
            await until_dealt(counts, old)
            # The leader of the group is of the old release now.
            async with member(settings, TaskAssignor, list(counts)) as new:
                await until_dealt(counts, old, new)
        async with (
            member(settings, TaskAssignor, list(counts)) as one,
            member(settings, TaskAssignor, list(counts)) as two,
        ):
            await until_dealt(counts, one, two)
            with capture_logs() as logs:
                await widen_topic(kafka.bootstrap, orders, 7)
                await until_dealt({**counts, orders: 7}, one, two, patience_s=ADDED_WITHIN_S)
            assert [entry for entry in logs if entry["log_level"] == "error"] == []
    finally:
        await delete_topics(settings, counts)
