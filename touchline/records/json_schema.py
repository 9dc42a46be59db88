"""The JSON Schema of a kind's messages in JSON, for producers: what it takes, touchline takes.

It is stricter than touchline where that helps a producer: a field that the record does not have is an error, and null
is none of the values of a field that has another default. It cannot say everything: docs/contract.md names the rest.
"""

from __future__ import annotations

import json
from typing import Any

from schemas.avro.registry import kind_schemas
from schemas.kinds import KINDS
from schemas.kinds.checks import SCALES
from touchline.records.examples import TIMESTAMP, example_json
from touchline.records.fields import Field, fields_of

DIALECT = "http://json-schema.org/draft-07/schema#"

_TYPES = {"int": "integer", "long": "integer", "double": "number", "enum": "string", "map": "object"}
_RFC3339 = r"^(199[0-9]|2[0-9]{3})-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$"
"""A time with its offset, from 1990 on (`schemas.kinds.checks.EARLIEST`)."""
_IDENTITY = [
    {"required": ["customer_id"], "properties": {"customer_id": {"type": "string", "minLength": 1}}},
    {"required": ["identifiers"], "properties": {"identifiers": {"minProperties": 1}}},
]


def json_schema(kind: str) -> dict[str, Any]:
    """Return the schema (draft 7) of a kind's messages in JSON, and of its lines for `touchline publish`."""
    return {"$schema": DIALECT, **_schema(kind, "The kind; needed by `touchline publish` alone.")}


def line_schema(kind: str) -> dict[str, Any]:
    """Return the schema (draft 7 and later) of a kind's touchpoints where each has to say its kind itself."""
    schema = _schema(kind, "The kind.")
    return {**schema, "required": ["kind", *schema["required"]]}


def _schema(kind: str, meaning: str) -> dict[str, Any]:
    """Return the schema of a kind's messages; `meaning`: of the field that names the kind."""
    fields = fields_of(KINDS[kind].record)
    names = {field.name for field in fields}
    schema = {
        "title": KINDS[kind].record,
        "description": kind_schemas()[kind]["doc"],
        **_object(fields, {"kind": {"const": kind, "description": meaning}}),
    }
    if "customer_id" in names:
        schema["anyOf"] = _IDENTITY
    if "question_kind" in names:
        low, high = SCALES["nps"]
        schema["if"] = {"required": ["question_kind"], "properties": {"question_kind": {"const": "nps"}}}
        schema["then"] = {"properties": {"score": {"minimum": low, "maximum": high}}}
    return {**schema, "examples": [json.loads(example_json(kind))]}


def _object(fields: tuple[Field, ...], first: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": first | {field.name: _property(field) for field in fields},
        "required": [field.name for field in fields if field.is_required],
        "additionalProperties": False,
    }


def _property(field: Field) -> dict[str, Any]:
    said = {"description": f"{field.meaning} Unit: {field.unit}." if field.unit else field.meaning}
    default = {} if field.is_required else {"default": field.default}
    return {**said, **_value(field), **default}


def _value(field: Field) -> dict[str, Any]:
    null = ["null"] if field.nullable else []
    if field.kind == TIMESTAMP:
        text = {"type": "string", "format": "date-time", "pattern": _RFC3339}
        return {"anyOf": [text, {"type": "integer", **field.bounds}, *({"type": name} for name in null)]}
    name = _TYPES.get(field.kind, field.kind)
    said = {"type": [name, *null] if null else name, **field.bounds}
    if field.kind == "enum" and null:
        said["enum"] = [*field.bounds["enum"], None]
    if field.kind == "array":
        said["items"] = _object(field.inner, {})
    return said
