"""A rebuild on Apache Kafka and chDB: with more partitions the same rows; interrupted anywhere, it can be finished."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from schemas.topics import EPOCHS, KIND_TOPICS, WATERMARKS, all_topics
from schemas.watermarks import PartitionTime, encode
from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from sinks.database import Database, select
from sinks.migrate import migrate
from streams.agents.signalled import noted_until
from streams.kafka.admin import check_topics, create_topics, delete_topics, partition_counts
from streams.kafka.client import BrokerError
from streams.kafka.groups import forget_groups, group_members
from streams.kafka.producer import BatchProducer, Message, partition_for
from streams.settings import Settings, load
from tests.contract.engine import Engine, open_engine
from tests.contract.facts_rows import PLAIN
from tests.contract.lowering import lowered
from tests.integration.installation import Installation, whatever_the_partition
from tests.integration.shop import Event, family, refused, restated, shop, tweets, write
from tests.servers.rows import Row, Rows, differences
from touchline.errors import CommandError
from touchline.rebuild.plan import Held
from touchline.rebuild.run import look, rebuild

pytestmark = [pytest.mark.kafka, pytest.mark.embedded]

ALL = [topic.name for topic in all_topics()]
MARK = "journeys.rebuild.v1"
TWEETS = "touchpoints.tweets.v1"
DAYS = 30
MIDDLE = datetime(2025, 12, 17, tzinfo=UTC)
STEPS = 8
"""Of a rebuild; from the second on, something has been changed, and with it, up to when signals were sent is noted."""
SIGNALLED = 1_767_225_600_000
"""Up to when all signals were sent before the rebuild, by the reports of the partitions, ms."""


@pytest.fixture
async def kafka_without_topics(kafka: Kafka) -> AsyncIterator[Kafka]:
    yield kafka
    settings = Settings(kafka=kafka.bootstrap)
    await delete_topics(settings, {*ALL, MARK} & (await partition_counts(settings)).keys())


# -- the whole of it ---------------------------------------------------------------------------------------------------


def test_from_4_to_6_partitions_the_rows_are_the_same_though_customers_go_on_in_other_partitions(
    kafka_without_topics: Kafka, tmp_path: Path
) -> None:
    events = [*shop(customers=40, days=DAYS, seed=3), *tweets(200, days=DAYS, seed=4), *refused(MIDDLE)]
    events += [*family(MIDDLE), restated(events)]
    before = [event for event in events if time_of(event) < MIDDLE]
    since = [event for event in events if time_of(event) >= MIDDLE]
    installation = Installation(kafka_without_topics, tmp_path, partitions=4)
    installation.pipeline.publish(write(events, tmp_path / "all.jsonl"))
    installation.start()
    said = installation.refused_rebuild()
    assert "touchline-sink has 1 member (127.0.0.1); touchline-streams has 1 member (127.0.0.1): stop all" in said
    on_four = installation.stop()

    # The inputs as they would be, had they been widened in the middle: producers choose other partitions since.
    put_back(installation, write(before, tmp_path / "before.jsonl"))
    installation.set_partitions(6)
    assert f"from {len(before):,} messages in the input topics" in installation.rebuild()
    installation.pipeline.publish(write(since, tmp_path / "since.jsonl"))
    installation.start()
    on_six = installation.stop()

    assert differences(comparable(on_four), comparable(on_six)) == []
    assert [table for table, rows in on_six.items() if not rows] == []
    assert {row["partition"] for row in on_six["metric_buckets"]} == set(range(6))
    assert len(moved(before, since)) > 10


def time_of(event: Event) -> datetime:
    return datetime.fromisoformat(event["occurred_at"])


def place(event: Event, partitions: int) -> int | None:
    """Return the partition that a known customer's message goes to."""
    customer = event.get("customer_id")
    return partition_for(customer.encode(), partitions) if customer else None


def moved(before: list[Event], since: list[Event]) -> set[str]:
    """Return the known customers whose touchpoints lie in two input partitions."""
    was = {event["customer_id"]: place(event, 4) for event in before if event.get("customer_id")}
    return {
        event["customer_id"]
        for event in since
        if event.get("customer_id") in was and was[event["customer_id"]] != place(event, 6)
    }


