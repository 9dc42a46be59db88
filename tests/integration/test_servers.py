"""The servers the tests run on: what the other tests take for granted of them."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError
from clickhouse_driver import Client
from clickhouse_driver.errors import NetworkError

from schemas.topics import Topic
from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from servers.programs import find_program
from tests.servers.fixtures import StartPrometheus
from tests.servers.process import skip_without_server
from tests.servers.topics import create_topics, delete_topics
from touchline.stack.ports import free_port


@pytest.mark.kafka
@pytest.mark.parametrize("end", ["stop", "kill9"])
async def test_kafka_keeps_what_it_acknowledged(kafka: Kafka, end: str) -> None:
    topic = f"kept-{end}"
    await create_topics(kafka.bootstrap, [Topic(topic, {"retention.ms": "86400000"})])
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    await producer.send_and_wait(topic, b"acknowledged")
    await producer.stop()

    getattr(kafka, end)()
    kafka.start()

    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        assert (await consumer.getone()).value == b"acknowledged"
    finally:
        await consumer.stop()
    await delete_topics(kafka.bootstrap, [topic])


@pytest.mark.kafka
async def test_kafka_creates_topics_only_when_asked(kafka: Kafka) -> None:
    await create_topics(kafka.bootstrap, ["asked-for"], partitions=3)
    with pytest.raises(TopicAlreadyExistsError, match="asked-for"):
        await create_topics(kafka.bootstrap, ["asked-for"])
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap)
    await consumer.start()
    try:
        assert "asked-for" in await consumer.topics()
        assert "never-asked-for" not in await consumer.topics()
    finally:
        await consumer.stop()
    await delete_topics(kafka.bootstrap, ["asked-for"])
    with pytest.raises(UnknownTopicOrPartitionError):
        await delete_topics(kafka.bootstrap, ["never-asked-for"])


@pytest.mark.clickhouse
def test_clickhouse_keeps_a_written_block_over_a_kill(clickhouse_server: ClickHouseServer) -> None:
    server = clickhouse_server
    with Client(server.host, port=server.native_port) as client:
        client.execute("CREATE DATABASE kept")
        client.execute("CREATE TABLE kept.rows (n Int32) ENGINE = MergeTree ORDER BY n")
        client.execute("INSERT INTO kept.rows VALUES", [(1,), (2,)])

    server.kill9()
    with pytest.raises(NetworkError):
        Client(server.host, port=server.native_port).execute("SELECT 1")
    server.start()

    with Client.from_url(server.url("kept")) as client:
        assert client.execute("SELECT n FROM rows ORDER BY n") == [(1,), (2,)]
        client.execute("DROP DATABASE kept")


@pytest.mark.clickhouse
def test_clickhouse_asks_for_the_password(clickhouse_server: ClickHouseServer) -> None:
    url = clickhouse_server.url("default", "guarded", "s3cret")
    with Client.from_url(url) as client:
        # Another test's last query may still be listed.
        assert client.execute("SELECT user FROM system.processes WHERE query LIKE '%itself%'") == [("guarded",)]
    with pytest.raises(Exception, match="Wrong password"):
        Client.from_url(url.replace("s3cret", "guess")).execute("SELECT 1")


class _Metrics(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"lived_total 41\n")

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.mark.prometheus
def test_prometheus_scrapes_and_evaluates_rules(tmp_path: Path, start_prometheus: StartPrometheus) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text("groups:\n- name: test\n  rules:\n  - record: more\n    expr: lived_total + 1\n")
    port = free_port()
    with ThreadingHTTPServer(("127.0.0.1", port), _Metrics) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        prometheus = start_prometheus([f"127.0.0.1:{port}"], [rules])
        (sample,) = prometheus.wait_for("more")
        server.shutdown()
    assert sample["value"][1] == "42"
    assert sample["metric"]["job"] == "touchline"


def test_a_missing_server_skips_for_a_person_and_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="not-there is not installed: build it"), skip_without_server():
        find_program("not-there", "build it")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="not-there is not installed: build it"), skip_without_server():
        find_program("not-there", "build it")
