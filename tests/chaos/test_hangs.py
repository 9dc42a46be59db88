"""A ClickHouse that hangs holds up nobody who wants to stop the sink, and costs no row."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from tests.integration.shop import tweets, write
from tests.servers.pipeline import Pipeline, pipeline_on, until

pytestmark = [pytest.mark.chaos, pytest.mark.kafka, pytest.mark.clickhouse]

DAYS = 45
ENDS_WITHIN_S = 5


@pytest.fixture
def pipeline(kafka: Kafka, clickhouse_server: ClickHouseServer, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline_on(kafka, clickhouse_server, tmp_path, session_timeout_s=6, idle_s=1) as described:
        try:
            yield described
        finally:
            clickhouse_server.process.send_signal(signal.SIGCONT)


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
    pipeline: Pipeline, clickhouse_server: ClickHouseServer, tmp_path: Path
) -> None:
    messages = tweets(200, DAYS, seed=3)
    sink = pipeline.start("sink")
    until(lambda: bool(sink.logged("running")), "the sink to run")
    clickhouse_server.process.send_signal(signal.SIGSTOP)
    pipeline.publish(write(messages, tmp_path / "tweets.jsonl"))
    pipeline.start("worker")
    until(lambda: unread(clickhouse_server.native_port) > 0, "an insert to be under way")

    assert sink.ends_on(signal.SIGTERM, ENDS_WITHIN_S) == 0
    assert sink.logged("stopped")

    clickhouse_server.process.send_signal(signal.SIGCONT)
    pipeline.start("sink")
    pipeline.drain()
    assert sorted(row["event_id"] for row in pipeline.rows()["touchpoints"]) == sorted(
        message["event_id"] for message in messages
    )
