"""The OpenAPI description of the HTTP collector: its one operation, and the JSON Schema of what it takes."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from schemas.errors import REASONS
from schemas.kinds import KINDS
from streams.settings import Settings
from touchline.records.examples import example_json
from touchline.records.json_schema import line_schema

OPENAPI = "3.1.0"


def openapi(settings: Settings) -> bytes:
    """Return the description of a collector with these settings, as JSON."""
    return json.dumps(_document(settings), ensure_ascii=False).encode()


def _document(settings: Settings) -> dict[str, Any]:
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "touchline collect",
            "version": _version(),
            "summary": "Takes customers' touchpoints, and publishes them to Kafka.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {"/v1/touchpoints": {"post": _operation(settings)}},
        "components": {
            "schemas": {
                **{declared.record: line_schema(kind) for kind, declared in KINDS.items()},
                "Touchpoint": _touchpoint(),
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


def _touchpoint() -> dict[str, Any]:
    places = {kind: f"#/components/schemas/{KINDS[kind].record}" for kind in KINDS}
    return {
        "oneOf": [{"$ref": place} for place in places.values()],
        "discriminator": {"propertyName": "kind", "mapping": places},
    }


def _operation(settings: Settings) -> dict[str, Any]:
    one = {"$ref": "#/components/schemas/Touchpoint"}
    many = {"type": "array", "items": one, "maxItems": settings.collect_max_touchpoints}
    examples = {kind: {"value": json.loads(example_json(kind))} for kind in KINDS}
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
    "421": "WrongName",
    "429": "TooMany",
}
_PROBLEMS = {
    "Unreadable": "The body is not JSON, or neither an object nor an array; nothing was accepted.",
    "Unauthorized": "The API key is missing or unknown.",
    "TooSlow": "The body did not arrive in time.",
    "TooLarge": "The body has too many bytes or touchpoints; nothing was accepted.",
    "UnknownType": "Content-Type or Content-Encoding is not one of those that are taken.",
    "WrongName": "Without API keys, requests are taken by the names of loopback alone.",
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
