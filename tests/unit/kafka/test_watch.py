"""The watch on Kafka: what it notes when Kafka is away, refuses us or takes nothing, and how it counts the lag."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    InvalidSessionTimeoutError,
    KafkaError,
    NodeNotReadyError,
)
from prometheus_client import CollectorRegistry

from streams.kafka.client import BrokerError
from streams.kafka.consumer import Lags
from streams.kafka.obstacle import Obstacle
from streams.kafka.producer import Batches
from streams.kafka.watch import SEND_S, Producer, Watch, WatchedProducer
from streams.runtime.standing import Standing
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings

AWAY = Obstacle("127.0.0.1:9092 is not reached: Connection refused", refused=False)
REFUSED = Obstacle("Kafka at 127.0.0.1:9092 refuses the login of user touchline: look at ...", refused=True)
JOINED = Lags({}, joined=True)


class Broker:
    """A Kafka in the test's hands: what it answers, why it does not, and a write that it holds up."""

    def __init__(self) -> None:
        self.answer: Lags | Exception = JOINED
        self.obstacle: Obstacle | None = None
        self.takes = asyncio.Event()
        self.now = 0.0

    async def lags(self) -> Lags:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def find_obstacle(self, _settings: Settings) -> Obstacle | None:
        return self.obstacle

    async def send(self, _batches: Batches) -> None:
        await self.takes.wait()

    def clock(self) -> float:
        return self.now


class Bench:
    def __init__(self) -> None:
        self.broker = Broker()
        self.standing = Standing(self.broker.clock)
        self.registry = CollectorRegistry()
        self.producer = WatchedProducer(cast(Producer, self.broker), self.broker.clock)
        self.watch = Watch(
            Settings(kafka_user="touchline"),
            self.broker,
            self.producer,
            self.standing,
            Telemetry.on(self.registry),
            self.broker.find_obstacle,
        )

    def counted(self, name: str, labels: Mapping[str, str]) -> float | None:
        return self.registry.get_sample_value(name, dict(labels))

    @property
    def retries(self) -> float | None:
        return self.counted("touchline_retries_total", {"operation": "connect_kafka"})


@pytest.mark.parametrize("error", [NodeNotReadyError("0"), TimeoutError(), OSError("no route to host")])
async def test_kafka_that_is_away_is_waited_for_and_counted_until_it_answers(error: Exception) -> None:
    bench = Bench()
    bench.broker.answer, bench.broker.obstacle = error, AWAY
    await bench.watch.look()
    bench.broker.now = 9.4
    await bench.watch.look()

    assert str(bench.standing) == f"waiting for Kafka for 9 s: {AWAY.text}"
    assert bench.retries == 2

    bench.broker.answer = JOINED
    await bench.watch.look()
    assert bench.standing.working


async def test_who_is_not_in_the_group_waits_for_kafka() -> None:
    bench = Bench()
    bench.broker.answer = Lags({}, joined=False)
    await bench.watch.look()

    assert "not in our group" in str(bench.standing)


async def test_a_login_that_is_refused_once_connections_are_renewed_is_an_error_with_advice() -> None:
    bench = Bench()
    bench.broker.answer, bench.broker.obstacle = NodeNotReadyError("0"), REFUSED

    with pytest.raises(BrokerError, match="refuses the login of user touchline"):
        await bench.watch.look()


async def test_a_missing_right_is_an_error_that_names_it_and_what_to_do() -> None:
    bench = Bench()
    bench.broker.answer = GroupAuthorizationFailedError("touchline-streams")

    with pytest.raises(BrokerError, match=r"user touchline a right: .*touchline-streams.*#rights-in-kafka"):
        await bench.watch.look()


@pytest.mark.parametrize("error", [InvalidSessionTimeoutError(), KafkaError("Unexpected error during coordination")])
async def test_an_error_that_waiting_does_not_mend_is_raised(error: KafkaError) -> None:
    bench = Bench()
    bench.broker.answer = error

    with pytest.raises(type(error)):
        await bench.watch.look()


async def test_a_write_that_is_not_acknowledged_is_a_wait_for_kafka() -> None:
    bench = Bench()
    writing = asyncio.create_task(bench.producer.send({}))
    await asyncio.sleep(0)
    bench.broker.now = SEND_S
    await bench.watch.look()
    assert bench.standing.working

    bench.broker.now += 1
    await bench.watch.look()
    assert "does not acknowledge what we write" in str(bench.standing)

    bench.broker.takes.set()
    await writing
    await bench.watch.look()
    assert bench.standing.working


async def test_the_lag_is_counted_by_stage() -> None:
    bench = Bench()
    topics = {
        "touchpoints.tweets.v1": 3,
        "business.changes.v1": 4,
        "journeys.touchpoints.v1": 50,
        "facts.clocks.v1": 600,
        "touchpoints.dlq.v1": 7000,
        "journeys.watermarks.v1": 80000,
    }
    bench.broker.answer = Lags(topics, joined=True)
    await bench.watch.look()
    lag = {
        stage: bench.counted("touchline_consumer_lag_records", {"stage": stage})
        for stage in ("ingest", "journeys", "sink")
    }

    assert lag == {"ingest": 7, "journeys": 50, "sink": 7600}


async def test_a_lag_that_was_caught_up_with_is_told_as_none() -> None:
    bench = Bench()
    for records in ({"journeys.touchpoints.v1": 5}, {"journeys.touchpoints.v1": 0}):
        bench.broker.answer = Lags(records, joined=True)
        await bench.watch.look()

    assert bench.counted("touchline_consumer_lag_records", {"stage": "journeys"}) == 0


async def test_partitions_that_were_given_away_are_no_lag() -> None:
    bench = Bench()
    for records in ({"journeys.touchpoints.v1": 5}, {}):
        bench.broker.answer = Lags(records, joined=True)
        await bench.watch.look()

    assert bench.counted("touchline_consumer_lag_records", {"stage": "journeys"}) == 0
