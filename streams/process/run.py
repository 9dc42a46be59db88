"""Running a worker or a sink: signals, exit status, garbage collector, waiting for Kafka and ClickHouse."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TypeVar

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector

from schemas.topics import DEAD_LETTERS, FACTS_TOPICS, NOTIFY_DEAD_LETTERS, all_topics
from sinks.errors import SinkError, TransientWriteError
from sinks.open import answer_queries, open_beside, open_writer
from sinks.writer import Writer
from streams.agents.erasures import ErasureError, load_erasures
from streams.agents.pseudonym_key import PseudonymKeyError, check_key
from streams.agents.services import Services
from streams.agents.signalled import EpochError, noted_until
from streams.kafka.admin import check_topics
from streams.kafka.client import BrokerError, explained, wait_for_broker, wait_out
from streams.kafka.consumer import consumer_of
from streams.kafka.producer import BatchProducer
from streams.kafka.watch import Watch, WatchedProducer
from streams.process.app import TouchlineApp, build_sink_app, build_streams_app
from streams.process.serving import run_to_end
from streams.runtime.exit import before_exit, exit_on_error, exit_with
from streams.runtime.health import HealthServer, HealthServerError
from streams.runtime.metric import Role
from streams.runtime.retry import Backoff, Failure, retry
from streams.runtime.standing import Standing
from streams.runtime.telemetry import Telemetry
from streams.runtime.thread import DaemonThread
from streams.settings import Settings

GC_THRESHOLDS = (4_000, 4, 6_000)
"""Of the garbage collector: allocations before it looks through what is new, so many such runs before it looks through
all that they have left, and so many of those before it looks through everything. So all but the last look through some
20,000 objects, 6 ms and twice that on a busy machine, and the last comes after 120 million allocations."""
WRITER_BACKOFF = Backoff(first_s=0.5, longest_s=10.0)

T = TypeVar("T")
Build = Callable[[Settings, Services, AsyncExitStack], Awaitable[TouchlineApp]]
"""Builds a process's app; the stack closes whatever it opens for the app."""

log = structlog.get_logger(__name__)


def run_worker(settings: Settings) -> int:
    """Run the stream workers until SIGINT or SIGTERM; return the exit status."""
    needed = {topic.name for topic in all_topics(settings.inputs)} - {NOTIFY_DEAD_LETTERS}
    return _run(settings, "worker", settings.metrics_port, needed, _check_and_build_worker)


def run_sink(settings: Settings) -> int:
    """Run the ClickHouse writers until SIGINT or SIGTERM; return the exit status."""
    needed = {*FACTS_TOPICS, DEAD_LETTERS}
    return _run(settings, "sink", settings.sink_metrics_port, needed, _build_sink)


async def _check_and_build_worker(settings: Settings, services: Services, stack: AsyncExitStack) -> TouchlineApp:
    await check_key(services)
    await load_erasures(services)
    services = replace(services, signalled_until=await noted_until(settings))
    return await _build_worker(settings, services, stack)


async def _build_worker(settings: Settings, services: Services, _: AsyncExitStack) -> TouchlineApp:
    attributes = ["*"] if settings.dimensions is None else sorted(settings.dimensions)
    log.info("metrics are kept by these dimensions", dimensions=["all", "channel", "currency", *attributes])
    return build_streams_app(settings, services)


async def _build_sink(settings: Settings, services: Services, stack: AsyncExitStack) -> TouchlineApp:
    services.standing.wait("clickhouse", "it was not asked yet")
    services.standing.go_on("kafka")
    writer = await asyncio.to_thread(open_writer, settings.clickhouse)
    stack.callback(writer.close)
    await wait_for_writer(writer, services)
    database = await asyncio.to_thread(open_beside, writer, settings.clickhouse)
    if database is not None:
        stack.callback(database.close)
    answering = await asyncio.to_thread(answer_queries, settings.clickhouse)
    if answering is not None:
        stack.callback(answering.close)
    return build_sink_app(settings, services, writer, database)


async def wait_for_writer(writer: Writer, services: Services) -> None:
    """Wait until ClickHouse answers, however long that takes; log and count each attempt.

    Raises:
        PermanentWriteError: ClickHouse answers, and refuses us.
    """

    def note_failure(failure: Failure[TransientWriteError]) -> None:
        cause = str(failure.error)
        log.warning("waiting for ClickHouse", retry_in_s=failure.retry_in_s, cause=cause)
        services.telemetry.retries.labels("connect_clickhouse").inc()
        services.standing.wait("clickhouse", cause)

    thread = DaemonThread("ping")  # a stop does not wait for an answer
    await retry(
        lambda: thread.run(writer.ping),
        transient=TransientWriteError,
        backoff=WRITER_BACKOFF,
        on_failure=note_failure,
        sleep=services.sleep,
    )
    services.standing.go_on("clickhouse")


