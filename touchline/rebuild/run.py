"""A rebuild on Kafka and ClickHouse: looks at what is there, and does the steps of a plan.

A rebuild that was interrupted is finished by running it again: each step may be repeated. From the first step to the
last the topic `journeys.rebuild.v1` is there, and while it is there no process of touchline starts: half-emptied
tables would keep rows of before, whose versions are higher than those of new rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas import epochs
from schemas.epochs import Signalled
from schemas.topics import EPOCHS, REBUILD_MARK, WATERMARKS, Topic, all_topics
from sinks.database import Database
from sinks.emptying import empty_tables
from streams.agents.signalled import noted_until, reached_until
from streams.kafka.admin import create_topics, delete_topics, partition_counts, widen_topics
from streams.kafka.client import client_options
from streams.kafka.groups import forget_groups, group_members
from streams.kafka.producer import BatchProducer, Message
from streams.settings import Settings
from touchline.errors import CommandError
from touchline.migrating import migrate_as_configured
from touchline.rebuild.plan import KEPT_TABLE, Held, Plan, make_plan

Migrate = Callable[[Database], object]
OnStep = Callable[[str], None]


async def look(settings: Settings) -> tuple[Plan, Held]:
    """Return what a rebuild will do, and what the inputs hold.

    Raises:
        CommandError: a worker or sink runs, no input is there, or a topic has more partitions than are set.
        EpochError: it cannot be read up to when signals were sent before an earlier rebuild.
        KafkaError: Kafka does not answer, or refuses to tell.
    """
    counts = await partition_counts(settings)
    plan = make_plan(settings.partitions, counts, await group_members(settings), settings.inputs)
    plan = replace(plan, signalled_until=await _signalled_until(settings, counts))
    return plan, await _held(settings, counts)


async def rebuild(
    settings: Settings, database: Database, on_step: OnStep, migrate_tables: Migrate | None = None
) -> None:
    """Do the steps of a rebuild, or those that are left of an interrupted one.

    Args:
        settings: those that every process will have afterwards.
        database: where the tables are.
        on_step: called with each step as it begins.
        migrate_tables: brings the tables up to date; by default to those of this release.

    Raises:
        CommandError: as `look`; nothing is changed then.
        BrokerError: a process has joined its group meanwhile, or Kafka refused a step.
        KafkaError: Kafka does not answer.
        SinkError: ClickHouse does not answer, or refused a step.
    """
    migrated = migrate_tables or (lambda database: migrate_as_configured(database, settings))
    on_step("bringing the tables up to date")
    # First, for it changes no row: a database that cannot be used is found before anything is deleted.
    migrated(database)
    plan = await _begin(settings)
    on_step("noting up to when signals were sent")
    # Before anything is deleted: what tells it is among that.
    await _note(settings, plan.signalled_until)
    on_step("deleting topics")
    await delete_topics(settings, plan.deleted)
    on_step("deleting the groups' offsets")
    await forget_groups(settings, plan.groups)
    on_step("emptying tables")
    empty_tables(database, [KEPT_TABLE])
    migrated(database)
    on_step("widening topics")
    await widen_topics(settings, plan.widened)
    on_step("creating topics")
    await create_topics(settings, rebuilding=True)
    on_step("letting processes start again")
    await delete_topics(settings, [REBUILD_MARK])


async def _begin(settings: Settings) -> Plan:
    """Mark the rebuild as begun, so that no process starts any more; return the plan as of then."""
    marked = await create_topics(settings, [Topic(REBUILD_MARK)], rebuilding=True)
    try:
        plan, _ = await look(settings)
    except CommandError:
        if REBUILD_MARK in marked.made:
            await delete_topics(settings, [REBUILD_MARK])
        raise
    return plan


async def _signalled_until(settings: Settings, counts: Mapping[str, int]) -> int:
    """Return up to when signals were sent, ms; an epoch is behind that until it has caught up with a rebuild."""
    noted = await noted_until(settings) if EPOCHS in counts else 0
    reached = await reached_until(settings, counts[WATERMARKS]) if WATERMARKS in counts else 0
    return max(noted, reached)


async def _note(settings: Settings, until: int) -> None:
    """Write up to when signals were sent, ms, where it is known."""
    if not until:
        return
    if EPOCHS not in await partition_counts(settings):
        # With its settings; where it is there, it may have fewer partitions as yet.
        await create_topics(settings, [topic for topic in all_topics() if topic.name == EPOCHS], rebuilding=True)
    signalled = Signalled(settings.epoch, until)
    producer = BatchProducer(settings)
    await producer.start()
    try:
        await producer.send({(EPOCHS, 0): [Message(signalled.key, epochs.encode(signalled))]})
    finally:
        await producer.stop()


async def _held(settings: Settings, counts: Mapping[str, int]) -> Held:
    """Return what the inputs hold; without transactions, offsets count messages."""
    places = [TopicPartition(name, number) for name in settings.inputs for number in range(counts.get(name, 0))]
    consumer = AIOKafkaConsumer(**client_options(settings), enable_auto_commit=False)
    await consumer.start()
    try:
        starts, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    finally:
        await consumer.stop()
    return Held(sum(ends.values()) - sum(starts.values()), sum(starts.values()))
