"""Kafka over SASL_SSL, with rights: the first start is quick, and a refusal ends a process with advice."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest

from servers.kafka import Kafka
from servers.programs import find_program
from streams.kafka.admin import create_topics
from streams.kafka.client import client_options, wait_for_broker
from streams.settings import Settings
from tests.servers.process import skip_without_server, watch
from touchline.stack.child import Child
from touchline.stack.ports import HOST

pytestmark = pytest.mark.kafka

PATIENCE_S = 60.0
RESTORED_WITHIN_S = 10.0
"""It restores nothing; asyncio waits three times as long for a TLS connection that is not closed by the other side."""
ALL = "*"
TOPIC, GROUP, CLUSTER, LITERAL, ALLOW = 2, 3, 4, 3, 3
READ, WRITE, IDEMPOTENT_WRITE = 3, 4, 12
"""Of Kafka's protocol."""


class Node(Kafka):
    """A node whose only port speaks TLS."""

    def answers(self) -> bool:
        """Return whether the port is open; `wait_for_broker` then waits for an answer."""
        try:
            socket.create_connection((HOST, self.port), 1).close()
        except OSError:
            return False
        return True


class Secured:
    """A Kafka that has the users `admin`, who may do all, and `guest`, who may do what a test allows."""

    def __init__(self, folder: Path) -> None:
        openssl = find_program("openssl", "install Debian's package openssl")
        key, self.certificate, both = (folder / name for name in ("key.pem", "certificate.pem", "both.pem"))
        request = "req -x509 -nodes -newkey rsa:2048 -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
        files = ["-keyout", str(key), "-out", str(self.certificate)]
        subprocess.run([openssl, *request.split(), *files], check=True, capture_output=True)
        both.write_text(key.read_text() + self.certificate.read_text())
        users = "".join(f' user_{name}="{name} secret"' for name in ("admin", "guest"))
        module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        self.node = Node(
            folder,
            {
                "listener.security.protocol.map": "CLIENT:SASL_SSL,CONTROLLER:PLAINTEXT",
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(both),
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(self.certificate),
                "sasl.enabled.mechanisms": "PLAIN",
                "sasl.mechanism.inter.broker.protocol": "PLAIN",
                "listener.name.client.plain.sasl.jaas.config": (
                    f'{module} username="admin" password="admin secret"{users};'
                ),
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:admin;User:ANONYMOUS",
            },
        )

    def settings(self, user: str) -> Settings:
        return Settings.model_validate(
            {
                "kafka": self.node.bootstrap,
                "kafka_security": "sasl_ssl",
                "kafka_user": user,
                "kafka_password": f"{user} secret",
                "kafka_cafile": str(self.certificate),
            }
        )

    def process(self, command: str, log: Path, user: str = "admin", **more: str) -> Child:
        settings = self.settings(user)
        environment = {
            "TOUCHLINE_KAFKA": settings.kafka,
            "TOUCHLINE_KAFKA_SECURITY": settings.kafka_security,
            "TOUCHLINE_KAFKA_USER": user,
            "TOUCHLINE_KAFKA_PASSWORD": f"{user} secret",
            "TOUCHLINE_KAFKA_CAFILE": str(self.certificate),
            "TOUCHLINE_CLICKHOUSE": "memory://",
            "TOUCHLINE_METRICS_PORT": "0",
            "TOUCHLINE_SINK_METRICS_PORT": "0",
            "TOUCHLINE_LOG_FORMAT": "json",
            **more,
        }
        child = Child(command, [sys.executable, "-m", "touchline", command], log, environment)
        watch(child)
        child.start()
        return child


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with skip_without_server():
        kafka = Secured(tmp_path_factory.mktemp("secured"))
    watch(kafka.node.process)
    try:
        kafka.node.start()
        asyncio.run(wait_for_broker(kafka.settings("admin")))
        yield kafka
    finally:
        kafka.node.stop()


def logged(child: Child, event: str) -> list[dict[str, object]]:
    entries = [json.loads(line) for line in child.log.read_text().splitlines() if line.startswith("{")]
    return [entry for entry in entries if entry["event"] == event]


async def until_logged(child: Child, event: str, times: int = 1) -> list[dict[str, object]]:
    async with asyncio.timeout(PATIENCE_S):
        while len(found := logged(child, event)) < times:
            assert child.running, child.tail()
            await asyncio.sleep(0.05)
    return found


def last_line_of_ended(child: Child) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while child.running:
        assert time.monotonic() < deadline, child.tail()
        time.sleep(0.05)
    assert child.status == 1
    child.stop()
    return child.log.read_text().splitlines()[-1]


async def test_the_first_start_on_a_fresh_cluster_restores_nothing_in_no_time(secured: Secured, tmp_path: Path) -> None:
    settings = secured.settings("admin")
    await create_topics(settings)
    worker = secured.process("worker", tmp_path / "log")
    restored = await until_logged(worker, "state is back", settings.partitions)
    worker.stop()

    assert max(float(str(entry["seconds"])) for entry in restored) < RESTORED_WITHIN_S


@pytest.mark.parametrize("command", ["worker", "sink"])
def test_a_wrong_password_ends_a_process_with_advice(secured: Secured, tmp_path: Path, command: str) -> None:
    process = secured.process(command, tmp_path / "log", TOUCHLINE_KAFKA_PASSWORD="guessed")  # noqa: S106 # it is wrong

    said = last_line_of_ended(process)
    assert said.startswith(f"touchline: {command} stopped: Kafka at {secured.node.bootstrap} refuses the login of user")
    assert "TOUCHLINE_KAFKA_PASSWORD" in said
    assert "guessed" not in process.log.read_text()


async def test_a_missing_right_to_the_group_ends_a_process_with_advice_and_a_granted_one_lets_it_work(
    secured: Secured, tmp_path: Path
) -> None:
    settings = secured.settings("admin")
    await create_topics(settings)
    await allow_guest(settings, (TOPIC, ALL, READ), (TOPIC, ALL, WRITE), (CLUSTER, "kafka-cluster", IDEMPOTENT_WRITE))
    said = last_line_of_ended(secured.process("worker", tmp_path / "refused", "guest"))
    await allow_guest(settings, (GROUP, "touchline-streams", READ))
    worker = secured.process("worker", tmp_path / "taken", "guest")
    await until_logged(worker, "Kafka answers, and takes us")
    worker.stop()

    assert "user guest" in said
    assert "touchline-streams" in said
    assert "docs/operating.md#rights-in-kafka" in said


async def allow_guest(settings: Settings, *rights: tuple[int, str, int]) -> None:
    """Grant the user `guest` operations on resources, each given by its type and name."""
    admin = AIOKafkaAdminClient(**client_options(settings))
    await admin.start()
    try:
        for kind, name, operation in rights:
            request = CreateAclsRequest(kind, name, LITERAL, "User:guest", ALL, operation, ALLOW)
            response = await admin._send_request(request)
            assert [code for code, _ in response.creation_responses] == [0]
    finally:
        await admin.close()
