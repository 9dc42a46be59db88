"""The state of the topics that touchline needs: which exist, with how many partitions, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.topics import all_topics
from streams.kafka.admin import partition_counts
from streams.kafka.client import client_options
from streams.settings import Settings

_MAX_MESSAGE = "max.message.bytes"


@dataclass(frozen=True)
class TopicState:
    """A topic that touchline needs.

    Attributes:
        partitions: how many it has; None when the topic is missing.
        wanted: how many it should have.
        problem: what is wrong with it, and how to mend it; "" where nothing is wrong.
    """

    name: str
    partitions: int | None
    wanted: int
    problem: str


async def topic_states(settings: Settings) -> list[TopicState]:
    """Return the state of every topic, in the order of `all_topics`.

    Raises:
        KafkaError: Kafka does not answer.
    """
    counts = await partition_counts(settings)
    admin = AIOKafkaAdminClient(**client_options(settings))
    try:
        await admin.start()
        limits = await _message_limits(admin, [t.name for t in all_topics() if t.name in counts])
    finally:
        await admin.close()
    return [
        _state(topic.name, counts, settings.partitions, topic.config.get(_MAX_MESSAGE), limits)
        for topic in all_topics()
    ]


def _state(name: str, counts: Mapping[str, int], wanted: int, needed: str | None, limits: dict[str, int]) -> TopicState:
    partitions = counts.get(name)
    problem = ""
    if partitions is None:
        problem = "missing: touchline topics --create"
    elif partitions != wanted:
        problem = (
            f"has {partitions} partitions, TOUCHLINE_PARTITIONS is {wanted}: "
            "all topics need the same number; set it to what is there, or make the topics anew"
        )
    elif needed is not None and limits.get(name, int(needed)) < int(needed):
        problem = f"{_MAX_MESSAGE} is {limits[name]}, set it to {needed}"
    return TopicState(name, partitions, wanted, problem)


async def _message_limits(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, int]:
    """Return the largest message each topic takes, bytes, where the broker says it."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    if not resources:
        return {}
    found = {}
    for response in await admin.describe_configs(resources):
        for _code, _message, _type, name, entries in response.resources:
            values = {entry[0]: entry[1] for entry in entries}
            if values.get(_MAX_MESSAGE):
                found[name] = int(values[_MAX_MESSAGE])
    return found
