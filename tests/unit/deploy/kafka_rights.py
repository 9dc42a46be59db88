"""What deploy/kafka/rights.sh does: run with programs in place of Kafka's that note how they were called."""

from __future__ import annotations

import os
import subprocess
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from schemas.rows import topic_of
from schemas.topics import (
    DEAD_LETTERS,
    EPOCHS,
    ERASURES,
    FACTS_TOPICS,
    JOURNEYS_LOG,
    JOURNEYS_STATE,
    KIND_TOPICS,
    LINKS,
    NOTIFY_DEAD_LETTERS,
    RESUME_REQUESTS,
    SIGNAL_ABANDONMENTS,
    SIGNAL_FOLLOW_UPS,
    SIGNAL_SHIFTS,
    WATERMARKS,
)
from tests.unit.deploy.files import DEPLOY

SCRIPT = DEPLOY / "kafka" / "rights.sh"
OWNER, WORKER, SINK, PUBLISHER = "touchline_owner", "touchline_worker", "touchline_sink", "touchline_publisher"
NOTIFY = "touchline_notify"
INPUTS = set(KIND_TOPICS.values())
FACTS = set(FACTS_TOPICS)
SIGNALS = {SIGNAL_SHIFTS, SIGNAL_ABANDONMENTS, SIGNAL_FOLLOW_UPS}
LOG = {JOURNEYS_LOG, JOURNEYS_STATE, WATERMARKS}
# docs/operating.md, "What runs".
MAY_READ = {
    OWNER: INPUTS
    | {WATERMARKS, EPOCHS, DEAD_LETTERS, NOTIFY_DEAD_LETTERS, LINKS, ERASURES, JOURNEYS_STATE, topic_of("identities")},
    WORKER: INPUTS | LOG | {EPOCHS, LINKS, ERASURES, RESUME_REQUESTS},
    SINK: FACTS | {DEAD_LETTERS},
    PUBLISHER: set(),
    NOTIFY: SIGNALS,
}
MAY_WRITE = {
    OWNER: INPUTS | {EPOCHS, LINKS, DEAD_LETTERS, RESUME_REQUESTS},
    WORKER: LOG | FACTS | SIGNALS | {DEAD_LETTERS, LINKS, ERASURES},
    SINK: set(),
    PUBLISHER: INPUTS,
    NOTIFY: {NOTIFY_DEAD_LETTERS},
}
NOTE = """#!/usr/bin/env bash
printf '%s\\n' "$@" -- >> "$NOTED"
"""


class Right(NamedTuple):
    """That a user may do an operation on a resource: `topic`, `group`, `cluster`; a group's name is a beginning."""

    user: str
    operation: str
    kind: str
    name: str


def run(folder: Path, programs: Mapping[str, str], **environment: str) -> list[Right]:
    """Run the script with `kafka-acls.sh` noting and other programs of Kafka as given; return what it grants.

    Args:
        folder: for the programs; empty.
        programs: their text by name.
        environment: of the script.
    """
    noted = folder / "noted"
    for name, text in {"kafka-acls.sh": NOTE, **programs}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    told = {**os.environ, "KAFKA_BIN": str(folder), "NOTED": str(noted), **environment}
    done = subprocess.run([str(SCRIPT)], env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    calls = noted.read_text().split("--\n")[:-1]
    return [right for call in calls for right in _rights(call.splitlines())]


def _rights(arguments: list[str]) -> Iterator[Right]:
    """Read the arguments of kafka-acls.sh; one that this script does not use is an error."""
    parser = ArgumentParser()
    for name in ("--bootstrap-server", "--command-config", "--allow-principal", "--resource-pattern-type"):
        parser.add_argument(name)
    for name in ("--operation", "--topic", "--group"):
        parser.add_argument(name, action="append", default=[])
    for name in ("--add", "--cluster"):
        parser.add_argument(name, action="store_true")
    told = parser.parse_args(arguments)
    assert told.add
    assert told.resource_pattern_type == ("prefixed" if told.group else None)
    user = told.allow_principal.removeprefix("User:")
    resources = [("topic", name) for name in told.topic] + [("group", name) for name in told.group]
    resources += [("cluster", "kafka-cluster")] if told.cluster else []
    for operation in told.operation:
        yield from (Right(user, operation, kind, name) for kind, name in resources)
