"""The two Faust apps, of the workers and of the sink: what each reads, and what Faust is told to leave alone."""

from __future__ import annotations

import faust
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust.app.base import BootStrategy

from sinks.database import Database
from sinks.writer import Writer
from streams.agents import identity, ingest, journeys, sink, watermarks
from streams.agents.services import Services
from streams.kafka.assignor import TaskAssignor
from streams.kafka.consumer import ChunkTransport
from streams.settings import Settings

COMMIT_INTERVAL_S = 1.0


class _Boot(BootStrategy):
    """Faust without its producer and web server: `BatchProducer` writes everything."""

    enable_kafka_producer = False
    enable_web = False


class TouchlineApp(faust.App):
    """A Faust app that reads in chunks and leaves no files."""

    BootStrategy = _Boot
    mundane_level = "debug"

    def _create_directories(self) -> None:
        """Do nothing: without Faust's tables there is nothing to keep."""


def new_app(
    settings: Settings, role: str, assignor: type[AbstractPartitionAssignor] = RangePartitionAssignor
) -> TouchlineApp:
    """Return a Faust app without agents, in the consumer group of a role (`streams`, `sink`)."""
    app = TouchlineApp(
        settings.group(role),
        broker=f"kafka://{settings.kafka.split(',')[0]}",
        autodiscover=False,
        broker_commit_interval=COMMIT_INTERVAL_S,
        broker_session_timeout=settings.session_timeout_s,
        broker_request_timeout=max(90.0, settings.session_timeout_s + 10),
        # Work in progress may take long (ingest waits to merge, the sink for ClickHouse). A rebalance
        # does not wait for it: it can no longer acknowledge, and the next owner does it again.
        stream_wait_empty=False,
        # The offset trackers bound what is delivered; a full queue would hold up other partitions.
        stream_buffer_maxsize=1 << 20,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )
    app.transport = ChunkTransport(app, settings, assignor)
    return app


def build_streams_app(settings: Settings, services: Services) -> TouchlineApp:
    """Return the app of the stream workers: INGEST, IDENTITY, WATERMARKS and JOURNEYS."""
    app = new_app(settings, "streams", TaskAssignor)
    ingest.register(app, services)
    identity.register(app, services)
    watermarks.register(app, services)
    journeys.register(app, services)
    return app


def build_sink_app(
    settings: Settings, services: Services, writer: Writer, database: Database | None = None
) -> TouchlineApp:
    """Return the app of the ClickHouse writers; `database` is asked whether rows are missing."""
    app = new_app(settings, "sink")
    sink.register(app, services, writer, database)
    return app
