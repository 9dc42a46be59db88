"""The endpoint serves the metrics, tells a stuck event loop, and says clearly why it cannot start."""

from __future__ import annotations

import asyncio
import http.client
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from prometheus_client import CollectorRegistry

from streams.runtime.health import Endpoint, EndpointError, serve
from streams.runtime.telemetry import Telemetry

HOST = "127.0.0.1"


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry.on(CollectorRegistry())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def endpoint(telemetry: Telemetry, clock: Clock) -> Iterator[Endpoint]:
    endpoint = Endpoint(telemetry, HOST, 0, limit_s=30, clock=clock)
    yield endpoint
    endpoint.close()


def get(endpoint: Endpoint, path: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection(HOST, endpoint.port, timeout=10)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()


def test_metrics_are_served(endpoint: Endpoint, telemetry: Telemetry) -> None:
    telemetry.duplicates.inc(7)

    status, text = get(endpoint, "/metrics")

    assert status == 200
    assert "touchline_duplicates_total 7.0" in text


def test_health_is_good_while_the_loop_beats(endpoint: Endpoint, clock: Clock) -> None:
    clock.now += 29
    assert get(endpoint, "/healthz") == (200, "ok\n")

    endpoint.beat()
    clock.now += 30

    assert get(endpoint, "/healthz") == (200, "ok\n")


def test_health_is_bad_once_the_loop_is_silent_for_too_long(endpoint: Endpoint, clock: Clock) -> None:
    clock.now += 31

    status, text = get(endpoint, "/healthz")

    assert status == 503
    assert "31 s" in text


async def test_a_running_loop_keeps_beating(endpoint: Endpoint, clock: Clock) -> None:
    clock.now += 31
    beating = asyncio.create_task(endpoint.keep_beating(every_s=0.001))
    await asyncio.sleep(0)

    status, _ = await asyncio.to_thread(get, endpoint, "/healthz")

    beating.cancel()
    assert status == 200


def test_another_path_is_not_there(endpoint: Endpoint) -> None:
    status, text = get(endpoint, "/")

    assert status == 404
    assert "/metrics" in text


def test_a_port_in_use_is_a_clear_error(endpoint: Endpoint, telemetry: Telemetry) -> None:
    with pytest.raises(EndpointError, match=rf"127\.0\.0\.1:{endpoint.port}: Address already in use.*_METRICS_PORT"):
        serve(telemetry, HOST, endpoint.port)


def test_an_address_of_another_machine_is_a_clear_error(telemetry: Telemetry) -> None:
    with pytest.raises(EndpointError, match=r"cannot serve metrics on 192\.0\.2\.1:0"):
        serve(telemetry, "192.0.2.1", 0)


def test_a_closed_endpoint_frees_its_port(telemetry: Telemetry) -> None:
    endpoint = serve(telemetry, HOST, 0)
    endpoint.close()

    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((HOST, endpoint.port))
