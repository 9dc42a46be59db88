"""Running the deliverer of signals as a process: until it is stopped, however long Kafka or a target is away."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import aiohttp
import structlog
from prometheus_client import CollectorRegistry, ProcessCollector

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.topics import NOTIFY_DEAD_LETTERS
from schemas.units import HOUR_MS, SECOND_MS
from streams.kafka.admin import check_topics
from streams.kafka.client import BrokerError, wait_for_broker, wait_out
from streams.kafka.producer import BatchProducer, ProduceError
from streams.process.serving import run_to_end
from streams.runtime.health import HealthServer, HealthServerError
from streams.runtime.metric import Role
from streams.runtime.retry import Backoff
from streams.runtime.standing import Standing
from streams.runtime.telemetry import Telemetry
from streams.settings import PREFIX, Settings
from streams.settings.files import FileError, read_file
from touchline.collect.watch import KafkaWatch
from touchline.notify.attempts import Attempts
from touchline.notify.consumer import SignalConsumer
from touchline.notify.deliverer import DeadLetters, Deliverer
from touchline.notify.errors import TargetsError
from touchline.notify.http_sender import SlackSender, WebhookSender, open_session
from touchline.notify.lane import Lane, Sender
from touchline.notify.notices import TOPICS
from touchline.notify.progress import Progress
from touchline.notify.remembered import Remembered
from touchline.notify.smtp_sender import SmtpSender
from touchline.notify.targets import KINDS, Email, Secrets, Slack, Target, read_targets, secrets_of

ROLE: Role = "notify"
GOODBYE_S = 5.0
"""Seconds for what is under way with Kafka when it ends."""
QUEUE_BYTES = 64 << 20
"""Most bytes of the messages that wait for targets."""

log = structlog.get_logger(__name__)


class Aim(NamedTuple):
    """A target, and what it needs of the environment."""

    target: Target
    secrets: Secrets


def load_targets(settings: Settings) -> list[Aim]:
    """Return the targets of the file that the settings name, with what they need of the environment.

    Raises:
        TargetsError: there is no such file, or its targets do not hold.
    """
    variable = f"{PREFIX}NOTIFY"
    if not settings.notify:
        raise TargetsError(f"{variable} is not set: name the file of targets in it (docs/notify.md)")
    try:
        return read_file(settings.notify, _aims_of)
    except FileError as error:
        raise TargetsError(f"{variable}: {error}") from error


def _aims_of(text: str) -> list[Aim]:
    return [Aim(target, secrets_of(target, os.environ)) for target in read_targets(text)]


def run_notify(settings: Settings) -> int:
    """Deliver until SIGINT or SIGTERM; return the exit status."""
    return run_to_end(settings, ROLE, serve(settings), (BrokerError, HealthServerError, ProduceError, TargetsError))


async def serve(settings: Settings) -> None:
    """Deliver until SIGINT or SIGTERM; then wait for the attempts that are under way, and commit what is done.

    Raises:
        BrokerError: Kafka refuses us, or a topic is missing.
        HealthServerError: the metrics' port is taken.
        ProduceError: Kafka does not take a dead letter.
        TargetsError: the targets do not hold.
    """
    aims = load_targets(settings)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        telemetry, standing = Telemetry.on(_registry(), ROLE, settings.inputs), Standing()
        telemetry.show(standing, ROLE)
        standing.wait("kafka", "it was not asked yet")
        health = HealthServer(telemetry, standing, settings.metrics_host, settings.notify_metrics_port)
        stack.callback(health.close)
        heartbeat = asyncio.create_task(health.run_heartbeat(), name="heartbeat")
        stack.callback(heartbeat.cancel)
        session = await stack.enter_async_context(open_session(settings.notify_timeout_s))
        producer = BatchProducer(settings, on_retry=telemetry.retries.labels("produce").inc)
        stack.push_async_callback(_stopped, producer)
        notifier = Notifier(settings, aims, session, producer, telemetry, standing)
        stopping = asyncio.create_task(stop.wait(), name="stop")
        tasks = [stopping, *(asyncio.create_task(work, name="notify") for work in notifier.works())]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        log.info("stopping", role=ROLE)
        await notifier.stop()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in done:
            task.result()


class Notifier:
    """What runs side by side: reading, and a lane for each target."""

    def __init__(
        self,
        settings: Settings,
        aims: Sequence[Aim],
        session: aiohttp.ClientSession,
        producer: BatchProducer,
        telemetry: Telemetry,
        standing: Standing,
    ) -> None:
        self._settings = settings
        self._aims = aims
        self._session = session
        self._producer = producer
        self._telemetry = telemetry
        self._progress = Progress(settings.notify_queue, QUEUE_BYTES)
        self._letters = DeadLetters(producer)
        self._lanes = [self._lane(aim) for aim in aims]
        wanted = {name for aim in aims for name in aim.target.signals}
        self._topics = [topic for name, topic in TOPICS.items() if name in wanted]
        deliverer = Deliverer(
            self._lanes,
            Codec(FileRegistry()),
            self._progress,
            self._letters.write_unread,
            telemetry,
            int(settings.notify_max_age_hours * HOUR_MS),
        )
        self._consumer = SignalConsumer(settings, self._topics, deliverer, self._progress)
        self._watch = KafkaWatch(settings, self, standing, telemetry)

    @property
    def unacknowledged_s(self) -> float:
        """Seconds for which Kafka has not acknowledged a dead letter or a commit."""
        return max(self._letters.unacknowledged_s, self._consumer.uncommitted_s)

    @property
    def refusal(self) -> str:
        """Nothing: what Kafka does not take ends the process."""
        return ""

    def works(self) -> list[Coroutine[Any, Any, None]]:
        """Return what is to run until one of it ends."""
        return [self._read(), *(lane.run() for lane in self._lanes)]

    async def stop(self) -> None:
        """Begin no further attempt, and wait for those under way."""
        stops = [asyncio.create_task(lane.stop(), name="stop") for lane in self._lanes]
        await asyncio.wait(stops, timeout=self._settings.notify_timeout_s)
        for stop in stops:
            stop.cancel()

    async def _read(self) -> None:
        settings, note = self._settings, self._watch.note_failure
        await wait_for_broker(settings, on_failure=note)
        needed = {*self._topics, NOTIFY_DEAD_LETTERS}
        partitions = await wait_out(settings, lambda: check_topics(settings, needed), on_failure=note)
        await wait_out(settings, self._producer.start, on_failure=note)
        self._letters.open(partitions[NOTIFY_DEAD_LETTERS])
        for aim in self._aims:
            target = aim.target
            log.info("delivering", target=target.name, kind=KINDS[type(target)], signals=list(target.signals))
        watching = asyncio.create_task(self._watch.run(), name="watch")
        reading = asyncio.create_task(self._consumer.run(note), name="reading")
        try:
            done, _ = await asyncio.wait({watching, reading}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            watching.cancel()
            reading.cancel()
            await asyncio.wait({watching, reading})

    def _lane(self, aim: Aim) -> Lane:
        settings, target = self._settings, aim.target
        backoff = Backoff(settings.notify_first_retry_s, settings.notify_longest_retry_s)
        now = asyncio.get_running_loop().time()
        return Lane(
            target=target,
            sender=sender_of(aim, self._session, settings),
            attempts=Attempts(settings.notify_give_up_s, backoff, target.per_minute, now),
            remembered=Remembered(settings.notify_remember_hours * HOUR_MS / SECOND_MS),
            write_letter=self._letters.write,
            on_done=self._progress.done,
            telemetry=self._telemetry,
        )


def sender_of(aim: Aim, session: aiohttp.ClientSession, settings: Settings) -> Sender:
    """Return what makes attempts at a target."""
    target, secrets, zone = aim.target, aim.secrets, ZoneInfo(settings.time_zone)
    if isinstance(target, Email):
        return SmtpSender(target, secrets, zone, settings.notify_timeout_s)
    if isinstance(target, Slack):
        return SlackSender(session, secrets.url, zone)
    return WebhookSender(session, secrets.url, secrets.key)


async def _stopped(producer: BatchProducer) -> None:
    """Stop the producer, and do not wait long for a Kafka that is away: what it has not taken is not committed."""
    with suppress(TimeoutError):
        async with asyncio.timeout(GOODBYE_S):
            await producer.stop()


def _registry() -> CollectorRegistry:
    """Return a registry with the operating system's figures of this process: memory, time, files."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry
