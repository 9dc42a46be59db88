"""Schemas as strangers may make them: ours with something changed, and types of any kind."""

from __future__ import annotations

import random
from typing import Any

from tests.fuzz.values import changed_tree, json_value, number, text


def changed_schema(rng: random.Random, schema: Any) -> Any:
    """Return a schema with something in it changed: a field's type, its name, or anything at all."""
    fields = schema.get("fields") if isinstance(schema, dict) else None
    if not isinstance(fields, list) or not fields or rng.random() < 0.25:
        return changed_tree(rng, schema)
    field = rng.choice(fields)
    match rng.randrange(5):
        case 0:
            fields.append({"name": f"more_{rng.randrange(99)}", "type": random_type(rng, 0)})
        case 1:
            fields += [{"name": f"f{n}", "type": "long", "default": 0} for n in range(rng.choice((3, 60, 999, 1_001)))]
        case 2 if isinstance(field, dict):
            field["default"] = json_value(rng)
        case 3 if isinstance(field, dict):
            field["aliases"] = json_value(rng)
        case _ if isinstance(field, dict):
            field["type"] = random_type(rng, 0)
    return schema


def random_type(rng: random.Random, depth: int) -> Any:
    """Return an Avro type of any kind, or nearly one."""
    make = rng.choice(_TYPES if depth < rng.choice((1, 2, 3, 30)) else _TYPES[:_SIMPLE_TYPES])
    return make(rng, depth + 1)


def _name(rng: random.Random) -> str:
    return rng.choice(("A", "B", "touchline.C", "Purchase", "_", "1x", text(rng)))


def _simple(rng: random.Random, _depth: int) -> Any:
    return rng.choice((*_PRIMITIVES, "A", "B", "touchline.Purchase"))


def _enum(rng: random.Random, _depth: int) -> Any:
    symbols = [f"s{n}" for n in range(rng.choice((0, 1, 3, 70, 5_001)))]
    return {"type": "enum", "name": _name(rng), "symbols": symbols}


def _fixed(rng: random.Random, _depth: int) -> Any:
    return {"type": "fixed", "name": _name(rng), "size": rng.choice((0, 1, 16, -1, 2**40, "x"))}


def _logical(rng: random.Random, _depth: int) -> Any:
    logical = rng.choice(("timestamp-millis", "decimal", "uuid", "date", "x"))
    return {"type": _simple(rng, 0), "logicalType": logical, "precision": number(rng), "scale": number(rng)}


def _array(rng: random.Random, depth: int) -> Any:
    return {"type": "array", "items": random_type(rng, depth)}


def _map(rng: random.Random, depth: int) -> Any:
    return {"type": "map", "values": random_type(rng, depth)}


def _union(rng: random.Random, depth: int) -> Any:
    return [random_type(rng, depth) for _ in range(rng.choice((0, 1, 2, 2, 3, 65)))]


def _record(rng: random.Random, depth: int) -> Any:
    fields = [{"name": f"r{n}", "type": random_type(rng, depth)} for n in range(rng.randrange(4))]
    return {"type": "record", "name": _name(rng), "fields": fields}


_PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
_TYPES = (_simple, _simple, _enum, _fixed, _logical, _array, _map, _union, _record)
_SIMPLE_TYPES = 5
"""How many of them have no others within."""
