"""Serves metrics on the port that it prints, while its main thread computes without a pause."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from streams.runtime.health import HealthServer
from streams.runtime.standing import Standing
from streams.runtime.telemetry import Telemetry

if __name__ == "__main__":
    server = HealthServer(Telemetry.on(CollectorRegistry(), "worker"), Standing(), "127.0.0.1", 0)
    print(server.port, flush=True)  # noqa: T201  # its output
    while True:
        sum(range(10_000))
        server.heartbeat()
