"""Writes docs/asyncapi.yaml, the contract's topics and messages in AsyncAPI 3: run `make docs`.

The application that it describes is touchline: it receives what the inputs carry, and sends signals and dead letters.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import yaml

from schemas import dead_letters
from schemas.avro.fingerprints import header_of
from schemas.avro.registry import current_schemas
from schemas.errors import REASONS, STAGES
from schemas.kinds import KINDS
from schemas.kinds.kind import BusinessKind, TouchpointKind
from schemas.text import MAX_REASON
from schemas.topics import DEAD_LETTERS, SIGNAL_TOPICS, all_topics
from streams.kafka.release import LEAST_KAFKA
from touchline.records.examples import example_json
from touchline.records.json_schema import json_schema

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docs" / "asyncapi.yaml"

HEAD = "# The contract in AsyncAPI 3: written by docs/asyncapi.py of the schemas; `make docs` writes it anew.\n"
AVRO = "application/vnd.apache.avro+json;version=1.9.0"
JSON = "application/schema+json;version=draft-07"
BINDING = "0.5.0"
"""The version of AsyncAPI's bindings for Kafka."""
NUMBERS = {"max.message.bytes", "retention.ms"}
"""The settings of topics that the bindings know."""

DESCRIPTION = """\
touchline reads customers' touchpoints from Kafka and builds each customer's journey. This file describes the topics
that services write to and read from; docs/contract.md says what the messages mean, and what is refused.

A message of an input is Avro in single-object encoding (C3 01, the schema's CRC-64-AVRO fingerprint, the data), Avro or
JSON in Confluent's framing (00, a schema id of four bytes, the data), or one JSON object; the first bytes tell them
apart. It takes 1 MiB at most.
"""
INPUT_KEY = {
    "type": ["string", "null"],
    "description": "Not read: any partitioner will do. The customer's strongest identifier is a good one.",
}
SIGNAL_KEY = {"type": "string", "description": "The customer's id, UTF-8.", "examples": ["c-1001"]}
CLOUD_EVENT = {
    "type": "object",
    "description": "Those of a CloudEvent in binary mode; all others are not read.",
    "properties": {
        "ce_specversion": {"type": "string", "examples": ["1.0"]},
        "ce_id": {"type": "string", "description": "Of JSON without an `event_id`: the end of it, behind the source."},
        "ce_source": {"type": "string", "description": "Of JSON without a `source`: the source."},
        "ce_time": {"type": "string", "format": "date-time", "description": "Of JSON without an `occurred_at`: it."},
    },
}


def document() -> dict[str, Any]:
    """Return the document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    inputs = {kind.record: kind for kind in KINDS.values()}
    letter = {"DeadLetter": _dead_letter()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": project["name"],
            "version": project["version"],
            "description": DESCRIPTION,
            "license": {"name": project["license"]},
        },
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": f"Your Kafka, {LEAST_KAFKA} or later: TOUCHLINE_KAFKA.",
                "variables": {"bootstrap": {"default": "localhost:9092"}},
            }
        },
        "channels": {
            **{record: _channel(kind.topic, _input_messages(record), kind.name) for record, kind in inputs.items()},
            **{record: _channel(topic, [record]) for record, topic in SIGNAL_TOPICS.items()},
            "DeadLetter": _channel(DEAD_LETTERS, ["DeadLetter"]),
        },
        "operations": {
            **{f"receive{record}": _operation("receive", record, _input_messages(record)) for record in inputs},
            **{f"send{record}": _operation("send", record, [record]) for record in [*SIGNAL_TOPICS, *letter]},
        },
        "components": {
            "messages": {
                **{name: said for kind in KINDS.values() for name, said in _messages(kind).items()},
                **{record: _signal(record) for record in SIGNAL_TOPICS},
                **letter,
            },
            "schemas": {
                **{_avro(record): _schema(AVRO, current_schemas()[record]) for record in [*inputs, *SIGNAL_TOPICS]},
                **{_json(kind.record): _schema(JSON, json_schema(name)) for name, kind in KINDS.items()},
            },
        },
    }


def _input_messages(record: str) -> list[str]:
    """Return the names of the messages of an input's record: one for each way of writing it."""
    return [_avro(record), f"{record}Confluent", _json(record)]


def _avro(record: str) -> str:
    return f"{record}Avro"


def _json(record: str) -> str:
    return f"{record}Json"


