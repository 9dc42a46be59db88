"""The fingerprint of a payload: the same for the same facts, however they were sent."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from schemas.codec import KIND_RECORDS
from schemas.registry import Schema, current_schemas

_NO_DEFAULT = object()
_encode = msgspec.msgpack.Encoder(order="deterministic").encode


@dataclass(frozen=True)
class _Canon:
    """What of a record goes without saying: its fields' defaults; and the records within it."""

    defaults: dict[str, Any]
    nested: dict[str, _Canon]

    def of(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the record without the fields that have their defaults."""
        default_of = self.defaults.get
        said = {
            name: value for name, value in record.items() if value != default_of(name, _NO_DEFAULT)
        }
        for name, canon in self.nested.items():
            if name in said:
                said[name] = [canon.of(item) for item in said[name]]
        return said


def _canon(schema: Schema) -> _Canon:
    fields = schema["fields"]
    return _Canon(
        defaults={field["name"]: field["default"] for field in fields if "default" in field},
        nested={
            field["name"]: _canon(field["type"]["items"])
            for field in fields
            if isinstance(field["type"], dict)
            and isinstance(field["type"].get("items"), dict)
            and "fields" in field["type"]["items"]
        },
    )


_SCHEMAS = current_schemas()
_CANONS = {kind: _canon(_SCHEMAS[record]) for kind, record in KIND_RECORDS.items()}
_HASHES = {kind: blake2b(digest_size=8, person=kind.encode()) for kind in KIND_RECORDS}


def fingerprint(kind: str, record: dict[str, Any]) -> int:
    """Return 63 bits over all that a record says.

    Fields that have their default do not count, so a field added to the schema later (it must have
    a default) changes no fingerprint; nor do the order of fields and maps, or the framing.

    Args:
        kind: the contract's name of the record's kind.
        record: the whole record, as the codec decodes it.
    """
    hashed = _HASHES[kind].copy()
    hashed.update(_encode(_CANONS[kind].of(record)))
    return int.from_bytes(hashed.digest(), "big") >> 1
