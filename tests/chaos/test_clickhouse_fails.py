"""A ClickHouse that hangs, is full, or is killed before the sink is: rows wait for it, and nobody else has to."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from tests.integration.shop import Event, tweets, write
from tests.servers.pipeline import App, Pipeline, pipeline_on, until
from tests.servers.process import skip_without_server, watch
from tests.servers.small_disk import fill, make_room, small_disk

pytestmark = [pytest.mark.chaos, pytest.mark.kafka, pytest.mark.clickhouse]

HASTY_SINK = Path(__file__).with_name("scripts") / "hasty_sink.py"
MESSAGES = tweets(200, days=45, seed=3)
SETTINGS = {"session_timeout_s": 2, "idle_s": 1}
ENDS_WITHIN_S = 5
NO_ROWS = "ClickHouse takes no rows; trying until it does"
TRIED = 3
"""Attempts that fail, and more than the interval between commits pass between the first and the last."""


@pytest.fixture
def pipeline(kafka: Kafka, clickhouse_server: ClickHouseServer, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline_on(kafka, clickhouse_server, tmp_path, **SETTINGS) as described:
        try:
            yield described
        finally:
            clickhouse_server.process.send_signal(signal.SIGCONT)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(MESSAGES, tmp_path_factory.mktemp("tweets") / "tweets.jsonl")


def sink_and_worker(pipeline: Pipeline, script: Sequence[str] = ()) -> App:
    """Start both, and return the sink, which runs."""
    sink = pipeline.app("sink", script)
    sink.start()
    pipeline.start("worker")
    until(lambda: bool(sink.logged("running")), "the sink to run")
    return sink


def ids(events: list[Event]) -> list[str]:
    return sorted(event["event_id"] for event in events)


def unread(port: int) -> int:
    """Return how many bytes wait in the sockets of a server for it to read them."""
    connections = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    # Local address and port, state (01: established), bytes to send and to read, all hexadecimal.
    return sum(
        int(fields[4].split(":")[1], 16)
        for fields in connections
        if int(fields[1].split(":")[1], 16) == port and fields[3] == "01"
    )


def test_a_sink_that_starts_while_clickhouse_hangs_ends_at_once(
    pipeline: Pipeline, clickhouse_server: ClickHouseServer
) -> None:
    clickhouse_server.process.send_signal(signal.SIGSTOP)
    sink = pipeline.start("sink")
    until(lambda: unread(clickhouse_server.native_port) > 0, "the sink to ask ClickHouse for an answer")

    assert sink.ends_on(signal.SIGTERM, ENDS_WITHIN_S) == 0


def test_a_sink_whose_insert_hangs_ends_at_once_and_the_next_one_stores_the_rows(
    pipeline: Pipeline, clickhouse_server: ClickHouseServer, lines: Path
) -> None:
    sink = sink_and_worker(pipeline)
    clickhouse_server.process.send_signal(signal.SIGSTOP)
    pipeline.publish(lines)
    until(lambda: unread(clickhouse_server.native_port) > 0, "an insert to be under way")

    assert sink.ends_on(signal.SIGTERM, ENDS_WITHIN_S) == 0
    assert sink.logged("stopped")

    clickhouse_server.process.send_signal(signal.SIGCONT)
    pipeline.start("sink")
    pipeline.drain()
    assert ids(pipeline.rows()["touchpoints"]) == ids(MESSAGES)


def test_a_full_disk_of_the_server_is_waited_for_and_counted(kafka: Kafka, tmp_path: Path, lines: Path) -> None:
    with small_disk(tmp_path / "disk", megabytes=64) as disk, skip_without_server():
        server = ClickHouseServer(disk)
        watch(server.process)
        try:
            server.start()
            with pipeline_on(kafka, server, tmp_path, **SETTINGS) as pipeline:
                sink = sink_and_worker(pipeline)
                fill(disk)
                pipeline.publish(lines)
                until(lambda: sink.retried("insert") >= TRIED, "the sink to try again")
                make_room(disk)
                pipeline.drain()

                assert "No space left on device" in sink.logged(NO_ROWS)[0]["cause"]
                assert ids(pipeline.rows()["touchpoints"]) == ids(MESSAGES)
        finally:
            server.stop()


Killed = Callable[[Sequence[str]], list[str]]


@pytest.fixture
def both_killed(pipeline: Pipeline, clickhouse_server: ClickHouseServer, lines: Path) -> Killed:
    """Call with what runs in the sink's place; returns the ids of the touchpoints that are stored in the end."""

    def run(script: Sequence[str]) -> list[str]:
        sink = sink_and_worker(pipeline, script)
        clickhouse_server.kill9()
        pipeline.publish(lines)
        until(lambda: sink.retried("insert") >= TRIED, "the sink to try in vain")
        sink.kill9()
        clickhouse_server.start()
        pipeline.start("sink")
        pipeline.drain()
        return ids(pipeline.rows()["touchpoints"])

    return run


def test_no_row_is_lost_when_first_clickhouse_and_then_the_sink_is_killed(both_killed: Killed) -> None:
    assert both_killed([]) == ids(MESSAGES)


def test_a_sink_that_acknowledges_before_it_stores_would_lose_some(both_killed: Killed) -> None:
    stored = both_killed([str(HASTY_SINK)])

    assert set(stored) < set(ids(MESSAGES))