def _channel(topic: str, messages: list[str], kind: str | None = None) -> dict[str, Any]:
    config = next(one.config for one in all_topics() if one.name == topic)
    known = {name: int(value) for name, value in config.items() if name in NUMBERS}
    return {
        "address": topic,
        **({"title": kind} if kind else {}),
        "messages": {name: _reference("components", "messages", name) for name in messages},
        "bindings": {"kafka": {"topic": topic, "topicConfiguration": known, "bindingVersion": BINDING}},
    }


def _operation(action: str, channel: str, messages: list[str]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": _reference("channels", channel),
        "messages": [_reference("channels", channel, "messages", name) for name in messages],
    }


def _messages(kind: TouchpointKind | BusinessKind) -> dict[str, Any]:
    """Return the messages of an input by name."""
    record = kind.record
    schema = current_schemas()[record]
    header = header_of(schema).hex()
    summary = {"summary": schema["doc"], "headers": CLOUD_EVENT}
    avro, confluent, in_json = _input_messages(record)
    return {
        avro: {
            "name": record,
            "title": f"{record} in Avro, single-object encoding",
            **summary,
            "description": f"Begins with the ten bytes {header}; messages of earlier versions with others.",
            "contentType": "avro/binary",
            "payload": _reference("components", "schemas", _avro(record)),
            "bindings": _key(INPUT_KEY),
            "x-message-begins-with": header,
        },
        confluent: {
            "name": record,
            "title": f"{record} in Avro, Confluent's framing",
            **summary,
            "description": "Needs a schema registry (TOUCHLINE_SCHEMA_REGISTRY). The schema may be the producer's own.",
            "contentType": "avro/binary",
            "payload": _reference("components", "schemas", _avro(record)),
            "bindings": _key(INPUT_KEY, schemaIdLocation="payload", schemaIdPayloadEncoding="confluent"),
            "x-message-begins-with": "00",
        },
        in_json: {
            "name": record,
            "title": f"{record} in JSON",
            **summary,
            "description": "Plain, or enveloped by Kafka Connect or CloudEvents, or in Confluent's framing.",
            "contentType": "application/json",
            "payload": _reference("components", "schemas", _json(record)),
            "bindings": _key(INPUT_KEY),
            "examples": [{"name": kind.name, "payload": json.loads(example_json(kind.name))}],
            "x-message-begins-with": "7b",
        },
    }


def _signal(record: str) -> dict[str, Any]:
    schema = current_schemas()[record]
    return {
        "name": record,
        "title": f"{record} in Avro, single-object encoding",
        "summary": schema["doc"],
        "contentType": "avro/binary",
        "payload": _reference("components", "schemas", _avro(record)),
        "bindings": _key(SIGNAL_KEY),
        "x-message-begins-with": header_of(schema).hex(),
    }


def _dead_letter() -> dict[str, Any]:
    number = {"type": "string", "pattern": "^[0-9]+$"}
    said = {
        dead_letters.REASON: {"type": "string", "enum": list(REASONS)},
        dead_letters.DETAIL: {"type": "string", "maxLength": MAX_REASON, "description": "For a person."},
        dead_letters.STAGE: {"type": "string", "enum": list(STAGES), "description": "That refused it."},
        dead_letters.TOPIC: {"type": "string", "description": "That it stood in."},
        dead_letters.PARTITION: number,
        dead_letters.OFFSET: number,
        dead_letters.AT: {"type": "string", "format": "date-time", "description": "When it was refused."},
    }
    return {
        "name": "DeadLetter",
        "title": "A refused message",
        "summary": "Key, value and headers as they came, and these headers behind them; each is text in UTF-8.",
        "headers": {"type": "object", "properties": said, "required": list(said)},
        "contentType": "application/octet-stream",
        "payload": {"description": "The bytes of the refused message's value; none where they are not kept."},
        "bindings": _key({"type": ["string", "null"], "description": "The refused message's own."}),
    }


def _key(key: dict[str, Any], **framing: str) -> dict[str, Any]:
    return {"kafka": {"key": key, **framing, "bindingVersion": BINDING}}


def _schema(schema_format: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"schemaFormat": schema_format, "schema": schema}


def _reference(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(path)}


def text() -> str:
    """Return the file's text."""
    return HEAD + yaml.dump(document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=118)


class _Dumper(yaml.SafeDumper):
    """Writes equal parts out, each time."""

    def ignore_aliases(self, _data: object) -> bool:
        """Return that nothing is written by an anchor."""
        return True


def _text_node(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text_node)


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
