"""The OpenAPI description of the HTTP collector, made of the Avro schemas, the limits of fields, and the examples."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from schemas.avro.registry import Schema, kind_schemas
from schemas.errors import REASONS
from schemas.limits import ENTRIES, LARGEST_AMOUNT, MAPS, characters_of
from streams.settings import Settings
from touchline.records.examples import example_json

OPENAPI = "3.1.0"
_TIME = {
    "oneOf": [
        {"type": "string", "format": "date-time"},
        {"type": "integer", "format": "int64", "description": "Epoch milliseconds."},
    ]
}
_SIMPLE: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "double": {"type": "number", "format": "double"},
    "int": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
}
_AMOUNTS = {"quantity", "duration_ms"}


def openapi(settings: Settings) -> bytes:
    """Return the description of a collector with these settings, as JSON."""
    return json.dumps(_document(settings), ensure_ascii=False).encode()


def _document(settings: Settings) -> dict[str, Any]:
    schemas = kind_schemas()
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "touchline collect",
            "version": _version(),
            "summary": "Takes customers' touchpoints, and publishes them to Kafka.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {"/v1/touchpoints": {"post": _operation(settings, list(schemas))}},
        "components": {
            "schemas": {
                **{schema["name"]: _record(schema, kind) for kind, schema in schemas.items()},
                "Touchpoint": _touchpoint(schemas),
                **_ANSWERS,
            },
            "responses": {name: _problem(meaning) for name, meaning in _PROBLEMS.items()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key."}},
        },
    }


def _version() -> str:
    try:
        return version("touchline")
    except PackageNotFoundError:
        return "unknown"


def _touchpoint(schemas: dict[str, Schema]) -> dict[str, Any]:
    names = {kind: f"#/components/schemas/{schema['name']}" for kind, schema in schemas.items()}
    return {
        "oneOf": [{"$ref": place} for place in names.values()],
        "discriminator": {"propertyName": "kind", "mapping": names},
    }


def _record(schema: Schema, kind: str | None = None) -> dict[str, Any]:
    """Return the JSON Schema of a record; of a kind's, with the field that names the kind."""
    fields = {field["name"]: _field(field) for field in schema["fields"]}
    required = [field["name"] for field in schema["fields"] if "default" not in field]
    if kind is not None:
        fields = {"kind": {"const": kind, "description": "What it is a record of."}, **fields}
        required = ["kind", *required]
    described = {
        "type": "object",
        "description": schema.get("doc", ""),
        "properties": fields,
        "required": required,
        "additionalProperties": False,
    }
    return described if kind is None else described | {"examples": [json.loads(example_json(kind))]}


def _field(field: dict[str, Any]) -> dict[str, Any]:
    described = {**_type(field["type"], field["name"]), "description": field.get("doc", "")}
    return described | {"default": field["default"]} if "default" in field else described


def _type(kind: Any, name: str) -> dict[str, Any]:
    """Return the JSON Schema of an Avro type, within the limits of the field that has it."""
    if isinstance(kind, list):
        (other,) = (branch for branch in kind if branch != "null")
        return {"anyOf": [_type(other, name), {"type": "null"}]}
    if isinstance(kind, str):
        return {**_SIMPLE[kind], **_limits(kind, name)}
    return _COMPLEX[kind["type"]](kind, name)


def _map(name: str) -> dict[str, Any]:
    most = MAPS[name]
    return {
        "type": "object",
        "maxProperties": most.entries,
        "propertyNames": {"maxLength": most.name},
        "additionalProperties": {"type": "string", "maxLength": most.value},
    }


_COMPLEX: dict[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
    "long": lambda _kind, _name: _TIME,  # only times are written as objects
    "enum": lambda kind, _name: {"type": "string", "enum": kind["symbols"]},
    "array": lambda kind, name: {"type": "array", "items": _type(kind["items"], name), "maxItems": ENTRIES[name]},
    "map": lambda _kind, name: _map(name),
    "record": lambda kind, _name: _record(kind),
}


