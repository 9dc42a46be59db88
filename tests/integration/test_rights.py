"""The Kafka of docker-compose.yml, with its users and rights: each can do its work, and nothing more."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError, for_code
from aiokafka.protocol.admin import CreateAclsRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.produce import ProduceRequest
from click.testing import CliRunner

from schemas.topics import REBUILD_MARK, SIGNAL_ABANDONMENTS, Topic, all_topics
from servers.kafka import DEPLOY, JAVA_OPTIONS, Kafka, jars
from servers.programs import find_program
from streams.kafka.admin import create_topics, delete_topics
from streams.kafka.client import BrokerError, client_options, wait_for_broker
from streams.kafka.groups import group_members
from streams.settings import PREFIX, Settings
from tests.servers.process import skip_without_server, watch
from tests.servers.receiver import Receiver
from tests.servers.signals import follow_up, send_signals
from tests.unit.deploy.files import ROOT, load
from tests.unit.deploy.kafka_rights import MAY_READ, MAY_WRITE, NOTIFY, OWNER, PUBLISHER, SINK, WORKER, Right, run
from touchline.main import cli
from touchline.stack.child import Child
from touchline.stack.ports import HOST, free_port

pytestmark = pytest.mark.kafka

PATIENCE_S = 60.0
USERS = (OWNER, WORKER, SINK, PUBLISHER, NOTIFY)
TOPICS = sorted(topic.name for topic in all_topics())
KINDS = {"topic": 2, "group": 3, "cluster": 4}
LITERAL, PREFIXED, ALLOW = 3, 4, 3
OPERATIONS = {
    "Read": 3, "Write": 4, "Create": 5, "Delete": 6, "Alter": 7, "Describe": 8, "DescribeConfigs": 10,
    "IdempotentWrite": 12,
}  # fmt: skip
"""Of Kafka's protocol."""
PURCHASE = {
    "kind": "purchase", "event_id": "e", "occurred_at": 1_764_000_000_000, "source": "till", "customer_id": "C",
    "order_id": "o", "amount_minor": 1, "currency": "EUR",
}  # fmt: skip


def properties(environment: dict[str, str], ports: dict[str, int]) -> dict[str, str]:
    """Return the properties that the image makes of its environment, each listener on a free port.

    KafkaDockerWrapper of Apache Kafka: `KAFKA_` goes, capitals become small, `_` a dot; three of these become a dash.
    """
    own = {"KAFKA_NODE_ID", "KAFKA_PROCESS_ROLES", "KAFKA_CONTROLLER_QUORUM_VOTERS", "KAFKA_LOG_DIRS"}
    told = {
        name.removeprefix("KAFKA_").lower().replace("_", ".").replace("...", "-"): str(value)
        for name, value in environment.items()
        if name.startswith("KAFKA_") and name not in own
    }
    told["listeners"] = ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items())
    told["advertised.listeners"] = ",".join(
        f"{name}://{HOST}:{port}" for name, port in ports.items() if name != "CONTROLLER"
    )
    told["controller.quorum.bootstrap.servers"] = f"{HOST}:{ports['CONTROLLER']}"
    return told


class Compose:
    """The broker of compose, on free ports of this machine."""

    def __init__(self, folder: Path) -> None:
        environment = load(ROOT / "docker-compose.yml")["services"]["kafka"]["environment"]
        names = [listener.partition(":")[0] for listener in environment["KAFKA_LISTENERS"].split(",")]
        ports = {name: free_port() for name in names}
        # A start of Kafka's own program takes seconds: it makes one user, as the script asks it to.
        made_before = {user: f"{user}-secret" for user in USERS if user != OWNER}
        self.node = Kafka(folder, properties(environment, ports), users=made_before)
        self.node.port = ports["ADMIN"]  # it takes no login, and is asked whether it answers
        self.inside = f"{HOST}:{ports['INSIDE']}"
        self._folder = folder

    def grant(self) -> None:
        """Run the script of compose; Kafka's own program makes the owner, whose password alone is given."""
        java = find_program("java", "install a Java 17 runtime")
        log = f"-Dlog4j2.configurationFile={DEPLOY / 'log4j2.xml'}"
        command = f"{java} {' '.join(JAVA_OPTIONS)} {log} -cp '{jars()}/*' kafka.admin.ConfigCommand"
        folder = self._folder / "programs"
        folder.mkdir()
        rights = run(
            folder,
            {"kafka-configs.sh": f'#!/bin/sh\nexec {command} "$@"\n'},
            KAFKA_ADMIN=f"{HOST}:{self.node.port}",
            KAFKA_OWNER_PASSWORD=f"{OWNER}-secret",
        )
        asyncio.run(self._grant(rights))

    async def _grant(self, rights: list[Right]) -> None:
        async with admin(Settings(kafka=f"{HOST}:{self.node.port}")) as client:
            for right in rights:
                pattern = PREFIXED if right.kind == "group" else LITERAL
                kind, operation = KINDS[right.kind], OPERATIONS[right.operation]
                request = CreateAclsRequest(kind, right.name, pattern, f"User:{right.user}", "*", operation, ALLOW)
                response = await client._send_request(request)
                assert [code for code, _ in response.creation_responses] == [0], right

    def environment(self, user: str) -> dict[str, str]:
        """Return the settings of a user, as compose gives them to its services."""
        return {
            "TOUCHLINE_KAFKA": self.inside,
            "TOUCHLINE_KAFKA_SECURITY": "sasl_plain",
            "TOUCHLINE_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "TOUCHLINE_KAFKA_USER": user,
            "TOUCHLINE_KAFKA_PASSWORD": f"{user}-secret",
            "TOUCHLINE_CLICKHOUSE": "memory://",
            "TOUCHLINE_METRICS_PORT": "0",
            "TOUCHLINE_SINK_METRICS_PORT": "0",
            "TOUCHLINE_NOTIFY_METRICS_PORT": "0",
            "TOUCHLINE_LOG_FORMAT": "json",
        }

    def settings(self, user: str) -> Settings:
        return Settings.model_validate(
            {name.removeprefix(PREFIX).lower(): value for name, value in self.environment(user).items()}
        )


@asynccontextmanager
async def admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(**client_options(settings))
    await client.start()
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    with skip_without_server():
        kafka = Compose(tmp_path_factory.mktemp("compose"))
    watch(kafka.node.process)
    try:
        kafka.node.start()
        kafka.grant()
        asyncio.run(create_topics(kafka.settings(OWNER)))
        yield kafka
    finally:
        kafka.node.stop()


async def allowed(settings: Settings) -> tuple[set[str], set[str]]:
    """Return the topics that a user may read, and those that it may write, as the broker answers; nothing is written.

    It asks for a message of each topic, and sends to each what is no message: rights are looked at first.
    """
    async with admin(settings) as client:
        fetch = FetchRequest(0, 0, 1, 0, [(name, [(0, 0, 1)]) for name in TOPICS])
        fetched = await client._send_request(fetch)
        produce = ProduceRequest(None, -1, 5000, [(name, [(0, b"")]) for name in TOPICS])
        produced = await client._send_request(produce)
    refused = TopicAuthorizationFailedError
    reads = {name for name, partitions in fetched.topics if for_code(partitions[0][1]) is not refused}
    writes = {name for name, partitions in produced.topics if for_code(partitions[0][1]) is not refused}
    return reads, writes


@pytest.mark.parametrize("user", USERS)
async def test_each_user_reads_and_writes_its_own_topics_alone(compose: Compose, user: str) -> None:
    reads, writes = await allowed(compose.settings(user))

    assert reads == MAY_READ[user]
    assert writes == MAY_WRITE[user]


@pytest.mark.parametrize("user", [WORKER, SINK, PUBLISHER, NOTIFY])
async def test_only_the_owner_makes_and_deletes_topics(compose: Compose, user: str) -> None:
    with pytest.raises(BrokerError, match="could not be created"):
        await create_topics(compose.settings(user), [Topic("facts.other.v1")])
    with pytest.raises(BrokerError, match="could not be deleted"):
        await delete_topics(compose.settings(user), [SIGNAL_ABANDONMENTS])


@pytest.mark.parametrize(("user", "group"), [(SINK, "touchline-streams"), (PUBLISHER, "touchline-streams"),
                                             (WORKER, "touchline-sink"), (NOTIFY, "touchline-streams"),
                                             (OWNER, "others")])  # fmt: skip
async def test_nobody_touches_the_group_of_another(compose: Compose, user: str, group: str) -> None:
    async with admin(compose.settings(user)) as client:
        with pytest.raises(GroupAuthorizationFailedError):
            await client.find_coordinator(group)


async def test_without_a_login_one_gets_no_answer(compose: Compose) -> None:
    with pytest.raises(BrokerError, match="refuses the login"):
        await wait_for_broker(compose.settings(WORKER).model_copy(update={"kafka_user": "nobody"}))
    async with asyncio.timeout(PATIENCE_S):
        plain = Settings(kafka=compose.inside)
        with pytest.raises(Exception, match="Unable to bootstrap"):
            async with admin(plain):
                pass


def scraped(port: int) -> str:
    """Return the metrics served on a port; nothing where none are."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=2) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def start(compose: Compose, command: str, user: str, folder: Path, **more: str) -> Child:
    told = {**compose.environment(user), **more}
    child = watch(Child(command, [sys.executable, "-m", "touchline", command], folder / f"{command}.log", told))
    child.start()
    return child


def accepted(port: int, purchase: dict[str, object]) -> bool:
    """Send a purchase to the HTTP collector on a port; return whether it was accepted."""
    asked = urllib.request.Request(
        f"http://{HOST}:{port}/v1/touchpoints", json.dumps(purchase).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:  # noqa: S310  # its scheme is written above
            return bool(json.load(answer)["accepted"] == 1)
    except OSError:  # it does not listen yet, or Kafka has not answered it
        return False


def command(compose: Compose, user: str, *words: str) -> str:
    done = CliRunner(env=compose.environment(user)).invoke(cli, list(words))
    assert done.exit_code == 0, done.output
    return done.output


def test_each_does_its_work_with_its_rights(compose: Compose, tmp_path: Path) -> None:
    lines = tmp_path / "in.jsonl"
    lines.write_text(json.dumps(PURCHASE))
    command(compose, PUBLISHER, "publish", str(lines))
    port, door = free_port(), free_port()
    more = {"TOUCHLINE_COLLECT_PORT": str(door), "TOUCHLINE_COLLECT_METRICS_PORT": "0"}
    collector = start(compose, "collect", PUBLISHER, tmp_path, **more)
    sink = start(compose, "sink", SINK, tmp_path, TOUCHLINE_SINK_METRICS_PORT=str(port))
    worker = start(compose, "worker", WORKER, tmp_path)
    try:
        collector.wait_ready(lambda: accepted(door, {**PURCHASE, "event_id": "by http"}), PATIENCE_S)
        sink.wait_ready(lambda: 'touchline_inserted_rows_total{table="touchpoints"} 2.0' in scraped(port), PATIENCE_S)
        command(compose, OWNER, "identity", "link", "C", "email:c@example.com")
        sink.wait_ready(lambda: 'touchline_inserted_rows_total{table="identities"} 1.0' in scraped(port), PATIENCE_S)
        groups = asyncio.run(group_members(compose.settings(OWNER)))
        assert worker.running, worker.tail()
    finally:
        worker.stop()
        sink.stop()
        collector.stop()

    assert set(groups) == {"touchline-streams", "touchline-sink"}
    assert "0 input partitions paused" in command(compose, OWNER, "dlq", "resume", "--dry-run")
    command(compose, OWNER, "topics", "--check")
    command(compose, OWNER, "dlq", "list")


def targets(folder: Path, url: str) -> dict[str, str]:
    """Return what tells `touchline notify` of a web service."""
    file = folder / "targets.toml"
    file.write_text(f'[[target]]\nname = "care"\nkind = "webhook"\nurl = "{url}"\nsecret_env = "CARE_SECRET"\n')
    return {"TOUCHLINE_NOTIFY": str(file), "CARE_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}


def test_the_deliverer_reads_signals_and_writes_what_it_could_not_deliver(compose: Compose, tmp_path: Path) -> None:
    asyncio.run(send_signals(compose.settings(WORKER), map(follow_up, (1, 2)), raw=[b"no signal"]))
    with Receiver() as receiver:
        notify = start(compose, "notify", NOTIFY, tmp_path, **targets(tmp_path, receiver.url))
        try:
            notify.wait_ready(lambda: len(receiver.taken) == 2, PATIENCE_S)
        finally:
            notify.stop()

    assert "single-object encoding" in command(compose, OWNER, "notify", "--dead-letters")


@pytest.mark.parametrize("user", [WORKER, SINK, PUBLISHER, NOTIFY])
def test_everybody_sees_that_a_rebuild_is_under_way(compose: Compose, tmp_path: Path, user: str) -> None:
    lines = tmp_path / "in.jsonl"
    lines.write_text(json.dumps(PURCHASE))
    asyncio.run(create_topics(compose.settings(OWNER), [Topic(REBUILD_MARK)]))
    try:
        if user == PUBLISHER:
            said = CliRunner(env=compose.environment(user)).invoke(cli, ["publish", str(lines)]).output
        else:
            more = targets(tmp_path, f"http://{HOST}:{free_port()}/") if user == NOTIFY else {}
            said = last_line_of_ended(start(compose, user.removeprefix("touchline_"), user, tmp_path, **more))
    finally:
        asyncio.run(delete_topics(compose.settings(OWNER), [REBUILD_MARK]))

    assert "a rebuild is under way" in " ".join(said.split())


def last_line_of_ended(child: Child) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while child.running:
        assert time.monotonic() < deadline, child.tail()
        time.sleep(0.05)
    child.stop()
    return child.log.read_text().splitlines()[-1]
