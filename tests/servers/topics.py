"""Topics for tests, made through the broker's own administration API."""

from __future__ import annotations

from collections.abc import Iterable

from aiokafka.admin import NewPartitions, NewTopic
from aiokafka.errors import for_code

from schemas.topics import Topic, all_topics
from streams.kafka.admin_client import AdminClient


async def create_topics(bootstrap: str, topics: Iterable[Topic | str], partitions: int = 1) -> None:
    """Create topics, each with `partitions` partitions; names stand for topics without settings.

    Raises:
        aiokafka.errors.KafkaError: the broker refused one, such as one that exists.
    """
    described = [Topic(topic) if isinstance(topic, str) else topic for topic in topics]
    admin = AdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        response = await admin.create_topics(
            [NewTopic(t.name, partitions, 1, topic_configs=t.config) for t in described]
        )
    finally:
        await admin.close()
    for name, code, *message in response.topic_errors:
        if code:
            raise for_code(code)(f"{name}: {' '.join(map(str, message))}")


async def create_all_topics(bootstrap: str, partitions: int = 4) -> None:
    """Create every topic touchline reads or writes."""
    await create_topics(bootstrap, all_topics(), partitions)


async def delete_topics(bootstrap: str, names: Iterable[str]) -> None:
    """Delete topics, so that the next test finds none of them.

    Raises:
        aiokafka.errors.KafkaError: the broker refused one, such as one that is not there.
    """
    admin = AdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        response = await admin.delete_topics(list(names))
    finally:
        await admin.close()
    for name, code in response.topic_error_codes:
        if code:
            raise for_code(code)(name)


async def widen_topic(bootstrap: str, name: str, partitions: int) -> None:
    """Give a topic more partitions.

    Raises:
        aiokafka.errors.KafkaError: the broker refused it.
    """
    admin = AdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        response = await admin.create_partitions({name: NewPartitions(partitions)})
    finally:
        await admin.close()
    for _name, code, *_message in response.topic_errors:
        if code:
            raise for_code(code)(name)
