"""Watches Kafka from a process without a Faust app: whether it takes what is written, and answers while nothing is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from streams.kafka.client import BrokerError, obstacle_of
from streams.kafka.obstacle import Obstacle
from streams.runtime.retry import Sleep
from streams.runtime.standing import Standing
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings

EVERY_S = 1.0
"""Seconds between two looks."""
ASKED_EVERY = 5
"""At every so many looks Kafka itself is asked."""
SEND_S = 5.0
"""Seconds that it may take to acknowledge what is written, before the process says that it waits."""

log = structlog.get_logger(__name__)


class Writes(Protocol):
    """What tells how writing to Kafka goes."""

    @property
    def unacknowledged_s(self) -> float:
        """Seconds since the oldest write that Kafka has not acknowledged; 0 without one."""

    @property
    def refusal(self) -> str:
        """Why Kafka will take the last messages neither now nor later; empty where it has taken them."""


class KafkaWatch:
    """Looks from time to time, and notes and counts what it sees.

    Args:
        settings: how Kafka is reached.
        publisher: says for how long a write has waited, and what was refused.
        standing: where it is noted whether we wait for Kafka.
        telemetry: where failed looks are counted.
        find_obstacle: finds out why no broker takes us.
    """

    def __init__(
        self,
        settings: Settings,
        publisher: Writes,
        standing: Standing,
        telemetry: Telemetry,
        find_obstacle: Callable[[Settings], Awaitable[Obstacle | None]] = obstacle_of,
    ) -> None:
        self._settings = settings
        self._publisher = publisher
        self._standing = standing
        self._telemetry = telemetry
        self._find_obstacle = find_obstacle
        self._looks = 0
        self._obstacle = ""

    def note_failure(self, cause: str) -> None:
        """Note that Kafka does not take us yet, and why."""
        self._telemetry.retries.labels("connect_kafka").inc()
        self._standing.wait("kafka", cause)

    async def run(self, sleep: Sleep = asyncio.sleep) -> None:
        """Look until cancelled.

        Raises:
            BrokerError: Kafka refuses us.
        """
        while True:
            await self.look()
            await sleep(EVERY_S)

    async def look(self) -> None:
        """Look once; errors as those of `run`."""
        slow = self._publisher.unacknowledged_s > SEND_S
        if self._looks % ASKED_EVERY == 0 or slow:
            self._obstacle = await self._asked()
        self._looks += 1
        cause = self._obstacle or self._publisher.refusal or ("it does not acknowledge what we write" if slow else "")
        if cause:
            if not self._standing.waits("kafka"):
                log.warning("waiting for Kafka", kafka=self._settings.kafka, cause=cause)
            self._standing.wait("kafka", cause)
        elif self._standing.waits("kafka"):
            self._standing.go_on("kafka")
            log.info("Kafka answers, and takes us")

    async def _asked(self) -> str:
        """Return why no broker takes us; empty where one does."""
        obstacle = await self._find_obstacle(self._settings)
        if obstacle is None:
            return ""
        if obstacle.refused:
            raise BrokerError(obstacle.text)
        self._telemetry.retries.labels("connect_kafka").inc()
        return obstacle.text
