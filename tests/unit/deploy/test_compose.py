"""docker-compose.yml is valid, pinned, closed to the outside, and holds no secret."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

from sinks.clickhouse.address import parse_server
from streams.settings import documented
from tests.unit.deploy.files import DEPLOY, ROOT, load
from touchline.notify.targets import read_targets

FILE = ROOT / "docker-compose.yml"
COMPOSE = load(FILE)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("setup", "worker", "sink", "collect", "notify")


def test_the_file_keeps_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]

    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned_to_a_release(name: str) -> None:
    name, _, digest = SERVICES[name]["image"].partition("@")
    image, _, tag = name.rpartition(":")

    assert image
    assert re.fullmatch(r"v?\d+\.\d+\.\d+(\.\d+)?", tag)
    assert image == "touchline" or re.fullmatch("sha256:[0-9a-f]{64}", digest), "only what is built here has no digest"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_alone(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:"), port


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in ("rights", "setup")])
def test_every_lasting_service_has_a_health_check_and_comes_back(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_secrets_come_from_the_environment_and_their_absence_is_told() -> None:
    text = FILE.read_text("utf-8")
    wanted = set(re.findall(r"\$\{(\w+)", text))
    offered = re.findall(r"^(\w+)=(.*)$", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE)

    assert {name for name, _ in offered} == wanted
    assert {value for _, value in offered} == {""}
    assert len(re.findall(r"\$\{\w+:\?[^}]+\}", text)) == len(re.findall(r"\$\{", text))


def test_the_file_with_secrets_stays_out_of_git_and_the_image() -> None:
    assert ".env" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert (ROOT / ".dockerignore").read_text("utf-8").splitlines()[1] == "*"


@pytest.mark.parametrize("name", OURS)
def test_our_services_get_only_settings_that_exist(name: str) -> None:
    known = {setting.variable for setting in documented()}

    assert set(SERVICES[name]["environment"]) <= known


@pytest.mark.parametrize("name", OURS)
def test_our_services_can_do_no_harm_to_the_machine(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service


def test_workers_and_sink_start_after_topics_and_tables_are_made() -> None:
    for name in ("worker", "sink", "collect", "notify"):
        assert SERVICES[name]["depends_on"]["setup"] == {"condition": "service_completed_successfully"}
    assert SERVICES["setup"]["command"] == ["touchline topics --create && touchline migrate"]


@pytest.mark.parametrize(("name", "user"), [("setup", "touchline_owner"), ("sink", "touchline_writer")])
def test_each_process_logs_in_with_the_least_rights(name: str, user: str) -> None:
    address = re.sub(r"\$\{\w+:\?[^}]+\}", "secret", SERVICES[name]["environment"]["TOUCHLINE_CLICKHOUSE"])
    server = parse_server(address)

    assert (server.user, server.password, server.host, server.port) == (user, "secret", "clickhouse", 9000)


@pytest.mark.parametrize(
    ("name", "user"),
    [("setup", "owner"), ("worker", "worker"), ("sink", "sink"), ("collect", "publisher"), ("notify", "notify")],
)
def test_each_process_logs_in_to_kafka_as_its_own_user(name: str, user: str) -> None:
    told = SERVICES[name]["environment"]

    assert told["TOUCHLINE_KAFKA_USER"] == f"touchline_{user}"
    assert told["TOUCHLINE_KAFKA_PASSWORD"].startswith(f"${{KAFKA_{user.upper()}_PASSWORD:?")
    assert (told["TOUCHLINE_KAFKA_SECURITY"], told["TOUCHLINE_KAFKA_SASL_MECHANISM"]) == ("sasl_plain", "SCRAM-SHA-512")


def test_kafka_takes_no_client_without_a_login_but_on_its_own_loopback() -> None:
    told = SERVICES["kafka"]["environment"]
    listeners = dict(listener.split("://") for listener in told["KAFKA_LISTENERS"].split(","))
    protocols = dict(pair.split(":") for pair in told["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    open_to_others = {name for name, place in listeners.items() if not place.startswith("127.0.0.1:")}

    assert open_to_others == {"INSIDE", "OUTSIDE"}
    assert {protocols[name] for name in open_to_others} == {"SASL_PLAINTEXT"}
    assert told["KAFKA_AUTHORIZER_CLASS_NAME"].endswith(".StandardAuthorizer")
    assert told["KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND"] == "false"
    assert told["KAFKA_SUPER_USERS"] == "User:ANONYMOUS", "which is nobody on a listener that takes a login"


def test_rights_are_granted_on_kafkas_loopback_before_topics_are_made() -> None:
    rights = SERVICES["rights"]

    assert rights["network_mode"] == "service:kafka"
    assert rights["image"] == SERVICES["kafka"]["image"]
    assert SERVICES["setup"]["depends_on"]["rights"] == {"condition": "service_completed_successfully"}
    assert {name for name in rights["environment"] if not name.endswith("_PASSWORD")} == set()


def test_the_folder_for_temporary_files_has_a_size() -> None:
    for name in OURS:
        (mounted,) = SERVICES[name]["tmpfs"]
        assert re.fullmatch(r"/\w+:size=\d+m,mode=1777", mounted)


def test_workers_know_nothing_of_clickhouse() -> None:
    assert "TOUCHLINE_CLICKHOUSE" not in SERVICES["worker"]["environment"]


def test_the_collector_runs_only_if_it_is_asked_for_and_takes_no_client_without_a_key() -> None:
    collect = SERVICES["collect"]

    assert collect["profiles"] == ["collect"]
    told = re.fullmatch(r"\$\{COLLECT_KEYS:\?(.+)\}", collect["environment"]["TOUCHLINE_COLLECT_KEYS"])
    assert told, "its absence is told"
    assert "COLLECT_KEYS=name:key" in told[1], "compose asks for it whether or not the profile is on"
    assert "openssl rand -hex 24" in told[1]
    assert "TOUCHLINE_CLICKHOUSE" not in collect["environment"]


def test_the_deliverer_runs_only_if_it_is_asked_for_with_targets_and_their_secrets_from_elsewhere() -> None:
    notify = SERVICES["notify"]
    (mounted,) = notify["volumes"]
    source, folder, mode = mounted.split(":")

    assert notify["profiles"] == ["notify"]
    assert notify["env_file"] == [{"path": ".env.notify", "required": False}]
    assert ".env.notify" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert (notify["environment"]["TOUCHLINE_NOTIFY"], mode) == (f"{folder}/targets.toml", "ro")
    assert read_targets((ROOT / source / "targets.toml").read_text("utf-8"))
    assert "TOUCHLINE_CLICKHOUSE" not in notify["environment"]


def test_every_target_of_the_example_holds() -> None:
    lines = (DEPLOY / "notify" / "targets.toml").read_text("utf-8").splitlines()
    shown = [re.sub(r"^# ([\w\[])", r"\1", line) for line in lines if re.match(r"(# )?(\w+ = |\[\[)", line)]

    assert [target.name for target in read_targets("\n".join(shown))] == ["care-channel", "help-desk", "managers"]


def test_kafka_is_the_one_the_tests_run_against() -> None:
    pom = (DEPLOY / "kafka" / "pom.xml").read_text("utf-8")
    (version,) = re.findall(r"<kafka.version>(.+)</kafka.version>", pom)

    assert SERVICES["kafka"]["image"].partition("@")[0] == f"apache/kafka:{version}"


def test_every_file_that_is_mounted_is_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), source
            else:
                assert source in COMPOSE["volumes"]


def test_the_image_is_of_this_version() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)

    assert version
    for name in OURS:
        assert SERVICES[name]["image"] == f"touchline:{version[1]}"
