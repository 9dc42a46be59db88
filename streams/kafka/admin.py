"""Creating topics, and checking that they are as the workers need them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    InvalidConfigurationError,
    KafkaError,
    TopicAlreadyExistsError,
    for_code,
)

from schemas.topics import Topic, all_topics
from streams.kafka.client import BrokerError, client_options
from streams.kafka.greeting import check_release
from streams.kafka.partitions import misfit
from streams.settings import Settings

KNOWN_WITHIN_S = 120.0
ASK_AGAIN_S = 0.2

log = structlog.get_logger(__name__)


@dataclass
class Created:
    """What `create_topics` did, each by topic name.

    Attributes:
        made: created now.
        there: there already; left as they were.
        plain: created, but without their settings, which the broker does not know.
    """

    made: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)


async def create_topics(settings: Settings, topics: Iterable[Topic] | None = None) -> Created:
    """Create the topics that are not there (by default all of them); change none that is.

    Raises:
        BrokerError: Kafka is too old, or a topic is there with another number of partitions: none was created.
            Or one could not be created.
        KafkaError: no broker answers.
    """
    wanted = list(all_topics() if topics is None else topics)
    done = Created()
    await check_release(settings)
    there = await partition_counts(settings)
    problem = misfit(settings.partitions, {topic.name: there[topic.name] for topic in wanted if topic.name in there})
    if problem:
        raise BrokerError(f"no topic was created. {problem}")
    admin = AIOKafkaAdminClient(**client_options(settings))
    try:
        await admin.start()
        for topic in wanted:
            if topic.name in there:
                done.there.append(topic.name)
            else:
                await _create(admin, settings, topic, done)
    finally:
        await admin.close()
    await _until_known(settings, done.made + done.plain)
    await check_topics(settings, (topic.name for topic in wanted))
    return done


async def check_topics(settings: Settings, names: Iterable[str]) -> None:
    """Raise a BrokerError that names topics that are missing or have other partition counts."""
    counts = await partition_counts(settings)
    wanted = sorted(set(names))
    missing = [name for name in wanted if name not in counts]
    if missing:
        unseen = f", or user {settings.kafka_user} may not describe them" if settings.kafka_user else ""
        raise BrokerError(
            f"these topics do not exist{unseen}: {', '.join(missing)}. Create them with: touchline topics --create"
        )
    problem = misfit(settings.partitions, {name: counts[name] for name in wanted})
    if problem:
        raise BrokerError(problem)


async def partition_counts(settings: Settings) -> Mapping[str, int]:
    """Return the number of partitions of every topic there is. Asking for all creates none.

    Raises:
        KafkaError: no broker answers.
    """
    admin = AIOKafkaAdminClient(**client_options(settings))
    try:
        await admin.start()
        described = await admin.describe_topics()
    finally:
        await admin.close()
    return {entry["topic"]: len(entry["partitions"]) for entry in described}


async def _until_known(settings: Settings, names: Iterable[str]) -> None:
    """Wait until brokers tell of new topics, which they do a little after they were created."""
    for _ in range(int(KNOWN_WITHIN_S / ASK_AGAIN_S)):
        if not set(names) - (await partition_counts(settings)).keys():
            return
        await asyncio.sleep(ASK_AGAIN_S)


async def _create(admin: AIOKafkaAdminClient, settings: Settings, topic: Topic, done: Created) -> None:
    try:
        await _request(admin, settings, topic, topic.config)
    except TopicAlreadyExistsError:
        done.there.append(topic.name)
    except InvalidConfigurationError as error:
        log.warning("created without its settings", topic=topic.name, cause=str(error))
        await _request(admin, settings, topic, {})
        done.plain.append(topic.name)
    except KafkaError as error:
        raise BrokerError(f"topic {topic.name} could not be created: {error}") from error
    else:
        done.made.append(topic.name)


async def _request(admin: AIOKafkaAdminClient, settings: Settings, topic: Topic, config: Mapping[str, str]) -> None:
    response = await admin.create_topics(
        [
            NewTopic(
                name=topic.name,
                num_partitions=settings.partitions,
                replication_factor=settings.replication,
                topic_configs=dict(config),
            )
        ]
    )
    for _, code, *message in response.topic_errors:
        if code:
            raise for_code(code)(message[0] if message and message[0] else "")
