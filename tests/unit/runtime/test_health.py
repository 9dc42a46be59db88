"""The server serves the metrics, tells a stuck event loop, and says clearly why it cannot start."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from prometheus_client import CollectorRegistry

from streams.runtime.health import HealthServer, HealthServerError
from streams.runtime.standing import Standing
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
def standing(clock: Clock) -> Standing:
    return Standing(clock)


@pytest.fixture
def server(telemetry: Telemetry, standing: Standing, clock: Clock) -> Iterator[HealthServer]:
    server = HealthServer(telemetry, standing, HOST, 0, limit_s=30, clock=clock)
    yield server
    server.close()


def get(server: HealthServer, path: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection(HOST, server.port, timeout=10)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()


def test_metrics_are_served(server: HealthServer, telemetry: Telemetry) -> None:
    telemetry.duplicates.inc(7)

    status, text = get(server, "/metrics")

    assert status == 200
    assert "touchline_duplicates_total 7.0" in text


def test_health_is_good_while_the_loop_beats(server: HealthServer, clock: Clock) -> None:
    clock.now += 29
    assert get(server, "/healthz") == (200, "working\n")

    server.heartbeat()
    clock.now += 30

    assert get(server, "/healthz") == (200, "working\n")


def test_health_is_bad_once_the_loop_is_silent_for_too_long(server: HealthServer, clock: Clock) -> None:
    clock.now += 31

    status, text = get(server, "/healthz")

    assert status == 503
    assert "31 s" in text


def test_a_process_that_waits_is_alive_and_not_ready_and_says_for_what_and_why(
    server: HealthServer, standing: Standing, clock: Clock
) -> None:
    standing.wait("kafka", "10.0.0.1:9092 is not reached: Connection refused")
    clock.now += 7
    standing.wait("kafka", "10.0.0.1:9092 is not reached: no route")
    standing.wait("clickhouse", "the disk is full")
    said = (
        "waiting for Kafka for 7 s: 10.0.0.1:9092 is not reached: no route; "
        "waiting for ClickHouse for 0 s: the disk is full\n"
    )

    assert get(server, "/healthz") == (200, said)
    assert get(server, "/readyz") == (503, said)

    standing.go_on("kafka")
    assert get(server, "/readyz") == (503, "waiting for ClickHouse for 0 s: the disk is full\n")
    standing.go_on("clickhouse")

    assert get(server, "/readyz") == (200, "working\n")


def test_a_stuck_loop_is_neither_alive_nor_ready(server: HealthServer, clock: Clock) -> None:
    clock.now += 31

    assert [get(server, path)[0] for path in ("/healthz", "/readyz")] == [503, 503]


async def test_a_running_loop_keeps_beating(server: HealthServer, clock: Clock) -> None:
    clock.now += 31
    beating = asyncio.create_task(server.run_heartbeat(every_s=0.001))
    await asyncio.sleep(0)

    status, _ = await asyncio.to_thread(get, server, "/healthz")

    beating.cancel()
    assert status == 200


def test_another_path_is_not_there(server: HealthServer) -> None:
    status, text = get(server, "/")

    assert status == 404
    assert "/metrics" in text


def test_a_scrape_may_take_gzip_and_name_the_series_it_wants(server: HealthServer, telemetry: Telemetry) -> None:
    telemetry.duplicates.inc(7)
    with closing(http.client.HTTPConnection(HOST, server.port, timeout=10)) as connection:
        path = "/metrics?name[]=touchline_duplicates_total"
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        response = connection.getresponse()
        text = gzip.decompress(response.read()).decode()

    assert response.headers["Content-Type"].startswith("text/plain; version=")
    assert [line for line in text.splitlines() if not line.startswith("#")] == ["touchline_duplicates_total 7.0"]


def test_nothing_can_be_sent_to_it(server: HealthServer) -> None:
    with closing(http.client.HTTPConnection(HOST, server.port, timeout=10)) as connection:
        connection.request("POST", "/metrics", b"touchline_duplicates_total 7")

        assert connection.getresponse().status == 405


def test_a_port_in_use_is_a_clear_error(server: HealthServer, telemetry: Telemetry, standing: Standing) -> None:
    with pytest.raises(HealthServerError, match=rf"127\.0\.0\.1:{server.port}: Address already in use.*_METRICS_PORT"):
        HealthServer(telemetry, standing, HOST, server.port)


def test_an_address_of_another_machine_is_a_clear_error(telemetry: Telemetry, standing: Standing) -> None:
    with pytest.raises(HealthServerError, match=r"cannot serve metrics on 192\.0\.2\.1:0"):
        HealthServer(telemetry, standing, "192.0.2.1", 0)


def test_a_closed_server_frees_its_port(telemetry: Telemetry, standing: Standing) -> None:
    server = HealthServer(telemetry, standing, HOST, 0)
    server.close()

    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((HOST, server.port))


def test_what_is_waited_for_is_said_in_printable_text_of_a_line(standing: Standing) -> None:
    standing.wait("kafka", "\x1b[2J\nready" + "x" * 10_000)

    said = str(standing)
    assert said.startswith("waiting for Kafka for 0 s: \\u001b[2J\\nreadyxxx")
    assert len(said) == len("waiting for Kafka for 0 s: ") + 500
