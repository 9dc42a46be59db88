"""Topics are created where others create or delete the same ones at that moment."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.admin import NewTopic

from schemas.topics import OWN_TOPICS, REBUILD_MARK, Topic
from streams.kafka import admin
from streams.kafka.admin import check_topics, create_topics
from streams.kafka.client import BrokerError
from streams.settings import Settings

TOPIC_ALREADY_EXISTS = 36
"""Kafka's error code."""
SETTINGS = Settings(kafka="here:9092", partitions=3)


class Broker:
    """A broker whose topics appear and go at chosen moments.

    Attributes:
        told: the topics that it tells of, with their numbers of partitions.
        refusals: how often it still says of a topic that the name is taken.
        appears: topics of others, which it tells of from the refusal on.
    """

    def __init__(self, **refusals: int) -> None:
        self.told: dict[str, int] = {}
        self.refusals = refusals
        self.appears: dict[str, int] = {}

    def __call__(self, **_options: Any) -> Broker:
        return self

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def describe_topics(self) -> list[dict[str, Any]]:
        return [{"topic": name, "partitions": [None] * count} for name, count in self.told.items()]

    async def create_topics(self, topics: list[NewTopic]) -> SimpleNamespace:
        (topic,) = topics
        if self.refusals.get(topic.name, 0) > 0:
            self.refusals[topic.name] -= 1
            self.told |= {name: count for name, count in self.appears.items() if name == topic.name}
            return SimpleNamespace(topic_errors=[(topic.name, TOPIC_ALREADY_EXISTS, "exists")])
        self.told[topic.name] = topic.num_partitions
        return SimpleNamespace(topic_errors=[(topic.name, 0, None)])


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call with a broker for whom to stand in."""

    async def release_is_good(_settings: Settings) -> None:
        pass

    def use(broker: Broker) -> Broker:
        monkeypatch.setattr(admin, "AdminClient", broker)
        return broker

    monkeypatch.setattr(admin, "check_release", release_is_good)
    monkeypatch.setattr(admin, "ASK_AGAIN_S", 0.001)
    monkeypatch.setattr(admin, "KNOWN_WITHIN_S", 0.01)
    return use


async def test_a_name_that_a_deleted_topic_still_holds_is_waited_for(on: Any) -> None:
    broker = on(Broker(gone=4))

    done = await create_topics(SETTINGS, [Topic("gone"), Topic("new")])

    assert (sorted(done.made), done.there) == (["gone", "new"], [])
    assert broker.told == {"gone": 3, "new": 3}


async def test_a_topic_that_another_process_has_just_created_is_left_as_it_is(on: Any) -> None:
    broker = on(Broker(theirs=99))
    broker.appears = {"theirs": 3}

    done = await create_topics(SETTINGS, [Topic("theirs")])

    assert (done.made, done.there) == ([], ["theirs"])


async def test_a_topic_of_another_with_another_number_of_partitions_is_told(on: Any) -> None:
    broker = on(Broker(theirs=99))
    broker.appears = {"theirs": 5}

    with pytest.raises(BrokerError, match="theirs"):
        await create_topics(SETTINGS, [Topic("theirs")])


async def test_a_name_that_stays_taken_and_is_never_told_of_is_an_error(on: Any) -> None:
    on(Broker(hidden=99))

    with pytest.raises(BrokerError, match="these topics do not exist: hidden"):
        await create_topics(SETTINGS, [Topic("hidden")])


async def test_a_misspelt_input_is_named_with_the_topic_that_is_meant(on: Any) -> None:
    broker = on(Broker())
    broker.told = {"shop.orders": 5, "events": 1, **dict.fromkeys(OWN_TOPICS - {REBUILD_MARK}, 3)}
    settings = Settings(kafka="here:9092", partitions=3, topics="purchase=shop.ordres,*=events")

    with pytest.raises(BrokerError) as told:
        await check_topics(settings, settings.inputs)

    assert str(told.value) == (
        "these topics do not exist: shop.ordres. shop.ordres is a name of TOUCHLINE_TOPICS: look at its spelling "
        "(did you mean shop.orders?). Create them with: touchline topics --create"
    )


async def test_a_missing_topic_of_the_contract_is_no_misspelt_name(on: Any) -> None:
    on(Broker())

    with pytest.raises(BrokerError) as told:
        await check_topics(SETTINGS, ["touchpoints.tweets.v1"])

    assert "TOUCHLINE_TOPICS" not in str(told.value)


async def test_no_topic_is_created_where_the_setting_misspells_one_that_is_there(on: Any) -> None:
    broker = on(Broker())
    broker.told = {"shop.orders": 3}
    settings = Settings(kafka="here:9092", partitions=3, topics="purchase=shop.ordres")

    with pytest.raises(BrokerError, match=r"no topic was created.* did you mean shop\.orders\?.*create it first"):
        await create_topics(settings)

    assert broker.told == {"shop.orders": 3}
    broker.told["shop.ordres"] = 3
    assert "facts.customers.v1" in (await create_topics(settings)).made
