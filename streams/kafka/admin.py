"""Creating, widening and deleting topics, and checking that they are as the workers need them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from aiokafka.admin import NewPartitions, NewTopic
from aiokafka.errors import (
    InvalidConfigurationError,
    KafkaError,
    RequestTimedOutError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from schemas.topics import REBUILD_MARK, Topic, all_topics
from streams.kafka.admin_client import AdminClient
from streams.kafka.client import BrokerError, client_options
from streams.kafka.partitions import listed, misfit, misnamed, misspelt
from streams.kafka.release import check_release
from streams.settings import Settings

NAMED = 8
"""Topics that an error names at most."""
KNOWN_WITHIN_S = 120.0
ASK_AGAIN_S = 0.2
REBUILD_AGAIN = (
    "a rebuild is under way, or was interrupted: let it end, or run `touchline rebuild` again "
    "(docs/operating.md#rebuilding)"
)

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


async def create_topics(
    settings: Settings, topics: Iterable[Topic] | None = None, *, rebuilding: bool = False
) -> Created:
    """Create the topics that are not there (by default all of them); change none that is.

    Args:
        settings: how Kafka is reached, and how many partitions and replicas a topic gets.
        topics: which; None for all.
        rebuilding: whether the caller is the rebuild that is under way; any other call is refused meanwhile.

    Raises:
        BrokerError: Kafka is too old, a rebuild is under way, a topic that is no input is there with another number
            of partitions, or the name of an input seems to be misspelt: none was created. Or one could not be created.
        KafkaError: no broker answers.
    """
    wanted = list(all_topics(settings.inputs) if topics is None else topics)
    done = Created()
    await check_release(settings)
    there = await partition_counts(settings)
    if REBUILD_MARK in there and not rebuilding:
        raise BrokerError(f"no topic was created: {REBUILD_AGAIN}")
    problem = misfit(
        settings.partitions,
        {topic.name: there[topic.name] for topic in wanted if topic.name in there and not topic.any_partitions},
    )
    if problem:
        raise BrokerError(f"no topic was created. {problem}")
    missing = [topic.name for topic in wanted if topic.name not in there]
    if not rebuilding and (doubt := misspelt(missing, settings.inputs, there)):
        raise BrokerError(
            f"no topic was created. TOUCHLINE_TOPICS names what its producers may call otherwise: {doubt} Mend the "
            "setting; or, if its name is right, have its producers create it first (kafka-topics.sh --create)"
        )
    admin = AdminClient(**client_options(settings))
    try:
        await admin.start()
        done.there += [topic.name for topic in wanted if topic.name in there]
        await _create_all(admin, settings, [topic for topic in wanted if topic.name not in there], done)
    finally:
        await admin.close()
    await _until_known(settings, done.made + done.plain)
    _check(settings, await partition_counts(settings), (topic.name for topic in wanted))
    return done


async def check_topics(settings: Settings, names: Iterable[str]) -> Mapping[str, int]:
    """Return the number of partitions of every topic there is.

    Raises:
        BrokerError: a rebuild is under way, topics of these names are missing, or one of them that is no input has not
            as many partitions as are set.
    """
    counts = await partition_counts(settings)
    if REBUILD_MARK in counts:
        raise BrokerError(REBUILD_AGAIN)
    _check(settings, counts, names)
    return counts


def _check(settings: Settings, counts: Mapping[str, int], names: Iterable[str]) -> None:
    wanted = sorted(set(names))
    missing = [name for name in wanted if name not in counts]
    if missing:
        unseen = f", or user {settings.kafka_user} may not describe them" if settings.kafka_user else ""
        wrong = f"{said}. " if (said := misnamed(missing, settings.inputs, counts)) else ""
        raise BrokerError(
            f"these topics do not exist{unseen}: {_listed(missing)}. {wrong}Create them with: touchline topics --create"
        )
    problem = misfit(settings.partitions, {name: counts[name] for name in wanted if name not in settings.inputs})
    if problem:
        raise BrokerError(problem)


def _listed(names: Sequence[str]) -> str:
    """Return the names, of many only some: the advice behind them must not be cut off."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


async def partition_counts(settings: Settings) -> Mapping[str, int]:
    """Return the number of partitions of every topic there is. Asking for all creates none.

    Raises:
        KafkaError: no broker answers.
    """
    admin = AdminClient(**client_options(settings))
    try:
        await admin.start()
        described = await admin.describe_topics()
    finally:
        await admin.close()
    return {entry["topic"]: len(entry["partitions"]) for entry in described}


