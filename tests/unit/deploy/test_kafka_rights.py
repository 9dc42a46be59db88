"""deploy/kafka/rights.sh grants each user what its work takes, on the topics that there are, and nothing else."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from schemas.topics import DERIVED_TOPICS, REBUILD_MARK, all_topics
from streams.settings import Settings
from tests.unit.deploy.files import ROOT
from tests.unit.deploy.kafka_rights import (
    FACTS,
    LOG,
    MAY_READ,
    MAY_WRITE,
    NOTE,
    NOTIFY,
    OWNER,
    PUBLISHER,
    SCRIPT,
    SINK,
    WORKER,
    Right,
    run,
)

EVERY_USER = pytest.mark.parametrize("user", [OWNER, WORKER, SINK, PUBLISHER, NOTIFY])

WHO = ("OWNER", "WORKER", "SINK", "PUBLISHER", "NOTIFY")


@pytest.fixture(scope="module")
def granted(tmp_path_factory: pytest.TempPathFactory) -> set[Right]:
    return set(run(tmp_path_factory.mktemp("kafka"), {}))


@EVERY_USER
def test_each_user_reads_and_writes_its_own_topics_alone(granted: set[Right], user: str) -> None:
    topics = {(right.operation, right.name) for right in granted if (right.user, right.kind) == (user, "topic")}

    assert {name for operation, name in topics if operation == "Read"} == MAY_READ[user]
    assert {name for operation, name in topics if operation == "Write"} == MAY_WRITE[user]
    assert REBUILD_MARK in {name for operation, name in topics if operation == "Describe"}, "it must see a rebuild"


def test_publishers_write_inputs_and_only_workers_what_is_computed(granted: set[Right]) -> None:
    writers = {name: {r.user for r in granted if r.operation == "Write" and r.name == name} for name in DERIVED_TOPICS}

    assert set(writers) >= FACTS | LOG
    assert set(map(frozenset, writers.values())) == {frozenset({WORKER})}


def test_the_owner_alone_makes_and_changes_topics(granted: set[Right]) -> None:
    able = {(right.user, right.operation) for right in granted if right.kind == "topic"}
    made = {right.name for right in granted if right.operation == "Create"}

    assert {user for user, operation in able if operation not in {"Read", "Write", "Describe"}} == {OWNER}
    assert {operation for _, operation in able} <= {
        "Read", "Write", "Describe", "Create", "Alter", "Delete", "DescribeConfigs"
    }  # fmt: skip
    assert made == {topic.name for topic in all_topics()} | {REBUILD_MARK}


def test_each_process_is_in_its_own_group_alone_whatever_its_suffix(granted: set[Right]) -> None:
    groups = {(right.user, right.operation, right.name) for right in granted if right.kind == "group"}

    assert groups == {
        (WORKER, "Read", Settings().group("streams")),
        (SINK, "Read", Settings().group("sink")),
        (NOTIFY, "Read", Settings().group("notify")),
        (OWNER, "Describe", "touchline-"),
        (OWNER, "Delete", "touchline-"),
    }


def test_the_cluster_is_nobodys(granted: set[Right]) -> None:
    assert {right[:3] for right in granted if right.kind == "cluster"} == {
        (WORKER, "IdempotentWrite", "cluster"),
        (PUBLISHER, "IdempotentWrite", "cluster"),
    }


def test_a_password_is_not_among_the_arguments_that_every_process_may_read(tmp_path: Path) -> None:
    both = NOTE.replace("$NOTED", "$NOTED.users") + 'cat "${@: -1}" >> "$NOTED.file"\n'
    passwords = {f"KAFKA_{who}_PASSWORD": f"secret of {who}" for who in WHO}
    run(tmp_path, {"kafka-configs.sh": both}, **passwords)

    users, written = ((tmp_path / f"noted.{what}").read_text() for what in ("users", "file"))
    made = re.findall(r"^touchline_\w+$", users, re.MULTILINE)
    set_to = re.findall(r"^SCRAM-SHA-512=password=secret of (\w+)$", written, re.MULTILINE)
    assert "secret" not in users
    assert made == [f"touchline_{who.lower()}" for who in set_to] == [OWNER, WORKER, SINK, PUBLISHER, NOTIFY]


def test_a_kafka_of_ones_own_is_reached_as_its_administrator(tmp_path: Path) -> None:
    run(tmp_path, {}, KAFKA_ADMIN="kafka-1:9092", KAFKA_ADMIN_CONFIG="admin.properties")

    calls = (tmp_path / "noted").read_text().split("--\n")[:-1]
    assert {tuple(call.splitlines()[:4]) for call in calls} == {
        ("--bootstrap-server", "kafka-1:9092", "--command-config", "admin.properties")
    }


def test_a_right_that_is_not_granted_ends_the_script(tmp_path: Path) -> None:
    refusing = tmp_path / "kafka-acls.sh"
    refusing.write_text("#!/bin/sh\nexit 1\n")
    refusing.chmod(0o755)

    done = subprocess.run([str(SCRIPT)], env={"KAFKA_BIN": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=False)

    assert done.returncode != 0


def test_the_script_is_what_compose_runs() -> None:
    compose = (ROOT / "docker-compose.yml").read_text("utf-8")

    assert f"./{SCRIPT.relative_to(ROOT)}:/rights.sh:ro" in compose