def _run(settings: Settings, role: Role, port: int, needed: set[str], build: Build) -> int:
    tune_garbage_collector()
    causes = (BrokerError, EpochError, ErasureError, HealthServerError, PseudonymKeyError, SinkError)
    return run_to_end(settings, role, serve(settings, role, port, needed, build), causes)


def tune_garbage_collector() -> None:
    """Make the garbage collector run rarely: states and rows are many, and have no cycles.

    With Python's own thresholds it took a third of the time of JOURNEYS, walking over what is kept. With rarer runs
    over what is new, each is long, and nobody has a turn meanwhile: of 50,000 allocations 14 to 53 ms.
    """
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


async def serve(settings: Settings, role: Role, port: int, needed: set[str], build: Build) -> None:
    """Run an app until SIGINT or SIGTERM.

    Args:
        settings: of the process.
        role: what the process is called in logs: `worker` or `sink`.
        port: where its metrics are served.
        needed: the topics that must exist.
        build: makes the app once Kafka answers.

    Raises:
        BrokerError: Kafka refuses us, or a needed topic is missing.
        SinkError: ClickHouse refuses us.
        HealthServerError: the metrics' port is taken.
        PseudonymKeyError: the key is another than the one by which identifiers were replaced.
        ErasureError: it cannot be read who was erased.
        EpochError: it cannot be read up to when signals were sent before a rebuild.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        # Served before Kafka answers: a process that waits for Kafka is alive, and says that it waits.
        telemetry, standing = Telemetry.on(_registry(), role, settings.inputs), Standing()
        telemetry.show(standing, role)
        standing.wait("kafka", "it was not asked yet")
        health = HealthServer(telemetry, standing, settings.metrics_host, port)
        stack.callback(health.close)
        heartbeat = asyncio.create_task(health.run_heartbeat(), name="heartbeat")
        stack.callback(heartbeat.cancel)

        def note_failure(cause: str) -> None:
            telemetry.retries.labels("connect_kafka").inc()
            standing.wait("kafka", cause)

        batches = BatchProducer(settings, on_retry=telemetry.retries.labels("produce").inc)
        stack.push_async_callback(batches.stop)
        partitions = await _unless_stopped(stop, _connect(settings, needed, batches, note_failure))
        if partitions is None or stop.is_set():
            return
        producer = WatchedProducer(batches)
        inputs = {name: partitions[name] for name in settings.inputs if name in partitions}
        services = Services(settings, producer, telemetry, standing=standing, input_partitions=inputs)
        app = await _unless_stopped(stop, build(settings, services, stack))
        if app is None:
            return
        standing.wait("kafka", "we are not in our group yet")
        stack.push_async_callback(app.stop)
        consumer = consumer_of(app)
        with before_exit(consumer.leave):
            # It has begun before the app has started: that waits until we are in our group.
            watch = Watch(settings, consumer, producer, standing, telemetry)
            watching = asyncio.create_task(_watch(watch), name="watch")
            stack.callback(watching.cancel)
            await _run_app(settings, role, app, stop)
        log.info("stopping", role=role)


async def _run_app(settings: Settings, role: Role, app: TouchlineApp, stop: asyncio.Event) -> None:
    """Start an app and run it until `stop` is set; end the process if it crashes."""
    await app.wait_first(app.start(), stop.wait())
    if not (stop.is_set() or app.crashed):
        log.info("running", role=role)
        await app.wait_first(stop.wait())
    if app.crashed:
        exit_with(role, explained(settings, app.crash_reason or RuntimeError("Faust crashed without a reason")))


async def _watch(watch: Watch) -> None:
    with exit_on_error("kafka"):
        await watch.run()


async def _connect(
    settings: Settings, needed: set[str], producer: BatchProducer, on_failure: Callable[[str], None]
) -> Mapping[str, int]:
    """Wait for Kafka, check the topics, and start the producer; Kafka may go away again between any two of them.

    Returns:
        The number of partitions of every topic there is.
    """
    await wait_for_broker(settings, on_failure=on_failure)
    partitions = await wait_out(settings, lambda: check_topics(settings, needed), on_failure=on_failure)
    await wait_out(settings, producer.start, on_failure=on_failure)
    return partitions


def _registry() -> CollectorRegistry:
    """Return a registry with the operating system's figures of this process: memory, time, files."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


async def _unless_stopped(stop: asyncio.Event, work: Awaitable[T]) -> T | None:
    """Return the result of some work; if `stop` is set first, cancel the work and return None."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        return working.result()
    working.cancel()
    return None
