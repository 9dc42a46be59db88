"""The state of the topics that touchline needs: which exist, with how many partitions, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.inputs import CONTRACT_INPUTS
from schemas.topics import REBUILD_MARK, Topic, all_topics
from streams.kafka.admin import REBUILD_AGAIN, partition_counts
from streams.kafka.admin_client import AdminClient
from streams.kafka.client import client_options
from streams.kafka.partitions import listed, misfit, misnamed
from streams.settings import Settings

_MAX_MESSAGE = "max.message.bytes"
_POLICY = "cleanup.policy"
_FOR_EVER = "-1"
"""The value of `retention.ms` and `retention.bytes` with which nothing expires."""

Configs = Mapping[str, Mapping[str, str]]
"""What is known of each topic's settings, by topic and setting."""


@dataclass(frozen=True)
class TopicState:
    """A topic that touchline needs.

    Attributes:
        partitions: how many it has; None when the topic is missing.
        problem: what is wrong with it; "" where nothing is.
    """

    name: str
    partitions: int | None
    problem: str


@dataclass(frozen=True)
class TopicStates:
    """The topics that touchline needs.

    Attributes:
        topics: each of them, in the order of `all_topics`.
        advice: what is wrong with which of them, and what to do: one text for the same advice, however many they are.
    """

    topics: list[TopicState]
    advice: list[str]


async def topic_states(settings: Settings) -> TopicStates:
    """Return the state of every topic.

    Raises:
        KafkaError: Kafka does not answer.
        BrokerError: the certificates to trust cannot be read.
    """
    counts = await partition_counts(settings)
    admin = AdminClient(**client_options(settings))
    try:
        await admin.start()
        configs = await topic_configs(admin, [t.name for t in all_topics(settings.inputs) if t.name in counts])
    finally:
        await admin.close()
    return judge(settings.partitions, counts, configs, settings.inputs)


def judge(
    wanted: int, counts: Mapping[str, int], configs: Configs, inputs: Iterable[str] = CONTRACT_INPUTS
) -> TopicStates:
    """Return the state of every topic.

    Args:
        wanted: how many partitions each should have that is no input.
        counts: how many each topic has that is there, by name.
        configs: the settings of each topic, where they are known.
        inputs: the input topics.
    """
    names = list(inputs)
    topics = all_topics(names)
    there = {topic.name: counts[topic.name] for topic in topics if topic.name in counts}
    fixed = {topic.name: there[topic.name] for topic in topics if topic.name in there and not topic.any_partitions}
    missing = [topic.name for topic in topics if topic.name not in there]
    narrow: dict[str, list[str]] = {}
    losing: dict[str, list[str]] = {}
    states = []
    for topic in topics:
        problem = ""
        config = configs.get(topic.name, {})
        needed = topic.config.get(_MAX_MESSAGE, "0") if topic.is_ours else "0"
        limit = config.get(_MAX_MESSAGE, needed)
        loses = {name: value for name, value in _keeping(topic).items() if config.get(name, value) != value}
        if topic.name not in there:
            problem = "missing"
        elif fixed.get(topic.name, wanted) != wanted:
            problem = f"has {there[topic.name]} partitions, TOUCHLINE_PARTITIONS is {wanted}"
        elif loses:
            problem = "; ".join(f"{name} is {config[name]}, not {value}" for name, value in loses.items())
            losing.setdefault(_said(loses), []).append(topic.name)
        elif int(limit) < int(needed):
            problem = f"{_MAX_MESSAGE} is {limit}, not {needed}"
            narrow.setdefault(needed, []).append(topic.name)
        states.append(TopicState(topic.name, there.get(topic.name), problem))
    if REBUILD_MARK in counts:
        # It will mend all else.
        return TopicStates(states, [REBUILD_AGAIN])
    return TopicStates(
        states,
        [
            *filter(None, [misfit(wanted, fixed)]),
            *_missing(missing, there, misnamed(missing, names, counts)),
            *_losing(losing),
            *_narrow(narrow),
        ],
    )


def _keeping(topic: Topic) -> Mapping[str, str]:
    """Return the settings without which a topic of ours loses what has to stay in it, or never forgets anything."""
    return {name: value for name, value in topic.config.items() if name == _POLICY or value == _FOR_EVER}


def _said(config: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in config.items())


def _missing(missing: list[str], there: Mapping[str, int], wrong: str) -> list[str]:
    if not missing:
        return []
    which = f"{listed(missing)} {'is' if len(missing) == 1 else 'are'} missing" if there else "none is there"
    wrong = f"{wrong}; or create them: " if wrong else ""
    return [f"{which}: {wrong}touchline topics --create"]


def _losing(topics_by_config: Mapping[str, list[str]]) -> list[str]:
    return [
        f"{listed(names)} {'does' if len(names) == 1 else 'do'} not keep what has to stay: "
        f"set {config} (kafka-configs.sh --alter --add-config)"
        for config, names in topics_by_config.items()
    ]


def _narrow(topics_by_limit: Mapping[str, list[str]]) -> list[str]:
    return [
        f"{listed(names)} {'takes' if len(names) == 1 else 'take'} too small messages: "
        f"set {_MAX_MESSAGE}={needed} (kafka-configs.sh --alter --add-config)"
        for needed, names in topics_by_limit.items()
    ]


async def topic_configs(admin: AdminClient, names: list[str]) -> Configs:
    """Return the settings of some topics, as far as the broker tells them."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    if not resources:
        return {}
    return {
        name: {entry[0]: entry[1] for entry in entries if entry[1]}
        for response in await admin.describe_configs(resources)
        for _code, _message, _type, name, entries in response.resources
    }