def _limits(kind: str, name: str) -> dict[str, Any]:
    if kind == "string":
        most = characters_of(name)
        return {} if most is None else {"maxLength": most}
    if name.endswith("_minor") or name in _AMOUNTS:
        return {"maximum": LARGEST_AMOUNT} if kind == "long" else {}
    return {}


def _operation(settings: Settings, kinds: list[str]) -> dict[str, Any]:
    one = {"$ref": "#/components/schemas/Touchpoint"}
    many = {"type": "array", "items": one, "maxItems": settings.collect_max_touchpoints}
    examples = {kind: {"value": json.loads(example_json(kind))} for kind in kinds}
    return {
        "operationId": "collect",
        "summary": "Send a touchpoint, or a batch of them.",
        "description": "What is answered as accepted, Kafka has acknowledged. To send a touchpoint again with the same "
        "event_id does no harm.",
        "security": [{"key": []}, {}] if not _has_keys(settings) else [{"key": []}],
        "parameters": [
            {"name": "Content-Encoding", "in": "header", "schema": {"enum": ["gzip", "identity"]}},
        ],
        "requestBody": {
            "required": True,
            "description": f"At most {settings.collect_max_body_bytes:,} bytes, as sent and as unpacked.",
            "content": {
                "application/json": {"schema": {"anyOf": [one, many]}, "examples": examples},
                "application/x-ndjson": {"schema": {"type": "string", "description": "A touchpoint a line."}},
            },
        },
        "responses": {
            "200": _results("All were accepted."),
            "207": _results("Some were accepted, some refused."),
            "422": _results("All were refused."),
            "503": {
                "description": "Kafka did not acknowledge some of them in time, or the queue is full. Send those again "
                "later, with the same event_id.",
                "headers": _RETRY,
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/Results"}},
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
                },
            },
            **{status: {"$ref": f"#/components/responses/{name}"} for status, name in _STATUSES.items()},
        },
    }


def _has_keys(settings: Settings) -> bool:
    return settings.collect_keys is not None or settings.collect_keys_file is not None


def _results(meaning: str) -> dict[str, Any]:
    return {
        "description": meaning,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Results"}}},
    }


def _problem(meaning: str) -> dict[str, Any]:
    return {
        "description": meaning,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


_RETRY = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
_STATUSES = {
    "400": "Unreadable",
    "401": "Unauthorized",
    "408": "TooSlow",
    "413": "TooLarge",
    "415": "UnknownType",
    "429": "TooMany",
}
_PROBLEMS = {
    "Unreadable": "The body is not JSON, or neither an object nor an array; nothing was accepted.",
    "Unauthorized": "The API key is missing or unknown.",
    "TooSlow": "The body did not arrive in time.",
    "TooLarge": "The body has too many bytes or touchpoints; nothing was accepted.",
    "UnknownType": "Content-Type or Content-Encoding is not one of those that are taken.",
    "TooMany": "The key's rate is used up; Retry-After says for how long.",
}
_COUNT = {"type": "integer", "minimum": 0}
_ANSWERS: dict[str, Any] = {
    "Results": {
        "type": "object",
        "description": "What became of the touchpoints, in the order of the request.",
        "properties": {
            "accepted": _COUNT,
            "refused": _COUNT,
            "unacknowledged": _COUNT,
            "touchpoints": {"type": "array", "items": {"$ref": "#/components/schemas/Result"}},
        },
        "required": ["accepted", "refused", "unacknowledged", "touchpoints"],
    },
    "Result": {
        "type": "object",
        "description": "What became of one touchpoint.",
        "properties": {
            "status": {"type": "string", "enum": ["accepted", "refused", "unacknowledged"]},
            "event_id": {"type": "string"},
            "reason": {"type": "string", "enum": list(REASONS)},
            "detail": {"type": "string"},
        },
        "required": ["status"],
    },
    "Problem": {
        "type": "object",
        "description": "Why the request was turned away as a whole (RFC 9457).",
        "properties": {
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
        "required": ["title", "status", "detail"],
    },
}