def put_back(installation: Installation, lines: Path) -> None:
    """Make the input topics anew, with the number of partitions of before, and publish into them."""
    settings = installation.pipeline.settings
    asyncio.run(delete_topics(settings, KIND_TOPICS.values()))
    asyncio.run(create_topics(settings))
    installation.pipeline.publish(lines)


def comparable(rows: Rows) -> Rows:
    """Return what is the same wherever messages lie: refusals without their places, buckets without partitions."""
    letters = [{**row, "partition": 0, "offset": n} for n, row in enumerate(sorted(rows["dead_letters"], key=reason))]
    return {**whatever_the_partition(rows), "dead_letters": letters}


def reason(row: Row) -> str:
    return str(row["reason"])


# -- its steps ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def filled(chdb: Engine) -> Engine:
    """An embedded ClickHouse with a row in every table."""
    return fill(chdb)


def fill(database: Engine) -> Engine:
    for table, row in PLAIN.items():
        database.write(table, [msgspec.structs.astuple(row)])
    return database


@pytest.fixture
async def before(kafka_without_topics: Kafka) -> Settings:
    """Topics with a message in each, in 4 partitions; the settings are those of afterwards."""
    settings = load(kafka=kafka_without_topics.bootstrap, partitions=4)
    await create_topics(settings)
    producer = BatchProducer(settings)
    await producer.start()
    try:
        await producer.send({(name, 3): [Message(b"key", b"of before")] for name in ALL})
    finally:
        await producer.stop()
    await report(settings, {number: SIGNALLED + number for number in range(4)})
    return load(kafka=kafka_without_topics.bootstrap, partitions=6)


class InterruptionError(Exception):
    """Ends a rebuild midway."""


async def interrupted(settings: Settings, database: Engine, at: int) -> None:
    """Begin a rebuild that is interrupted before one of its steps, counted from 1."""
    steps: list[str] = []

    def begin(what: str) -> None:
        steps.append(what)
        if len(steps) == at:
            raise InterruptionError

    with pytest.raises(InterruptionError):
        await rebuild(settings, database, begin)


async def ours(settings: Settings) -> dict[str, int]:
    """Return the number of partitions of each of our topics."""
    counts = await partition_counts(settings)
    return {name: count for name, count in counts.items() if name in {*ALL, MARK}}


async def messages(settings: Settings) -> dict[str, int]:
    """Return how many messages each of our topics holds."""
    places = {name: [TopicPartition(name, n) for n in range(count)] for name, count in (await ours(settings)).items()}
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka)
    await consumer.start()
    try:
        return {name: sum((await consumer.end_offsets(of_topic)).values()) for name, of_topic in places.items()}
    finally:
        await consumer.stop()


def rows_in(database: Engine) -> dict[str, int]:
    return {table: len(select(database, f"SELECT 1 FROM {table}_rows")) for table in PLAIN}


async def test_interrupted_at_any_step_nothing_starts_until_the_next_has_finished_it(
    before: Settings, filled: Engine
) -> None:
    for step in range(2, STEPS + 1):
        await interrupted(before, filled, step)
        with pytest.raises(BrokerError, match="run `touchline rebuild` again"):
            await check_topics(before, ALL)
        with pytest.raises(BrokerError, match="no topic was created"):
            await create_topics(before)

    steps: list[str] = []
    await rebuild(before, filled, steps.append)

    assert len(steps) == STEPS
    assert await ours(before) == dict.fromkeys(ALL, 6)
    kept = [name for name in ALL if not name.startswith(("journeys.", "facts.")) or name == EPOCHS]
    noted = {EPOCHS: 1 + STEPS - 1}
    assert await messages(before) == {name: int(name in kept) for name in ALL} | noted
    assert await noted_until(before) == SIGNALLED
    assert rows_in(filled) == {table: int(table == "dead_letters") for table in PLAIN}
    await check_topics(before, ALL)


