"""The two Faust apps, and running them until they are told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeVar

import faust
import structlog
import uvloop
from faust.app.base import BootStrategy
from prometheus_client import CollectorRegistry, ProcessCollector

from schemas.topics import DEAD_LETTERS, FACTS_TOPICS, all_topics
from sinks.errors import SinkError, TransientWriteError
from sinks.open import open_writer
from sinks.writer import Writer
from streams.agents import ingest, journeys, sink
from streams.agents.services import Services
from streams.kafka.admin import check_topics
from streams.kafka.client import FIRST_WAIT_S, LONGEST_WAIT_S, BrokerError, wait_for_broker
from streams.kafka.consumer import ChunkTransport
from streams.kafka.producer import BatchProducer
from streams.runtime import health as endpoints
from streams.runtime import logging
from streams.runtime.exit import die, print_cause
from streams.runtime.health import EndpointError
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings

COMMIT_INTERVAL_S = 1.0
GC_ALLOCATIONS = 50_000
"""Allocations between two looks of the garbage collector."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class _Boot(BootStrategy):
    """Faust without its producer and web server: everything is written by `BatchProducer`."""

    enable_kafka_producer = False
    enable_web = False


class TouchlineApp(faust.App):
    """A Faust app that reads in chunks and leaves no files."""

    BootStrategy = _Boot
    mundane_level = "debug"

    def _create_directories(self) -> None:
        """Do nothing: without Faust's tables there is nothing to keep."""


def new_app(settings: Settings, role: str) -> TouchlineApp:
    """Return a Faust app without agents, in the consumer group of a role (`streams`, `sink`)."""
    app = TouchlineApp(
        settings.group(role),
        broker=f"kafka://{settings.kafka.split(',')[0]}",
        autodiscover=False,
        broker_commit_interval=COMMIT_INTERVAL_S,
        broker_session_timeout=settings.session_timeout_s,
        broker_request_timeout=max(90.0, settings.session_timeout_s + 10),
        # Work under way may take long (ingest waits to merge, the sink for ClickHouse). A rebalance
        # does not wait for it: it can no longer acknowledge, and is done again by the next owner.
        stream_wait_empty=False,
        # The trackers bound what is handed out; a full queue would hold up other partitions.
        stream_buffer_maxsize=1 << 20,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )
    app.transport = ChunkTransport(app, settings)
    return app


def build_streams_app(settings: Settings, services: Services) -> TouchlineApp:
    """Return the app of the stream workers: INGEST and JOURNEYS."""
    app = new_app(settings, "streams")
    ingest.register(app, services)
    journeys.register(app, services)
    return app


def build_sink_app(settings: Settings, services: Services, writer: Writer) -> TouchlineApp:
    """Return the app of the ClickHouse writers."""
    app = new_app(settings, "sink")
    sink.register(app, services, writer)
    return app


def run_worker(settings: Settings) -> int:
    """Run the stream workers until SIGINT or SIGTERM; return the exit status."""
    needed = {topic.name for topic in all_topics()}
    return _run(settings, "worker", settings.metrics_port, needed, _streams)


def run_sink(settings: Settings) -> int:
    """Run the ClickHouse writers until SIGINT or SIGTERM; return the exit status."""
    needed = {*FACTS_TOPICS, DEAD_LETTERS}
    return _run(settings, "sink", settings.sink_metrics_port, needed, _sink)


Build = Callable[[Settings, Services, AsyncExitStack], Awaitable[TouchlineApp]]


async def _streams(settings: Settings, services: Services, _: AsyncExitStack) -> TouchlineApp:
    return build_streams_app(settings, services)


async def _sink(settings: Settings, services: Services, stack: AsyncExitStack) -> TouchlineApp:
    writer = await asyncio.to_thread(open_writer, settings.clickhouse)
    stack.callback(writer.close)
    await wait_for_writer(writer)
    return build_sink_app(settings, services, writer)


async def wait_for_writer(writer: Writer, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Wait until ClickHouse answers, however long that takes, and say so meanwhile.

    Raises:
        PermanentWriteError: it answers, but does not let us in.
    """
    wait = FIRST_WAIT_S
    while True:
        try:
            await asyncio.to_thread(writer.ping)
        except TransientWriteError as error:
            log.warning("waiting for ClickHouse", retry_in_s=wait, cause=str(error))
        else:
            return
        await sleep(wait)
        wait = min(wait * 2, LONGEST_WAIT_S)


def _run(settings: Settings, where: str, port: int, needed: set[str], build: Build) -> int:
    logging.configure(settings)
    _spare_the_collector()
    log.info("starting", role=where, **settings.shown())
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, where, port, needed, build))
    except (BrokerError, EndpointError, SinkError) as error:
        print_cause(where, error)
        return 1
    except Exception as error:  # the last to see it: logged, and told as the cause
        die(where, error)
    log.info("stopped", role=where)
    return 0


def _spare_the_collector() -> None:
    """Let the garbage collector look seldom: states and rows are many, and have no cycles.

    With Python's own thresholds it took a third of the time of JOURNEYS, walking over what is kept.
    """
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, 20, 100)


async def serve(settings: Settings, where: str, port: int, needed: set[str], build: Build) -> None:
    """Run an app until SIGINT or SIGTERM.

    Raises:
        BrokerError: Kafka refuses us, or has not the topics we need.
        SinkError: ClickHouse refuses us.
        EndpointError: the metrics' port is taken.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        # First of all: while Kafka is waited for, the process is alive, and can be asked.
        telemetry = Telemetry.on(_registry())
        endpoint = endpoints.serve(telemetry, settings.metrics_host, port)
        stack.callback(endpoint.close)
        beating = asyncio.create_task(endpoint.keep_beating(), name="beat")
        stack.callback(beating.cancel)
        await _before(stop, wait_for_broker(settings))
        if stop.is_set():
            return
        await check_topics(settings, needed)
        producer = BatchProducer(settings, on_retry=telemetry.retries.labels("produce").inc)
        await producer.start()
        stack.push_async_callback(producer.stop)
        services = Services(settings, producer, telemetry)
        app = await _before(stop, build(settings, services, stack))
        if app is None:
            return
        stack.push_async_callback(app.stop)
        await app.start()
        log.info("running", role=where)
        await app.wait_first(stop.wait())
        if app.crashed:
            die(where, app.crash_reason or RuntimeError("Faust crashed without a reason"))
        log.info("stopping", role=where)


def _registry() -> CollectorRegistry:
    """Return a registry with what the operating system says of this process: memory, time, files."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


async def _before(stop: asyncio.Event, work: Awaitable[T]) -> T | None:
    """Return what some work gives; where `stop` comes first, cancel it and return None."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        return working.result()
    working.cancel()
    return None
