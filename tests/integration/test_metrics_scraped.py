"""A real Prometheus scrapes the endpoint, and its rules fire on what is counted there."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from streams.runtime.health import HealthServer
from streams.runtime.standing import Standing
from streams.runtime.telemetry import Telemetry
from tests.servers.fixtures import StartPrometheus
from tests.unit.deploy.files import DEPLOY


@pytest.mark.prometheus
def test_a_collision_that_is_counted_raises_the_alert(start_prometheus: StartPrometheus) -> None:
    telemetry = Telemetry.on(CollectorRegistry())
    endpoint = HealthServer(telemetry, Standing(), "127.0.0.1", 0)
    try:
        prometheus = start_prometheus([f"127.0.0.1:{endpoint.port}"], [DEPLOY / "prometheus" / "alerts.yml"])
        prometheus.wait_for('touchline_messages_refused_total{reason="event_id_collision"} == 0')
        telemetry.messages_refused.labels("touchpoints.tweets.v1", "event_id_collision").inc()

        (alert,) = prometheus.wait_for('ALERTS{alertname="TouchlineCollisions", alertstate="firing"}')

        assert alert["metric"]["severity"] == "ticket"
    finally:
        endpoint.close()
