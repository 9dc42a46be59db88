"""What the agents of a process share: settings, producer, telemetry, clock, sleep and standing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from streams.agents.alignment import Alignment
from streams.agents.backlog import Backlog
from streams.identity.erasures import Erasures
from streams.kafka.producer import Batches, Ends
from streams.runtime.clock import Clock, wall_clock
from streams.runtime.retry import Sleep
from streams.runtime.sources import SourceLabels
from streams.runtime.standing import Standing
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings


class Producer(Protocol):
    """What the agents use of `streams.kafka.producer.BatchProducer`."""

    async def send(self, batches: Batches) -> Ends:
        """Write all messages, wait until all are acknowledged, and return where they end."""


@dataclass(frozen=True)
class Services:
    """Handed to every agent; all of it runs in the app's event loop.

    Attributes:
        settings: of the process.
        producer: writes to Kafka.
        telemetry: where everything is counted.
        clock: tells the wall-clock time, epoch ms.
        sleep: waits for some seconds.
        standing: where it is noted what work waits for.
        sources: tell which producing services have series of their own.
        erasures: who was erased, as far as this process knows.
        alignment: keeps the INGEST tasks in step.
        backlog: how far INGEST is ahead of JOURNEYS.
        signalled_until: up to when what happened was signalled before the journeys log was made anew, ms.
        input_partitions: how many partitions each input had at the start, by topic; they only become more.
    """

    settings: Settings
    producer: Producer
    telemetry: Telemetry
    clock: Clock = wall_clock
    sleep: Sleep = asyncio.sleep
    standing: Standing = field(default_factory=Standing)
    sources: SourceLabels = field(default_factory=SourceLabels)
    erasures: Erasures = field(default_factory=Erasures)
    alignment: Alignment = field(default_factory=Alignment)
    backlog: Backlog = field(default_factory=Backlog)
    signalled_until: int = 0
    input_partitions: Mapping[str, int] = field(default_factory=dict)
