"""docs/asyncapi.yaml is up to date, is AsyncAPI 3 by its own JSON Schema, and says what is on the topics.

That schema, with the bindings', is in the npm package @asyncapi/specs.
"""

from __future__ import annotations

import copy
import importlib.util
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import fastavro
import pytest
import yaml

from schemas import dead_letters
from schemas.dead_letters import DeadLetter
from schemas.kinds import KINDS
from tests.servers.process import skip_without_server
from tests.servers.toolchains import find_npm
from tests.unit.json_schema import validator
from touchline.records.examples import example_json, example_message, example_record

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text("utf-8"))
MESSAGES = DOCUMENT["components"]["messages"]
SPECS = "@asyncapi/specs@6.11.1"
SCHEMA = "package/schemas/3.0.0-without-$id.json"
CACHE = Path.home() / ".cache/touchline/asyncapi" / SPECS.rpartition("@")[2]

OUTPUTS = {
    "SentimentShift": "signals.sentiment_shifts.v1",
    "Abandonment": "signals.abandonments.v1",
    "FollowUp": "signals.follow_ups.v1",
    "DeadLetter": "touchpoints.dlq.v1",
}
"""The topics that others may read, as the contract lists them."""

Problems = Callable[[object], list[str]]


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> Problems:
    """Return what tells where a document is no AsyncAPI 3; its schema is fetched once, and kept."""
    kept = CACHE / "schema.json"
    if not kept.exists():
        with skip_without_server():
            npm = find_npm()
        folder = tmp_path_factory.mktemp("asyncapi")
        packed = subprocess.run([npm, "pack", SPECS], cwd=folder, capture_output=True, text=True, check=True)
        with tarfile.open(folder / packed.stdout.split()[-1]) as package:
            schema = package.extractfile(SCHEMA)
            assert schema is not None
            found = schema.read()
        kept.parent.mkdir(parents=True, exist_ok=True)
        # Whole or not at all: another process may read it meanwhile.
        written = kept.with_suffix(f".{os.getpid()}")
        written.write_bytes(found)
        written.rename(kept)
    return validator(json.loads(kept.read_bytes()))


every_kind = pytest.mark.parametrize("kind", KINDS)


def script() -> ModuleType:
    """Return docs/asyncapi.py, which is a script and no module of a package."""
    spec = importlib.util.spec_from_file_location("asyncapi_script", ROOT / "docs/asyncapi.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def referred(part: Any) -> Iterator[str]:
    """Yield what a part of the document refers to; JSON Schemas in it refer to nothing."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from referred(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from referred(inner)


def resolved(reference: str) -> Any:
    found: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return resolved(found["$ref"]) if "$ref" in found else found


def payload(message: str) -> dict[str, Any]:
    found: dict[str, Any] = resolved(MESSAGES[message]["payload"]["$ref"])
    return found


def test_it_is_up_to_date() -> None:
    assert script().text() == (ROOT / "docs/asyncapi.yaml").read_text("utf-8"), "run: make docs"


def test_it_is_asyncapi_3(problems: Problems) -> None:
    assert problems(DOCUMENT) == []


@pytest.mark.parametrize("path", ["info", "operations/receivePurchase/action", "channels/Tweet/bindings/kafka/topic"])
def test_a_document_that_is_none_is_found(path: str, problems: Problems) -> None:
    broken = copy.deepcopy(DOCUMENT)
    part = broken
    *outer, last = path.split("/")
    for step in outer:
        part = part[step]
    part[last] = 7

    assert problems(broken) != []


def test_whatever_it_refers_to_is_there() -> None:
    references = list(referred(DOCUMENT))

    assert references
    assert all(resolved(reference) for reference in references)


def test_its_channels_are_the_inputs_and_what_others_may_read() -> None:
    told = {name: channel["address"] for name, channel in DOCUMENT["channels"].items()}

    assert told == {kind.record: kind.topic for kind in KINDS.values()} | OUTPUTS


def test_touchline_receives_the_inputs_and_sends_the_outputs() -> None:
    told = [(one["action"], one["channel"]["$ref"].split("/")[-1]) for one in DOCUMENT["operations"].values()]

    assert told == [("receive", kind.record) for kind in KINDS.values()] + [("send", name) for name in OUTPUTS]
    for operation in DOCUMENT["operations"].values():
        channel = resolved(operation["channel"]["$ref"])
        assert [one["$ref"].split("/")[-1] for one in operation["messages"]] == list(channel["messages"])


@every_kind
def test_an_inputs_messages_are_what_is_on_the_wire(kind: str) -> None:
    record, message = KINDS[kind].record, example_message(kind)
    avro = payload(f"{record}Avro")["schema"]

    assert message[:10].hex() == MESSAGES[f"{record}Avro"]["x-message-begins-with"]
    assert fastavro.schemaless_reader(io.BytesIO(message[10:]), avro, None, return_record_name=False) is not None
    assert fastavro.validate(example_record(kind), avro, raise_errors=False)
    assert MESSAGES[f"{record}Confluent"]["bindings"]["kafka"]["schemaIdPayloadEncoding"] == "confluent"
    assert payload(f"{record}Confluent") == payload(f"{record}Avro")


@every_kind
def test_an_inputs_json_is_valid_by_its_schema(kind: str) -> None:
    record = KINDS[kind].record
    problems = validator(payload(f"{record}Json")["schema"])

    assert problems(json.loads(example_json(kind))) == []
    assert problems({}) != []
    for one in MESSAGES[f"{record}Json"]["examples"]:
        assert problems(one["payload"]) == []


def test_a_dead_letter_has_the_headers_that_are_told() -> None:
    letter = DeadLetter("too_large", "why", "ingest", "touchpoints.tweets.v1", 3, 17, "2026-06-09T10:13:20.000Z")
    headers = {name: (value or b"").decode() for name, value in dead_letters.encode(letter).headers}
    problems = validator(MESSAGES["DeadLetter"]["headers"])

    assert problems(headers) == []
    for name in headers:
        assert problems({other: value for other, value in headers.items() if other != name}) != []
