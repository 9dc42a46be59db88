"""Fingerprints of writers' schemas: Avro's own, and those that other libraries compute of the same schema."""

from __future__ import annotations

import json
from collections.abc import Callable
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
    """Return every fingerprint that stands for a schema: Avro's own, and those of libraries that compute another.

    Avro's canonical form strips logical types, and writes `{"type": "long"}` as `"long"` (Avro 1.11 specification,
    "Transforming into Parsing Canonical Form"). hamba/avro for Go keeps logical types behind the type. Apache Avro for
    Python and for Rust, and goavro, strip them, but leave the object that held them.
    """
    parsed = parse_schema(schema)
    forms = (_form(parsed, write) for write in (_with_logical_type, _in_an_object))
    written = (json.dumps(form, separators=(",", ":"), ensure_ascii=False) for form in forms)
    return {fingerprint_of(schema), *(bytes.fromhex(fingerprint(form, _ALGORITHM)) for form in written)}


def header_of(schema: Schema) -> bytes:
    """Return the ten bytes with which a message of this schema begins in single-object encoding."""
    return SINGLE_OBJECT + fingerprint_of(schema)


def _form(kind: Any, of_logical: Callable[[dict[str, Any]], Any]) -> Any:
    """Return the canonical form of a type (parsed: its names are full), but with its logical types in a form of theirs.

    Args:
        kind: the type.
        of_logical: returns the form of a primitive type that has a logical one.
    """
    if isinstance(kind, list):
        return [_form(branch, of_logical) for branch in kind]
    if not isinstance(kind, dict):
        return kind
    name = kind["type"]
    if name == "record":
        fields = [{"name": one["name"], "type": _form(one["type"], of_logical)} for one in kind["fields"]]
        return {"name": kind["name"], "type": name, "fields": fields}
    if name == "enum":
        return {"name": kind["name"], "type": name, "symbols": kind["symbols"]}
    for inner in ("items", "values"):
        if inner in kind:
            return {"type": name, inner: _form(kind[inner], of_logical)}
    return of_logical(kind) if "logicalType" in kind else name


def _with_logical_type(kind: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind["type"], "logicalType": kind["logicalType"]}


def _in_an_object(kind: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind["type"]}