async def delete_topics(settings: Settings, names: Iterable[str]) -> None:
    """Delete topics, and wait until brokers no longer tell of them; those that are gone already are passed over.

    Raises:
        BrokerError: the broker refused it, or a topic is still there after two minutes.
        KafkaError: no broker answers.
    """
    unwanted = set(names)
    if not unwanted:
        return
    admin = AdminClient(**client_options(settings))
    try:
        await admin.start()
        response = await admin.delete_topics(sorted(unwanted))
    finally:
        await admin.close()
    for name, code, *_ in response.topic_error_codes:
        # After a timeout the deletion goes on.
        if code and for_code(code) not in (UnknownTopicOrPartitionError, RequestTimedOutError):
            raise BrokerError(f"topic {name} could not be deleted: {for_code(code).description}")
    await _until_counts(settings, lambda counts: sorted(unwanted & counts.keys()), "still there")


async def widen_topics(settings: Settings, names: Iterable[str]) -> None:
    """Give topics `TOUCHLINE_PARTITIONS` partitions, and wait until brokers tell of them; their messages stay.

    Raises:
        BrokerError: the broker refused it, or a topic still has fewer after two minutes.
        KafkaError: no broker answers.
    """
    narrow, wanted = sorted(names), settings.partitions
    if not narrow:
        return
    admin = AdminClient(**client_options(settings))
    try:
        await admin.start()
        await admin.create_partitions({name: NewPartitions(wanted) for name in narrow})
    except KafkaError as error:
        raise BrokerError(f"a topic could not be given {wanted} partitions: {error}") from error
    finally:
        await admin.close()
    await _until_counts(
        settings, lambda counts: [name for name in narrow if counts.get(name) != wanted], f"not at {wanted} partitions"
    )


async def _until_counts(settings: Settings, left: Callable[[Mapping[str, int]], list[str]], state: str) -> None:
    """Wait until the topics that `left` returns of all partition counts are none."""
    names: list[str] = []
    for _ in range(int(KNOWN_WITHIN_S / ASK_AGAIN_S)):
        names = left(await partition_counts(settings))
        if not names:
            return
        await asyncio.sleep(ASK_AGAIN_S)
    raise BrokerError(
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} {state} after {KNOWN_WITHIN_S:g} s: "
        "look at the brokers' logs, and run this again"
    )


async def _until_known(settings: Settings, names: Iterable[str]) -> None:
    """Wait until brokers tell of new topics, which they do a little after they were created."""
    for _ in range(int(KNOWN_WITHIN_S / ASK_AGAIN_S)):
        if not set(names) - (await partition_counts(settings)).keys():
            return
        await asyncio.sleep(ASK_AGAIN_S)


async def _create_all(admin: AdminClient, settings: Settings, missing: Sequence[Topic], done: Created) -> None:
    """Create topics that brokers do not tell of; whose name is taken nevertheless is asked for again.

    Another process has just created it, and it will be told of; or it is being deleted: brokers with ZooKeeper stop
    telling of a topic some time before its name is free.
    """
    for _ in range(int(KNOWN_WITHIN_S / ASK_AGAIN_S)):
        taken = [topic for topic in missing if not await _create(admin, settings, topic, done)]
        if not taken:
            return
        await asyncio.sleep(ASK_AGAIN_S)
        counts = await partition_counts(settings)
        done.there += [topic.name for topic in taken if topic.name in counts]
        missing = [topic for topic in taken if topic.name not in counts]
    done.there += [topic.name for topic in missing]


async def _create(admin: AdminClient, settings: Settings, topic: Topic, done: Created) -> bool:
    """Create a topic; return False if its name is taken."""
    try:
        await _request(admin, settings, topic, topic.config)
    except TopicAlreadyExistsError:
        return False
    except InvalidConfigurationError as error:
        log.warning("created without its settings", topic=topic.name, cause=str(error))
        await _request(admin, settings, topic, {})
        done.plain.append(topic.name)
    except KafkaError as error:
        raise BrokerError(f"topic {topic.name} could not be created: {error}") from error
    else:
        done.made.append(topic.name)
    return True


async def _request(admin: AdminClient, settings: Settings, topic: Topic, config: Mapping[str, str]) -> None:
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
