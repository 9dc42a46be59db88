"""An example message of each kind, made of the examples that its schema gives for its fields."""

from __future__ import annotations

import json
from typing import Any

from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.registry import FileRegistry, kind_schemas
from schemas.dead_letters import rfc3339

TIMESTAMP = "timestamp-millis"


def example_record(kind: str) -> dict[str, Any]:
    """Return a record of a kind, its times in epoch milliseconds."""
    return {field["name"]: field["example"] for field in kind_schemas()[kind]["fields"]}


def example_json(kind: str) -> str:
    """Return the example as `touchline publish` takes it: one JSON object, its times as RFC 3339."""
    fields = kind_schemas()[kind]["fields"]
    said = {field["name"]: as_said(field["type"], field["example"]) for field in fields}
    return json.dumps({"kind": kind, **said}, ensure_ascii=False)


def example_message(kind: str) -> bytes:
    """Return the example in Avro single-object encoding."""
    return Codec(FileRegistry()).encode(KIND_RECORDS[kind], example_record(kind))


def as_said(kind: Any, value: Any) -> Any:
    """Return a value of an Avro type as JSON says it: a time (ms) as RFC 3339, all else as it is."""
    branches = kind if isinstance(kind, list) else [kind]
    is_time = any(isinstance(branch, dict) and branch.get("logicalType") == TIMESTAMP for branch in branches)
    return rfc3339(value) if is_time and value is not None else value
