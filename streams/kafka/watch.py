"""Watches Kafka from a process that runs: whether it answers, takes us and takes what we write; and our lag."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Container, Mapping
from typing import Protocol

import structlog
from aiokafka.errors import ConsumerStoppedError, IllegalStateError, KafkaError
from faust.exceptions import ConsumerNotStarted

from schemas.errors import Stage
from schemas.topics import DEAD_LETTERS, FACTS_TOPICS, JOURNEYS_LOG
from streams.kafka.client import BrokerError, explained, obstacle_of, passes
from streams.kafka.consumer import Lags
from streams.kafka.obstacle import Obstacle
from streams.kafka.producer import Batches, Ends
from streams.runtime.retry import Sleep
from streams.runtime.standing import Standing
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings

EVERY_S = 5.0
SOON_S = 1.0
"""Seconds between two looks, and while something is waited for."""
LONG = 10
"""So many looks in a row at which Kafka is waited for are told of, even at the start."""
ANSWER_S = 10.0
"""How long Kafka may take to say where our partitions end."""
SEND_S = 15.0
"""How long it may take to acknowledge what we write."""

_STAGES: Mapping[str, Stage] = {
    JOURNEYS_LOG: "journeys",
    **dict.fromkeys((*FACTS_TOPICS, DEAD_LETTERS), "sink"),
}
"""By topic, the stage that reads it, but for the inputs."""

log = structlog.get_logger(__name__)


class Consumer(Protocol):
    """What is used of `streams.kafka.consumer.ChunkConsumer`."""

    async def lags(self) -> Lags:
        """Ask Kafka for the ends of our partitions, and return how many records lie before them."""


class Producer(Protocol):
    """What is used of `streams.kafka.producer.BatchProducer`."""

    async def send(self, batches: Batches) -> Ends:
        """Write all messages, wait until all are acknowledged, and return where they end."""


class WatchedProducer:
    """A producer that tells for how long Kafka has not acknowledged what it was given.

    Args:
        producer: does the work.
        clock: tells seconds, monotonic.
    """

    def __init__(self, producer: Producer, clock: Callable[[], float] = time.monotonic) -> None:
        self._producer = producer
        self._clock = clock
        self._begun: dict[object, float] = {}

    async def send(self, batches: Batches) -> Ends:
        """Write all messages, wait until all are acknowledged, and return where they end."""
        key = object()
        self._begun[key] = self._clock()
        try:
            return await self._producer.send(batches)
        finally:
            del self._begun[key]

    @property
    def unacknowledged_s(self) -> float:
        """Seconds since the oldest write that is not acknowledged; 0 without one."""
        return self._clock() - min(self._begun.values(), default=self._clock())


class Watch:
    """Looks at Kafka from time to time, and notes and counts what it sees.

    Args:
        settings: how Kafka is reached.
        consumer: says how far we are behind.
        producer: says for how long a write has waited.
        standing: where it is noted whether we wait for Kafka.
        telemetry: where the lag and failed looks are counted.
        find_obstacle: finds out why no broker takes us.
    """

    def __init__(
        self,
        settings: Settings,
        consumer: Consumer,
        producer: WatchedProducer,
        standing: Standing,
        telemetry: Telemetry,
        find_obstacle: Callable[[Settings], Awaitable[Obstacle | None]] = obstacle_of,
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._producer = producer
        self._standing = standing
        self._telemetry = telemetry
        self._find_obstacle = find_obstacle
        self._stages: set[Stage] = set()
        self._waits = 0

    async def run(self, sleep: Sleep = asyncio.sleep) -> None:
        """Look until cancelled.

        Raises:
            BrokerError: Kafka refuses us.
            KafkaError: it refuses something else; waiting does not help.
        """
        while True:
            await self.look()
            await sleep(EVERY_S if self._standing.working else SOON_S)

    async def look(self) -> None:
        """Look once; errors as those of `run`."""
        try:
            async with asyncio.timeout(ANSWER_S):
                lags = await self._consumer.lags()
        except (ConsumerNotStarted, ConsumerStoppedError, IllegalStateError):
            return  # the start, an orderly stop, or a rebalance
        except (KafkaError, OSError, TimeoutError) as error:
            await self._note_failure(error)
            return
        behind = _by_stage(lags.records, self._settings.inputs)
        self._stages |= behind.keys()
        for stage in self._stages:
            self._telemetry.consumer_lag.labels(stage).set(behind.get(stage, 0))
        if not lags.joined:
            self._wait("we are not in our group yet, or again")
        elif self._producer.unacknowledged_s > SEND_S:
            self._wait("it does not acknowledge what we write")
        elif self._standing.waits("kafka"):
            self._waits = 0
            self._standing.go_on("kafka")
            log.info("Kafka answers, and takes us")

    async def _note_failure(self, error: Exception) -> None:
        obstacle = await self._find_obstacle(self._settings)
        if obstacle is not None and obstacle.refused:
            raise BrokerError(obstacle.text) from error
        if isinstance(error, KafkaError) and not passes(error):
            raise explained(self._settings, error)
        self._telemetry.retries.labels("connect_kafka").inc()
        self._wait(obstacle.text if obstacle is not None else repr(error))

    def _wait(self, cause: str) -> None:
        # At its start a process waits for its group; that is worth a line only if it takes long.
        self._waits += 1
        if not self._standing.waits("kafka") or self._waits == LONG:
            log.warning("waiting for Kafka", kafka=self._settings.kafka, cause=cause)
        self._standing.wait("kafka", cause)


def _by_stage(records: Mapping[str, int], inputs: Container[str]) -> Mapping[Stage, int]:
    """Return the records by the stage that reads their topics; the workers' own watermarks belong to none."""
    stages: Counter[Stage] = Counter()
    for topic, count in records.items():
        stage: Stage | None = "ingest" if topic in inputs else _STAGES.get(topic)
        if stage is not None:
            stages[stage] += count
    return stages
