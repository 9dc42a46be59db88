"""What the agents of a process share."""

from __future__ import annotations

from dataclasses import dataclass

from streams.kafka.producer import BatchProducer
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings


@dataclass(frozen=True)
class Services:
    """Handed to every agent's `register(app, services)`; all of it runs in the app's event loop."""

    settings: Settings
    producer: BatchProducer
    telemetry: Telemetry
