"""The watch: a process says that it waits for Kafka when that does not answer, acknowledge, or take what is sent."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from streams.kafka.client import BrokerError
from streams.kafka.obstacle import Obstacle
from streams.runtime.standing import Standing
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings, load
from touchline.collect.capacity import Capacity
from touchline.collect.publisher import Publisher
from touchline.collect.watch import ASKED_EVERY, SEND_S, KafkaWatch


class Slow(Publisher):
    """A publisher whose oldest write is as old as a test says."""

    waited_s = 0.0

    @property
    def unacknowledged_s(self) -> float:
        return self.waited_s


class Watched:
    """A watch, and what it looks at."""

    def __init__(self) -> None:
        self.obstacle: Obstacle | None = None
        self.asked = 0
        self.publisher = Slow(Capacity(1, 1))
        self.standing = Standing()
        self.telemetry = Telemetry.on(CollectorRegistry(), "collect")
        self.watch = KafkaWatch(load(), self.publisher, self.standing, self.telemetry, self._find)

    async def _find(self, _settings: Settings) -> Obstacle | None:
        self.asked += 1
        return self.obstacle


async def test_a_kafka_that_is_away_while_nothing_comes_is_noticed() -> None:
    watched = Watched()
    await watched.watch.look()
    assert watched.standing.working

    watched.obstacle = Obstacle("b:9092 is not reached: no route", refused=False)
    for _ in range(ASKED_EVERY):
        await watched.watch.look()
    assert "b:9092 is not reached" in str(watched.standing)
    assert watched.telemetry.registry.get_sample_value("touchline_retries_total", {"operation": "connect_kafka"}) == 1

    watched.obstacle = None
    for _ in range(ASKED_EVERY):
        await watched.watch.look()
    assert watched.standing.working
    assert watched.asked == 3


async def test_a_kafka_that_answers_and_does_not_acknowledge_is_waited_for() -> None:
    watched = Watched()
    watched.publisher.waited_s = SEND_S + 1
    await watched.watch.look()
    assert "does not acknowledge" in str(watched.standing)

    watched.publisher.waited_s = 0
    await watched.watch.look()
    assert watched.standing.working


async def test_what_kafka_does_not_take_is_told_until_it_takes_something() -> None:
    watched = Watched()
    watched.publisher.refusal = "no right to write"
    await watched.watch.look()
    assert "no right to write" in str(watched.standing)

    watched.publisher.refusal = ""
    await watched.watch.look()
    assert watched.standing.working


async def test_a_refused_login_is_an_error() -> None:
    watched = Watched()
    watched.obstacle = Obstacle("Kafka at b:9092 refuses the login", refused=True)

    with pytest.raises(BrokerError, match="refuses the login"):
        await watched.watch.look()
