"""The worker and the sink as processes: how they wait, start, stop and fail, and what they say of it."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from schemas.topics import DEAD_LETTERS, KIND_TOPICS, all_topics
from servers.kafka import Kafka
from streams.kafka.admin import create_topics, delete_topics, partition_counts
from streams.kafka.client import BrokerError
from streams.kafka.producer import BatchProducer, Message
from streams.settings import Settings
from tests.servers.groups import state_of
from tests.servers.topics import create_topics as make_topics
from tests.servers.topics import widen_topic
from touchline.stack.ports import free_port

pytestmark = pytest.mark.kafka

PATIENCE_S = 60.0
INPUTS = list(KIND_TOPICS.values())
STOPS_WITHIN_S = 10.0


class Process:
    """A command of touchline, and what it has written."""

    def __init__(self, command: str, log: Path, **environment: str) -> None:
        self.log = log
        with log.open("w") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "touchline", command],
                stdout=out,
                stderr=subprocess.STDOUT,
                env={
                    **os.environ,
                    "TOUCHLINE_METRICS_PORT": "0",
                    "TOUCHLINE_SINK_METRICS_PORT": "0",
                    "TOUCHLINE_SESSION_TIMEOUT_S": "6",
                    "TOUCHLINE_LOG_FORMAT": "json",
                    **environment,
                },
            )

    def said(self, event: str) -> bool:
        return any(entry.get("event") == event for entry in self._entries())

    def _entries(self) -> Iterator[dict[str, object]]:
        for line in self.log.read_text().splitlines():
            if line.startswith("{"):
                yield json.loads(line)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text()
            assert self._process.poll() is None, self.log.read_text()
            time.sleep(0.05)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def signal(self, number: signal.Signals) -> int:
        self.send(number)
        return self.wait()

    def wait(self) -> int:
        return self._process.wait(PATIENCE_S)

    @property
    def last_line(self) -> str:
        return self.log.read_text().splitlines()[-1]

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def running(command: str, log: Path, **environment: str) -> Iterator[Process]:
    process = Process(command, log, **environment)
    try:
        yield process
    finally:
        process.end()


def answer(port: int, path: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()


def status(port: int, path: str) -> int:
    return answer(port, path)[0]


def get(port: int, path: str) -> str:
    return answer(port, path)[1]


@pytest.fixture
async def topics(kafka: Kafka) -> None:
    await create_topics(Settings(kafka=kafka.bootstrap))


@pytest.mark.usefixtures("topics")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", ["worker", "sink"])
def test_told_to_stop_it_ends_with_status_0(kafka: Kafka, tmp_path: Path, command: str, number: signal.Signals) -> None:
    with running(
        command, tmp_path / "log", TOUCHLINE_KAFKA=kafka.bootstrap, TOUCHLINE_CLICKHOUSE="memory://"
    ) as process:
        process.until(lambda: process.said("running"))
        assert process.signal(number) == 0
    assert process.said("stopped")
    assert "Traceback" not in process.log.read_text()


def test_without_kafka_it_waits_and_says_so_and_can_be_stopped(tmp_path: Path) -> None:
    with running("worker", tmp_path / "log", TOUCHLINE_KAFKA=f"127.0.0.1:{free_port()}") as process:
        process.until(lambda: process.said("waiting for Kafka"))
        assert process.signal(signal.SIGTERM) == 0


@pytest.mark.parametrize(("command", "setting"), [("worker", "METRICS_PORT"), ("sink", "SINK_METRICS_PORT")])
def test_while_it_waits_for_kafka_it_is_alive_and_not_ready_and_says_so(
    tmp_path: Path, command: str, setting: str
) -> None:
    port, broker = free_port(), free_port()
    settings = {"TOUCHLINE_KAFKA": f"127.0.0.1:{broker}", f"TOUCHLINE_{setting}": str(port)}
    with running(command, tmp_path / "log", **settings) as process:
        process.until(lambda: process.said("waiting for Kafka"))
        process.until(lambda: f"127.0.0.1:{broker} is not reached" in get(port, "/readyz"))
        assert status(port, "/healthz") == 200
        assert status(port, "/readyz") == 503
        assert get(port, "/healthz").startswith("waiting for Kafka for ")
        metrics = get(port, "/metrics")
        assert '\ntouchline_waiting{need="kafka"} 1.0\n' in metrics
        assert "\nprocess_resident_memory_bytes " in metrics
        assert not re.search(r'retries_total{operation="connect_kafka"} 0', metrics)
        assert process.signal(signal.SIGTERM) == 0


@pytest.mark.usefixtures("topics")
def test_once_it_is_in_its_group_it_is_ready_and_tells_its_lag_and_retries(kafka: Kafka, tmp_path: Path) -> None:
    port = free_port()
    with running(
        "worker", tmp_path / "log", TOUCHLINE_KAFKA=kafka.bootstrap, TOUCHLINE_METRICS_PORT=str(port)
    ) as process:
        process.until(lambda: process.said("running"))
        process.until(lambda: status(port, "/readyz") == 200)
        assert get(port, "/readyz") == "working\n"
        metrics = get(port, "/metrics")
        assert '\ntouchline_waiting{need="kafka"} 0.0\n' in metrics
        assert '\ntouchline_consumer_lag_records{stage="ingest"} 0.0\n' in metrics
        assert 'touchline_retries_total{operation="connect_kafka"} 0.0' in metrics
        assert process.signal(signal.SIGTERM) == 0


def test_a_taken_metrics_port_is_told_without_waiting_for_kafka(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = {"TOUCHLINE_KAFKA": f"127.0.0.1:{free_port()}", "TOUCHLINE_METRICS_PORT": str(port)}
        with running("worker", tmp_path / "log", **settings) as process:
            assert process.wait() == 1
    assert f"cannot serve metrics on 127.0.0.1:{port}" in process.last_line


@pytest.mark.usefixtures("topics")
def test_without_clickhouse_the_sink_waits_and_says_so_and_can_be_stopped(kafka: Kafka, tmp_path: Path) -> None:
    port = free_port()
    settings = {
        "TOUCHLINE_KAFKA": kafka.bootstrap,
        "TOUCHLINE_CLICKHOUSE": f"clickhouse://default@127.0.0.1:{free_port()}/touchline",
        "TOUCHLINE_SINK_METRICS_PORT": str(port),
    }
    with running("sink", tmp_path / "log", **settings) as process:
        process.until(lambda: process.said("waiting for ClickHouse"))
        assert status(port, "/readyz") == 503
        assert get(port, "/healthz").startswith("waiting for ClickHouse for ")
        metrics = get(port, "/metrics")
        assert '\ntouchline_waiting{need="clickhouse"} 1.0\n' in metrics
        assert '\ntouchline_waiting{need="kafka"} 0.0\n' in metrics
        assert not re.search(r'retries_total{operation="connect_clickhouse"} 0', metrics)
        assert process.signal(signal.SIGTERM) == 0


async def remove_topics(kafka: Kafka) -> None:
    await delete_topics(Settings(kafka=kafka.bootstrap), await partitions(kafka))


async def test_without_topics_it_names_them_and_the_command_that_makes_them(kafka: Kafka, tmp_path: Path) -> None:
    await remove_topics(kafka)
    with running("worker", tmp_path / "log", TOUCHLINE_KAFKA=kafka.bootstrap) as process:
        assert process.wait() == 1
    assert "these topics do not exist: business.changes.v1, " in process.last_line
    assert process.last_line.endswith("Create them with: touchline topics --create")


@pytest.mark.usefixtures("topics")
def test_with_another_number_of_partitions_it_says_which_topics(kafka: Kafka, tmp_path: Path) -> None:
    with running("worker", tmp_path / "log", TOUCHLINE_KAFKA=kafka.bootstrap, TOUCHLINE_PARTITIONS="3") as process:
        assert process.wait() == 1
    assert process.last_line.endswith("set TOUCHLINE_PARTITIONS=4, as all that are there have 4")


async def partitions(kafka: Kafka) -> dict[str, int]:
    counts = await partition_counts(Settings(kafka=kafka.bootstrap))
    return {topic.name: counts[topic.name] for topic in all_topics() if topic.name in counts}


async def test_beside_topics_of_its_own_with_another_number_of_partitions_no_topic_is_created(kafka: Kafka) -> None:
    await remove_topics(kafka)
    there = {DEAD_LETTERS: 6, **dict.fromkeys(INPUTS, 3)}
    await make_topics(kafka.bootstrap, [DEAD_LETTERS], partitions=6)
    await make_topics(kafka.bootstrap, INPUTS, partitions=3)
    async with asyncio.timeout(PATIENCE_S):
        while await partitions(kafka) != there:  # noqa: ASYNC110  # the broker knows
            await asyncio.sleep(0.05)

    with pytest.raises(
        BrokerError, match=rf"^no topic was created\. TOUCHLINE_PARTITIONS is 4, but {DEAD_LETTERS} has 6"
    ):
        await create_topics(Settings(kafka=kafka.bootstrap))
    assert await partitions(kafka) == there

    await create_topics(Settings(kafka=kafka.bootstrap, partitions=6))
    assert await partitions(kafka) == {**{topic.name: 6 for topic in all_topics()}, **there}
    await remove_topics(kafka)


@pytest.mark.usefixtures("topics")
async def test_partitions_that_are_added_while_they_run_are_told_at_once(kafka: Kafka, tmp_path: Path) -> None:
    settings = {"TOUCHLINE_KAFKA": kafka.bootstrap, "TOUCHLINE_CLICKHOUSE": "memory://"}
    read = {"worker": "touchpoints.resume.v1", "sink": "facts.clocks.v1"}
    with (
        running("worker", tmp_path / "worker", **settings) as worker,
        running("sink", tmp_path / "sink", **settings) as sink,
    ):
        processes = {"worker": worker, "sink": sink}
        for process in processes.values():
            process.until(partial(process.said, "running"))
        for name in read.values():
            await widen_topic(kafka.bootstrap, name, 6)
        before = time.monotonic()
        assert [process.wait() for process in processes.values()] == [1, 1]
        assert time.monotonic() - before < 15
    for command, process in processes.items():
        assert (
            f"TOUCHLINE_PARTITIONS is 4, but {read[command]} has 6 partitions. All topics but the inputs"
            in process.last_line
        )
    await remove_topics(kafka)


@pytest.mark.usefixtures("topics")
async def test_an_unexpected_error_ends_it_with_status_1_and_its_cause_last(kafka: Kafka, tmp_path: Path) -> None:
    producer = BatchProducer(Settings(kafka=kafka.bootstrap))
    await producer.start()
    await producer.send({("journeys.touchpoints.v1", 2): [Message(None, b"written by someone else")]})
    await producer.stop()
    # So long its partitions would wait for their next owner, if it did not leave its group.
    settings = {"TOUCHLINE_GROUP_SUFFIX": "-dying", "TOUCHLINE_SESSION_TIMEOUT_S": "100"}
    with running("worker", tmp_path / "log", TOUCHLINE_KAFKA=kafka.bootstrap, **settings) as process:
        assert process.wait() == 1
    assert "journeys stopped: journeys.touchpoints.v1, partition 2, offset " in process.last_line
    assert await state_of(kafka.bootstrap, "touchline-streams-dying") == ("Empty", 0)


@pytest.mark.usefixtures("topics")
async def test_told_to_stop_while_it_waits_for_its_group_it_leaves_that_and_ends(kafka: Kafka, tmp_path: Path) -> None:
    port = free_port()
    group = "touchline-sink-hung"
    settings = {
        "TOUCHLINE_KAFKA": kafka.bootstrap,
        "TOUCHLINE_CLICKHOUSE": "memory://",
        "TOUCHLINE_GROUP_SUFFIX": "-hung",
        "TOUCHLINE_SESSION_TIMEOUT_S": "60",
    }
    with running("sink", tmp_path / "first", **settings) as first:
        first.until(lambda: first.said("running"))
        first.send(signal.SIGSTOP)  # a member that Kafka waits for
        second_settings = {**settings, "TOUCHLINE_SINK_METRICS_PORT": str(port)}
        with running("sink", tmp_path / "second", **second_settings) as second:
            async with asyncio.timeout(PATIENCE_S):
                while await state_of(kafka.bootstrap, group) != ("PreparingRebalance", 2):  # noqa: ASYNC110  # Kafka knows
                    await asyncio.sleep(0.05)
            assert "not in our group yet" in get(port, "/readyz")
            began = time.monotonic()
            assert second.signal(signal.SIGTERM) == 0
            assert time.monotonic() - began < STOPS_WITHIN_S
            assert (await state_of(kafka.bootstrap, group))[1] == 1
