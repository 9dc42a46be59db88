"""Running the HTTP collector as a process: it serves at once, and takes touchpoints as soon as Kafka answers."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack, suppress

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector

from streams.kafka.admin import check_topics
from streams.kafka.client import BrokerError, wait_for_broker, wait_out
from streams.kafka.producer import BatchProducer
from streams.process.serving import run_to_end
from streams.runtime.health import HealthServer, HealthServerError
from streams.runtime.metric import Role
from streams.runtime.standing import Standing
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings, SettingsError
from touchline.collect.app import BODY_WITHIN_S, Collector, build_app
from touchline.collect.capacity import Capacity, check_bounds
from touchline.collect.keys import load_keys
from touchline.collect.publisher import Publisher
from touchline.collect.server import ListenError, listening, serve_on
from touchline.collect.watch import KafkaWatch

ROLE: Role = "collect"
ADDRESS = "TOUCHLINE_COLLECT_HOST, TOUCHLINE_COLLECT_PORT"
GOODBYE_S = 10.0
"""Seconds for what is still under way when all requests have been answered."""

log = structlog.get_logger(__name__)


def run_collector(settings: Settings) -> int:
    """Serve until SIGINT or SIGTERM; return the exit status.

    Raises:
        SettingsError: the keys or the bounds do not hold.
    """
    return run_to_end(settings, ROLE, serve(settings), (BrokerError, HealthServerError, ListenError, SettingsError))


async def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, then answer the requests that have come, and end.

    Raises:
        BrokerError: Kafka refuses us, or a topic is missing.
        ListenError, HealthServerError: an address cannot be listened on.
        SettingsError: the keys or the bounds do not hold.
    """
    check_bounds(settings)
    keys = load_keys(settings)
    telemetry, standing = Telemetry.on(_registry(), ROLE, settings.inputs), Standing()
    telemetry.show(standing, ROLE)
    standing.wait("kafka", "it was not asked yet")
    capacity = Capacity(settings.collect_queue_touchpoints, settings.collect_queue_bytes)
    telemetry.collect_queue.set_function(lambda: capacity.touchpoints)
    publisher = Publisher(capacity)
    collector = Collector(settings, keys, capacity, publisher, telemetry)
    server = serve_on(build_app(collector), ends_within_s=BODY_WITHIN_S + settings.collect_wait_s)
    async with AsyncExitStack() as stack:
        health = HealthServer(telemetry, standing, settings.metrics_host, settings.collect_metrics_port)
        stack.callback(health.close)
        bound = stack.enter_context(listening(settings.collect_host, settings.collect_port, ADDRESS))
        heartbeat = asyncio.create_task(health.run_heartbeat(), name="heartbeat")
        stack.callback(heartbeat.cancel)
        producer = BatchProducer(settings, on_retry=telemetry.retries.labels("produce").inc)
        stack.push_async_callback(_stopped, producer)
        watch = KafkaWatch(settings, publisher, standing, telemetry)
        kafka = asyncio.create_task(_run_kafka(settings, producer, publisher, watch), name="kafka")
        stack.callback(kafka.cancel)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, setattr, server, "should_exit", True)
        host, port = bound.getsockname()[:2]
        log.info("listening", role=ROLE, host=host, port=port, keys=keys.names if keys else "none")
        serving = asyncio.create_task(server.serve([bound]), name="http")
        await asyncio.wait({serving, kafka}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        log.info("stopping", role=ROLE)
        await publisher.stop(GOODBYE_S)
        if kafka.done():
            kafka.result()


async def _run_kafka(settings: Settings, producer: BatchProducer, publisher: Publisher, watch: KafkaWatch) -> None:
    """Wait for Kafka, have what comes written to it, and watch it until cancelled.

    Raises:
        BrokerError: Kafka refuses us, or a topic is missing.
    """
    await wait_for_broker(settings, on_failure=watch.note_failure)
    partitions = await wait_out(
        settings, lambda: check_topics(settings, settings.inputs), on_failure=watch.note_failure
    )
    await wait_out(settings, producer.start, on_failure=watch.note_failure)
    publisher.open(producer, partitions)
    log.info("running", role=ROLE)
    await watch.run()


async def _stopped(producer: BatchProducer) -> None:
    """Stop the producer, and do not wait long for a Kafka that is away: what it has not taken was not acknowledged."""
    with suppress(TimeoutError):
        async with asyncio.timeout(GOODBYE_S):
            await producer.stop()


def _registry() -> CollectorRegistry:
    """Return a registry with the operating system's figures of this process: memory, time, files."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry
