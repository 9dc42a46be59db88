"""Doctor on real servers: each mistake of security is told apart, and what is no mistake is not called one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from schemas.topics import DEAD_LETTERS, FACTS_TOPICS, all_topics
from servers.certificates import Certificate, make_certificate
from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from streams.kafka.admin import create_topics
from streams.settings import PREFIX, Settings
from tests.servers.pipeline import until
from tests.servers.process import skip_without_server, watch
from touchline.main import cli
from touchline.stack import Stack
from touchline.stack.child import Child

USER, PASSWORD = "touchline", "s3cret"
LOGIN = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
ABSENT = "kafka.invalid"
"""RFC 6761: there is no host of this name."""


class Secured(NamedTuple):
    """A Kafka that speaks every protocol, each at its own address."""

    kafka: Kafka
    certificate: Certificate
    other: Certificate

    def at(self, protocol: str, security: str, **more: str) -> dict[str, str]:
        """Return the settings that fit a protocol's security, to be changed by a test."""
        settings = {"KAFKA": self.kafka.addresses.get(protocol, self.kafka.bootstrap), "KAFKA_SECURITY": security}
        if "SASL" in security.upper():
            settings |= {"KAFKA_USER": USER, "KAFKA_PASSWORD": PASSWORD}
        if security.endswith("ssl"):
            settings["KAFKA_CAFILE"] = str(self.certificate.file)
        return settings | more


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    with skip_without_server():
        certificate = make_certificate(folder / "ours", "localhost")
        other = make_certificate(folder / "others", "localhost")
        kafka = Kafka(
            folder,
            {
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(certificate.both),
                "sasl.enabled.mechanisms": "PLAIN",
                "listener.name.sasl_ssl.plain.sasl.jaas.config": LOGIN,
                "listener.name.sasl_plaintext.plain.sasl.jaas.config": LOGIN,
            },
            {"SSL": "localhost", "SASL_SSL": "localhost", "SASL_PLAINTEXT": "localhost", "PLAINTEXT": ABSENT},
        )
    watch(kafka.process)
    try:
        kafka.start()
        yield Secured(kafka, certificate, other)
    finally:
        kafka.stop()


def doctor(**settings: str) -> dict[str, list[tuple[bool, str]]]:
    """Return what doctor says of each thing: whether all is well, and the text."""
    ports = {"METRICS_PORT": "0", "SINK_METRICS_PORT": "0"}
    environment = {PREFIX + name: value for name, value in {**ports, **settings}.items()}
    result = CliRunner(env=environment).invoke(cli, ["doctor"])
    said: dict[str, list[tuple[bool, str]]] = {}
    for line in result.stdout.splitlines():
        said.setdefault(line[9:25].strip(), []).append((line.startswith("ok"), line[26:]))
    assert result.exit_code == (0 if all(ok for checks in said.values() for ok, _ in checks) else 1)
    assert PASSWORD not in result.output
    return said


# -- Kafka -------------------------------------------------------------------------------------------------------------


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("protocol", "security"),
    [("", "none"), ("SSL", "ssl"), ("SASL_PLAINTEXT", "sasl_plain"), ("SASL_SSL", "sasl_ssl")],
)
def test_with_the_right_security_kafka_is_well(secured: Secured, protocol: str, security: str) -> None:
    settings = secured.at(protocol, security)

    said = doctor(**settings)

    assert said["Kafka"] == [(True, f"1 broker answers at {settings['KAFKA']}")]
    assert said["topics"] == [(False, "none is there: touchline topics --create")]


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("protocol", "security", "what", "advice"),
    [
        ("SSL", "none", "speaks TLS, and we do not", "set TOUCHLINE_KAFKA_SECURITY=ssl, or sasl_ssl with a login"),
        ("SASL_SSL", "sasl_plain", "speaks TLS, and we do not", "set TOUCHLINE_KAFKA_SECURITY=sasl_ssl"),
        ("", "ssl", "speaks no TLS", "set TOUCHLINE_KAFKA_SECURITY=none, or take the port that speaks it"),
        ("SASL_PLAINTEXT", "sasl_ssl", "speaks no TLS", "set TOUCHLINE_KAFKA_SECURITY=sasl_plain, or take the port"),
        ("", "sasl_plain", "takes no login", "set TOUCHLINE_KAFKA_SECURITY=none"),
        ("SSL", "sasl_ssl", "takes no login", "set TOUCHLINE_KAFKA_SECURITY=ssl"),
        (
            "SASL_PLAINTEXT",
            "none",
            "ends the connection",
            "if it wants a login, set TOUCHLINE_KAFKA_SECURITY=sasl_plain",
        ),
        ("SASL_SSL", "ssl", "ends the connection", "if it wants a login, set TOUCHLINE_KAFKA_SECURITY=sasl_ssl"),
    ],
)
def test_a_protocol_that_is_not_the_brokers_is_told_with_the_one_to_set(
    secured: Secured, protocol: str, security: str, what: str, advice: str
) -> None:
    settings = secured.at(protocol, security)

    ((ok, text),) = doctor(**settings)["Kafka"]

    assert not ok
    assert text.startswith(f"{settings['KAFKA']} {what}: {advice}")


@pytest.mark.kafka
def test_a_wrong_password_and_a_wrong_mechanism_are_told_apart(secured: Secured) -> None:
    at = secured.kafka.addresses["SASL_SSL"]
    wrong_password = doctor(**secured.at("SASL_SSL", "sasl_ssl", KAFKA_PASSWORD="guess"))  # noqa: S106  # a wrong one
    wrong_mechanism = doctor(**secured.at("SASL_SSL", "sasl_ssl", KAFKA_SASL_MECHANISM="SCRAM-SHA-256"))

    ((ok, text),) = wrong_password["Kafka"]
    assert not ok
    assert text.startswith(f"{at} refuses the login of {USER}: look at TOUCHLINE_KAFKA_USER, TOUCHLINE_KAFKA_PASSWORD")
    ((ok, text),) = wrong_mechanism["Kafka"]
    assert not ok
    assert text.startswith(f"{at} takes no login by SCRAM-SHA-256: set TOUCHLINE_KAFKA_SASL_MECHANISM")


@pytest.mark.kafka
def test_an_unknown_authority_a_wrong_name_and_a_missing_file_are_told_apart(secured: Secured, tmp_path: Path) -> None:
    good = secured.at("SASL_SSL", "sasl_ssl")
    by_ip = good["KAFKA"].replace("localhost", "127.0.0.1")
    missing = tmp_path / "missing.pem"

    name_the_file = "name the file with the authority's certificate in TOUCHLINE_KAFKA_CAFILE"
    unknown = doctor(**{**good, "KAFKA_CAFILE": str(secured.other.file)})
    wrong_name = doctor(**{**good, "KAFKA": by_ip})
    no_file = doctor(**{**good, "KAFKA_CAFILE": str(missing)})

    assert unknown["Kafka"] == [
        (False, f"the certificate of {good['KAFKA']} is of an authority that is not trusted: {name_the_file}")
    ]
    assert wrong_name["Kafka"] == [
        (False, f"the certificate of {by_ip} is for another name: write a name that it is for in TOUCHLINE_KAFKA")
    ]
    assert no_file["Kafka"] == [(False, f"TOUCHLINE_KAFKA_CAFILE: {missing} cannot be read: No such file or directory")]


@pytest.mark.kafka
def test_brokers_with_the_same_mistake_are_one_line_and_one_that_answers_is_enough_to_go_on(secured: Secured) -> None:
    settings = secured.at("", "none", KAFKA=f"a.invalid:9092,{secured.kafka.bootstrap},b.invalid:9092")

    said = doctor(**settings)

    assert said["Kafka"] == [
        (False, "there is no host a.invalid; there is no host b.invalid: look at TOUCHLINE_KAFKA"),
        (True, f"1 broker answers at {settings['KAFKA']}"),
    ]
    assert "topics" in said


@pytest.mark.kafka
def test_a_broker_that_sends_clients_to_an_address_that_is_none_for_them_is_told(secured: Secured) -> None:
    told = secured.kafka.addresses["PLAINTEXT"]

    first, *_ = doctor(**secured.at("", "none", KAFKA=told.replace(ABSENT, "127.0.0.1")))["Kafka"]

    but = f"there is no host {ABSENT}: look at advertised.listeners of the broker"
    assert first == (False, f"Kafka sends us to its broker at {told}, but {but}")


@pytest.mark.kafka
def test_a_login_or_a_file_that_is_never_used_is_a_problem_though_kafka_answers(secured: Secured) -> None:
    settings = secured.at("", "none", KAFKA_USER=USER, KAFKA_PASSWORD=PASSWORD, KAFKA_CAFILE="/trusted.pem")

    login, file, answer = doctor(**settings)["Kafka"]

    assert not login[0]
    assert login[1].startswith(
        "TOUCHLINE_KAFKA_USER and TOUCHLINE_KAFKA_PASSWORD are not sent with TOUCHLINE_KAFKA_SECURITY=none: "
    )
    assert not file[0]
    assert file[1].startswith("TOUCHLINE_KAFKA_CAFILE has no effect with TOUCHLINE_KAFKA_SECURITY=none")
    assert answer[0]


# -- ClickHouse --------------------------------------------------------------------------------------------------------


@pytest.mark.clickhouse
def test_a_clickhouse_that_is_too_old_is_told(clickhouse_server: ClickHouseServer) -> None:
    ((ok, text),) = doctor(CLICKHOUSE=clickhouse_server.url())["ClickHouse"]

    assert not ok
    assert text.endswith("ClickHouse 18.16.1 is too old: touchline needs 24.5 or later; upgrade it")


@pytest.mark.clickhouse
def test_mistakes_in_the_address_of_clickhouse_are_told_apart(clickhouse_server: ClickHouseServer) -> None:
    at = f"{clickhouse_server.host}:{clickhouse_server.native_port}"

    def told(address: str) -> str:
        ((ok, text),) = doctor(CLICKHOUSE=address)["ClickHouse"]
        assert not ok
        return text

    assert f"{at} speaks no TLS: write clickhouse:// without secure=1" in told(f"clickhouses://{at}")
    assert "there is no host db.invalid: look at TOUCHLINE_CLICKHOUSE" in told("clickhouse://db.invalid:9000")
    http = f"clickhouse://{clickhouse_server.host}:{clickhouse_server.http_port}/touchline?timeout=0.1"
    assert "it is that of the native protocol, 9000" in told(http)
    assert told(clickhouse_server.url(user="guarded", password="guess")).endswith(  # noqa: S106  # a wrong one
        "check the user and password in TOUCHLINE_CLICKHOUSE"
    )


@pytest.mark.embedded
def test_an_embedded_clickhouse_that_our_sink_has_open_is_a_state_and_no_problem(tansu: Stack, tmp_path: Path) -> None:
    folder = tmp_path / "database"
    # In a process of its own: one can open only one folder, and other tests of this one may have.
    environment = {**os.environ, "TOUCHLINE_CLICKHOUSE": f"chdb://{folder}"}
    subprocess.run([sys.executable, "-m", "touchline", "migrate"], env=environment, check=True, capture_output=True)
    read = [topic for topic in all_topics() if topic.name in {*FACTS_TOPICS, DEAD_LETTERS}]
    asyncio.run(create_topics(Settings(kafka=tansu.kafka), read))
    tansu.start_sink()
    until(lambda: '"running"' in (tmp_path / "sink.log").read_text(), "the sink to run")

    ((ok, text),) = doctor(CLICKHOUSE=f"chdb://{folder}")["ClickHouse"]

    assert ok
    assert text.startswith(f"chdb://{folder} is open in a running `touchline sink` (process ")


@pytest.mark.embedded
def test_an_embedded_clickhouse_that_another_program_has_open_is_a_problem_with_its_name(tmp_path: Path) -> None:
    folder, script = tmp_path / "database", tmp_path / "notebook.py"
    script.write_text(
        "import signal, sys; from chdb.session import Session; session = Session(sys.argv[1])\n"
        "session.query('CREATE DATABASE kept'); print('open', flush=True); signal.pause()\n"
    )
    log = tmp_path / "notebook.log"
    notebook = watch(Child("notebook", [sys.executable, str(script), str(folder)], log))
    notebook.start()
    try:
        notebook.wait_ready(lambda: "open" in log.read_text(), 60)
        ((ok, text),) = doctor(CLICKHOUSE=f"chdb://{folder}")["ClickHouse"]
    finally:
        notebook.stop()

    assert not ok
    assert f"is open in process {notebook.pid} (" in text
    assert f"{script} {folder}): one process at a time can open the folder: end that one" in text
