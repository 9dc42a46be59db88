"""What the agents of a process share."""

from __future__ import annotations

from dataclasses import dataclass

from streams.produce import BatchProducer
from streams.settings import Settings
from streams.telemetry import Telemetry


@dataclass(frozen=True)
class Services:
    """Handed to every agent's `register(app, services)`; all of it runs in the app's event loop."""

    settings: Settings
    producer: BatchProducer
    telemetry: Telemetry
