"""INGEST: the agent over the input topics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import faust

from schemas.avro.codec import Codec
from schemas.avro.registry import ConfluentRegistry, FileRegistry, Registry
from schemas.topics import TOPIC_KINDS
from streams.agents.services import Services
from streams.agents.tasks import Ingest, IngestRules
from streams.agents.validation import STAGE, Validator
from streams.kafka.consumer import chunks_of, consumer_of, topic
from streams.runtime.clock import wall_clock
from streams.runtime.exit import exit_on_error
from streams.sentiment import VaderScorer
from streams.settings import Settings


def register(app: faust.App, services: Services) -> None:
    """Add the agent to an app."""
    settings, telemetry = services.settings, services.telemetry
    validator = Validator(
        codec=Codec(registry_of(settings)),
        scorer=VaderScorer(settings.company_names),
        telemetry=telemetry,
        clock=wall_clock,
    )
    ingest = Ingest(IngestRules.of(settings), validator, services.producer, _Consumer(app), telemetry, wall_clock)

    @app.agent(topic(app, TOPIC_KINDS), name=STAGE)
    async def run(stream: faust.StreamT[Any]) -> None:
        with exit_on_error(STAGE):
            await ingest.run(chunks_of(stream))

    async def drop(*_: Any, **__: Any) -> None:
        ingest.drop()

    # Not at the assignment: chunks of it may already be here when Faust tells of it.
    app.on_partitions_revoked.connect(drop, weak=False)


def registry_of(settings: Settings) -> Registry:
    """Return what knows the schemas that messages were written with."""
    files = FileRegistry()
    if settings.schema_registry is None:
        return files
    return ConfluentRegistry(settings.schema_registry, files)


@dataclass(frozen=True)
class _Consumer:
    """The app's consumer, which Faust makes only when the app starts."""

    app: faust.App

    def at_end(self, topic: str, partition: int) -> bool:
        return consumer_of(self.app).at_end(topic, partition)

    def assigned(self, topic: str) -> set[int]:
        return consumer_of(self.app).assigned(topic)