async def test_it_notes_how_far_signals_are_also_where_the_topic_is_not_there_and_never_an_earlier_time(
    before: Settings, filled: Engine
) -> None:
    await delete_topics(before, [EPOCHS])
    await rebuild(before, filled, lambda _step: None)
    assert await noted_until(before) == SIGNALLED

    await report(before, dict.fromkeys(range(6), SIGNALLED - 1))
    await rebuild(before, filled, lambda _step: None)
    assert await noted_until(before) == SIGNALLED

    await report(before, dict.fromkeys(range(6), SIGNALLED + 1))
    await rebuild(before, filled, lambda _step: None)
    assert await noted_until(before) == SIGNALLED + 1


async def report(settings: Settings, done: Mapping[int, int]) -> None:
    """Report of partitions up to when all has been done, ms."""
    producer = BatchProducer(settings)
    await producer.start()
    try:
        reports = [PartitionTime(settings.epoch, number, at, at, 0, at) for number, at in done.items()]
        await producer.send({(WATERMARKS, 0): [Message(one.key, encode(one)) for one in reports]})
    finally:
        await producer.stop()


@pytest.mark.clickhouse
async def test_the_tables_of_a_server_are_emptied_too(before: Settings, clickhouse_server: ClickHouseServer) -> None:
    database = open_engine(clickhouse_server.url())

    def migrate_lowered(tables: Database) -> None:
        migrate(tables, migrations=lowered())

    migrate_lowered(database)
    try:
        await rebuild(before, fill(database), lambda _step: None, migrate_lowered)

        assert rows_in(database) == {table: int(table == "dead_letters") for table in PLAIN}
        assert await ours(before) == dict.fromkeys(ALL, 6)
    finally:
        database.execute("DROP DATABASE touchline")
        database.close()


async def test_before_its_first_change_a_rebuild_leaves_no_mark(before: Settings, filled: Engine) -> None:
    await interrupted(before, filled, 1)

    assert await ours(before) == dict.fromkeys(ALL, 4)


@asynccontextmanager
async def member(settings: Settings, group: str) -> AsyncIterator[None]:
    """Be in a group, as a worker or a sink is."""
    consumer = AIOKafkaConsumer(
        TWEETS, bootstrap_servers=settings.kafka, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        # Once there is an assignment, the group has been formed.
        await consumer.getone()
        await consumer.commit()
        yield
    finally:
        await consumer.stop()


async def test_with_a_process_of_another_suffix_in_its_group_nothing_is_changed(
    before: Settings, filled: Engine
) -> None:
    async with member(before, "touchline-sink-of-old"):
        with pytest.raises(CommandError, match=r"touchline-sink-of-old has 1 member \(127\.0\.0\.1\)"):
            await look(before)
        with pytest.raises(CommandError, match="stop all workers and sinks first"):
            await rebuild(before, filled, lambda _step: None)
        assert await ours(before) == dict.fromkeys(ALL, 4)
        assert all(rows_in(filled).values())

        with pytest.raises(BrokerError, match="a process has joined the group touchline-sink-of-old meanwhile"):
            await forget_groups(before, ["touchline-sink-of-old"])


async def test_groups_of_every_suffix_forget_what_they_have_read_and_those_of_others_do_not(
    before: Settings, filled: Engine
) -> None:
    for group in ("touchline-streams", "touchline-sink-2", "others"):
        async with member(before, group):
            pass

    await rebuild(before, filled, lambda _step: None)

    assert await group_members(before) == {}
    assert await committed(before, "others") == 1
    assert await committed(before, "touchline-streams") == await committed(before, "touchline-sink-2") == 0


async def committed(settings: Settings, group: str) -> int:
    """Return how many partitions of the tweets a group has committed an offset of."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        return len([at for at in (await admin.list_consumer_group_offsets(group)).values() if at.offset > 0])
    finally:
        await admin.close()


async def test_messages_that_retention_has_deleted_are_counted(before: Settings) -> None:
    place = TopicPartition(TWEETS, 3)
    admin = AIOKafkaAdminClient(bootstrap_servers=before.kafka)
    await admin.start()
    try:
        await admin.delete_records({place: RecordsToDelete(before_offset=1)})
    finally:
        await admin.close()

    _, held = await look(before)

    assert held == Held(messages=len(KIND_TOPICS) - 1, gone=1)
