"""The way to one target: deliveries one after the other, each until it is taken, refused or given up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from schemas.units import SECOND_MS
from streams.runtime.logging import Sampler
from streams.runtime.telemetry import Telemetry
from touchline.notify.attempts import Attempts
from touchline.notify.errors import DeliveryError, RefusedDeliveryError
from touchline.notify.notices import Notice
from touchline.notify.progress import Taken
from touchline.notify.remembered import Remembered
from touchline.notify.targets import Target
from touchline.notify.times import REAL, Times

OUTCOMES = ("delivered", "duplicate", "too_old", "dead_letter")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one target is to have.

    Attributes:
        notice: what it is told.
        key: what this delivery, and each repeat of it, is known by.
        taken: the message that it was read from.
        topic, partition: where that stands.
        message_key, value: the message's own.
        sent_at: when it was written to its topic, epoch ms.
        since: when it began to wait, seconds of the monotonic clock.
    """

    notice: Notice
    key: str
    taken: Taken
    topic: str
    partition: int
    message_key: bytes | None
    value: bytes
    sent_at: int
    since: float


class Sender(Protocol):
    """Makes one attempt at one target."""

    async def send(self, notice: Notice, key: str) -> None:
        """Deliver a notice.

        Raises:
            DeliveryError: the target has not taken it.
        """


WriteLetter = Callable[[Target, Delivery, str], Awaitable[None]]
"""Writes a dead letter: of which target and delivery, and why; returns when Kafka has it."""


@dataclass(eq=False)
class Lane:
    """Delivers to one target.

    Attributes:
        target: which.
        sender: makes attempts.
        attempts: says when.
        remembered: what it was told of lately.
        write_letter: writes what is given up.
        on_done: called with each message when the target is done with it.
        telemetry: where everything is counted.
        times: how time is told.
    """

    target: Target
    sender: Sender
    attempts: Attempts
    remembered: Remembered
    write_letter: WriteLetter
    on_done: Callable[[Taken], None]
    telemetry: Telemetry
    times: Times = REAL

    def __post_init__(self) -> None:
        self._sampler = Sampler(self.times.monotonic)
        self._waiting: deque[Delivery] = deque()
        self._has_some = asyncio.Event()
        self._attempting = asyncio.Lock()
        self._cause = ""
        for outcome in OUTCOMES:
            self.telemetry.notices.labels(self.target.name, outcome)
        self.telemetry.notify_waiting.labels(self.target.name).set_function(lambda: len(self._waiting))
        self.telemetry.notify_oldest.labels(self.target.name).set_function(self._oldest_s)

    def put(self, delivery: Delivery) -> None:
        """Add a delivery, behind the others."""
        self._waiting.append(delivery)
        self._has_some.set()

    async def run(self) -> None:
        """Deliver until cancelled.

        Raises:
            ProduceError: Kafka does not take a dead letter.
        """
        while True:
            self._has_some.clear()
            while self._waiting:
                delivery = self._waiting[0]
                await self._deliver(delivery)
                self._waiting.popleft()
                self.on_done(delivery.taken)
            await self._has_some.wait()

    async def stop(self) -> None:
        """Begin no further attempt, and wait for the one under way."""
        await self._attempting.acquire()  # for good

    async def _deliver(self, delivery: Delivery) -> None:
        if self.remembered.has(delivery.key, self.times.monotonic()):
            self._count("duplicate")
            return
        turn_came_at, tried = self.times.monotonic(), False
        while await self._may_try(delivery, turn_came_at, tried=tried):
            tried = True
            async with self._attempting:
                error = await self._attempt(delivery)
            if error is None:
                return
            if isinstance(error, RefusedDeliveryError):
                await self._give_up(delivery, str(error))
                return
        if delivery.taken.ours:
            self.attempts.gave_up()
            await self._give_up(delivery, self._cause)

    async def _attempt(self, delivery: Delivery) -> DeliveryError | None:
        """Make an attempt, and note how it went; return why it failed, if it did."""
        self.attempts.begin(self.times.monotonic())
        error = await self._sent(delivery)
        if error is None:
            self._note_success(delivery)
            return None
        self._note_failure(error)
        if isinstance(error, RefusedDeliveryError):
            self.attempts.answered(self.times.monotonic())
        else:
            self.attempts.failed(self.times.monotonic(), error.retry_after_s)
            self.telemetry.retries.labels("deliver").inc()
        return error

    async def _sent(self, delivery: Delivery) -> DeliveryError | None:
        """Send a delivery; return why it failed, if it did."""
        try:
            await self.sender.send(delivery.notice, delivery.key)
        except DeliveryError as error:
            return error
        except Exception as error:  # a fault of ours, or of a library: nothing is lost for it, nor stopped
            if times := self._sampler.count("unexpected"):
                log.exception("an attempt failed in a way that nobody expected", target=self.target.name, times=times)
            return DeliveryError(f"the attempt failed: {type(error).__name__}", "other")
        return None

    async def _may_try(self, delivery: Delivery, turn_came_at: float, *, tried: bool) -> bool:
        """Wait until the next attempt may be made; return False where it is to be given up instead, or another's."""
        while (wait_s := self.attempts.begins_at() - (now := self.times.monotonic())) > 0:
            if self.attempts.failing:
                left_s = self.attempts.gives_up_at(delivery.since, turn_came_at, tried=tried) - now
                if left_s <= 0:
                    return False
                wait_s = min(wait_s, left_s)
            await self.times.sleep(wait_s)
        return delivery.taken.ours

    async def _give_up(self, delivery: Delivery, why: str) -> None:
        await self.write_letter(self.target, delivery, why)
        self._count("dead_letter")
        if times := self._sampler.count("dead letter"):
            log.warning("signals went to the dead letters", target=self.target.name, times=times)

    def _note_success(self, delivery: Delivery) -> None:
        now = self.times.monotonic()
        if self.attempts.failing:
            log.info("the target takes signals again", target=self.target.name)
        self.attempts.answered(now)
        self.remembered.add(delivery.key, now)
        self._count("delivered")
        age_s = (self.times.wall() - delivery.sent_at) / SECOND_MS
        self.telemetry.notify_age.labels(self.target.name).observe(max(0.0, age_s))

    def _note_failure(self, error: DeliveryError) -> None:
        """Count and log it: the sort of cause alone, since what a target answers may tell of customers."""
        self._cause = str(error)
        self.telemetry.notify_failures.labels(self.target.name, error.cause).inc()
        if times := self._sampler.count(error.cause):
            log.warning(
                "a target does not take signals",
                target=self.target.name,
                sort=error.cause,
                says=error.brief,
                times=times,
            )

    def _count(self, outcome: str) -> None:
        self.telemetry.notices.labels(self.target.name, outcome).inc()

    def _oldest_s(self) -> float:
        """Return how old the oldest waiting delivery is; a scrape asks for it in another thread."""
        try:
            sent_at = self._waiting[0].sent_at
        except IndexError:
            return 0.0
        return max(0.0, (self.times.wall() - sent_at) / SECOND_MS)
