"""Fingerprints of writers' schemas: Avro's own, and those that other libraries compute of the same schema."""

from __future__ import annotations

import json
from typing import Any

from fastavro import parse_schema
from fastavro.schema import fingerprint, to_parsing_canonical_form

Schema = dict[str, Any]
"""An Avro record schema, as in its JSON."""

SINGLE_OBJECT = b"\xc3\x01"
"""The first bytes of Avro's single-object encoding; the fingerprint follows."""
_ALGORITHM = "CRC-64-AVRO"


def fingerprint_of(schema: Schema) -> bytes:
    """Return a schema's CRC-64-AVRO fingerprint as on the wire: 8 bytes, little-endian."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), _ALGORITHM))


def fingerprints_of(schema: Schema) -> set[bytes]:
    """Return every fingerprint that stands for a schema: Avro's own, and one of a form that keeps logical types.

    The second is that of hamba/avro for Go. Avro's canonical form strips logical types (Avro 1.11 specification,
    "Transforming into Parsing Canonical Form"); hamba's keeps them behind the type.
    """
    form = json.dumps(_with_logical_types(parse_schema(schema)), separators=(",", ":"), ensure_ascii=False)
    return {fingerprint_of(schema), bytes.fromhex(fingerprint(form, _ALGORITHM))}


def header_of(schema: Schema) -> bytes:
    """Return the ten bytes with which a message of this schema begins in single-object encoding."""
    return SINGLE_OBJECT + fingerprint_of(schema)


def _with_logical_types(kind: Any) -> Any:
    """Return the canonical form of a type (parsed: its names are full), but with its logical types."""
    if isinstance(kind, list):
        return [_with_logical_types(branch) for branch in kind]
    if not isinstance(kind, dict):
        return kind
    name = kind["type"]
    if name == "record":
        fields = [{"name": one["name"], "type": _with_logical_types(one["type"])} for one in kind["fields"]]
        return {"name": kind["name"], "type": name, "fields": fields}
    if name == "enum":
        return {"name": kind["name"], "type": name, "symbols": kind["symbols"]}
    for inner in ("items", "values"):
        if inner in kind:
            return {"type": name, inner: _with_logical_types(kind[inner])}
    return {"type": name, "logicalType": kind["logicalType"]} if "logicalType" in kind else name
