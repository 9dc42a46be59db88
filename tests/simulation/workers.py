"""The processes of a simulated cluster: the real agents, on a broker in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast
from unittest.mock import patch

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.topics import JOURNEYS_STATE, LINKS, WATERMARKS
from streams.agents import journeys_results
from streams.agents.identity import Linking
from streams.agents.journeys import Journeys, rules_of
from streams.agents.services import Services
from streams.agents.stating import Stating
from streams.agents.watermarks import Watermarks
from streams.identity.identities import Identities
from streams.identity.statements import Statements
from streams.identity.subjects import SubjectStatements
from streams.journeys.partition import Partition
from streams.kafka.offsets import Record
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings
from tests.simulation.broker import Broker, MortalProducer


class _Uncounted:
    """Takes what is counted, and counts nothing: nobody looks at the metrics of a story."""

    def __getattr__(self, _name: str) -> _Uncounted:
        return self

    def __call__(self, *_: object, **__: object) -> _Uncounted:
        return self


TELEMETRY = cast(Telemetry, _Uncounted())
REGISTRY = FileRegistry()
CODEC = Codec(REGISTRY)
"""Those of all workers: to make them takes long."""


@dataclass
class Worker:
    """One process with the agents that it runs."""

    producer: MortalProducer
    journeys: Journeys
    linking: Linking
    watermarks: Watermarks


def start(
    settings: Settings,
    broker: Broker,
    producer: MortalProducer,
    has_links: Callable[[Worker], bool],
    signalled_until: int = 0,
) -> Worker:
    """Start a worker.

    Args:
        has_links: returns whether the links' partition is a worker's.
        signalled_until: up to when what happened was signalled before the log was made anew, ms.
    """

    async def restore(number: int) -> Partition:
        return restored(settings, broker, number, signalled_until)

    async def fetch(topic: str, partition: int, offset: int) -> Record | None:
        log = broker.logs[topic, partition]
        return log[offset] if offset < len(log) else None

    async def history(topic: str) -> AsyncIterator[Sequence[Record]]:
        yield list(broker.logs[topic, 0])

    services = Services(settings, producer, TELEMETRY, clock=lambda: 0)
    with patch.multiple(journeys_results, FileRegistry=lambda: REGISTRY, Codec=lambda _registry: CODEC):
        reading = Journeys(services, restore, fetch)
    linking = Linking(services, lambda: broker.committed[LINKS, 0] if has_links(worker) else None, history)
    worker = Worker(producer, reading, linking, Watermarks(services, partial(history, WATERMARKS)))
    return worker


def restored(settings: Settings, broker: Broker, number: int, signalled_until: int = 0) -> Partition:
    """Return a partition of the log as its changelog has it."""
    partition = Partition(number, settings.partitions, rules_of(settings, signalled_until))
    for record in broker.logs[JOURNEYS_STATE, number]:
        partition.restore(record.key or b"", record.value)
    partition.restored()
    return partition


def stating(settings: Settings) -> Stating:
    """Return what tells INGEST's stand-in what touchpoints state anew, before any has stated anything."""
    subjects = SubjectStatements(Identities(subjects=settings.subject_kinds).subjects)
    return Stating(Statements(Identities()), subjects, settings.partitions)
