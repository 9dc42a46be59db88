"""The least release of Kafka: a broker's requests tell it, and nothing is created on an older one."""

from __future__ import annotations

import pytest

from streams.kafka import release
from streams.kafka.admin import create_topics
from streams.kafka.client import BrokerError
from streams.kafka.greeting import Greeting, Server, servers_of
from streams.kafka.release import check_release
from streams.settings import Settings

# The latest fetch of each release: Kafka's FetchRequest.json of 2.6 and 2.7, and as a broker of 2.7.2 answered.
FETCH = {"2.6": 11, "2.7": 12}


def answering(monkeypatch: pytest.MonkeyPatch, **fetch_versions: int) -> None:
    """Let hosts answer, each with its latest fetch; the others are down."""

    async def greet(server: Server, _options: object) -> Greeting:
        if server.host not in fetch_versions:
            raise ConnectionRefusedError
        return Greeting([server], fetch_versions[server.host])

    monkeypatch.setattr(release, "greet", greet)


async def test_on_a_kafka_that_is_too_old_no_topic_is_created(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, old=FETCH["2.6"])

    with pytest.raises(BrokerError, match=r"older than 2\.7"):
        await create_topics(Settings(kafka="down:9092,old:9092"))


async def test_the_least_release_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, least=FETCH["2.7"])

    await check_release(Settings(kafka="least:9092"))


async def test_a_kafka_that_does_not_answer_is_not_called_old(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch)

    await check_release(Settings(kafka="down:9092"))


def test_brokers_are_read_with_and_without_spaces_and_in_brackets() -> None:
    servers = servers_of(Settings(kafka="a:1, b.example:2,[::1]:3"))

    assert servers == [("a", 1), ("b.example", 2), ("::1", 3)]
    assert [str(server) for server in servers] == ["a:1", "b.example:2", "[::1]:3"]
