"""The fingerprint of a payload: the same for the same facts, however they were sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from operator import itemgetter
from typing import Any

import msgspec

from schemas.avro.codec import KIND_RECORDS
from schemas.avro.registry import Schema, current_schemas, schema_history

_encode = msgspec.msgpack.Encoder(order="deterministic").encode


def fingerprint(kind: str, record: dict[str, Any]) -> int:
    """Return 63 bits over all that a record says.

    The framing, the order of maps and the version of the schema make no difference: of fields that
    came after the schema's first version, only those count that have not their default. So a schema
    may grow without a message sent again looking like another one.

    Args:
        kind: the contract's name of the record's kind.
        record: the whole record, as the codec decodes it.
    """
    hashed = _HASHES[kind].copy()
    hashed.update(_encode(_CANONS[kind].of(record)))
    return int.from_bytes(hashed.digest(), "big") >> 1


@dataclass(frozen=True)
class _Canon:
    """The form of a record that its fingerprint is taken of.

    Attributes:
        first: gives the values of the fields that the schema's first version had.
        later: the fields that came after it, and their defaults.
        nested: where in `first` the lists of records stand, and the form of those.
    """

    first: Callable[[dict[str, Any]], tuple[Any, ...]]
    later: dict[str, Any]
    nested: dict[int, _Canon]

    def of(self, record: dict[str, Any]) -> list[Any] | tuple[Any, ...]:
        values = self.first(record)
        if not self.nested and not self.later:
            return values
        canonical = list(values)
        for place, canon in self.nested.items():
            canonical[place] = [canon.of(item) for item in values[place]]
        said = {name: record[name] for name, default in self.later.items() if record[name] != default}
        return [*canonical, said] if said else canonical


def _canon(current: Schema, first: Schema) -> _Canon:
    now = {field["name"]: field for field in current["fields"]}
    names = [field["name"] for field in first["fields"] if field["name"] in now]
    types = {field["name"]: field["type"] for field in first["fields"]}
    return _Canon(
        first=itemgetter(*names),
        later={name: field["default"] for name, field in now.items() if name not in types},
        nested={
            place: _canon(now[name]["type"]["items"], types[name]["items"])
            for place, name in enumerate(names)
            if _holds_records(types[name])
        },
    )


def _holds_records(kind: Any) -> bool:
    items = kind.get("items") if isinstance(kind, dict) else None
    return isinstance(items, dict) and "fields" in items


_SCHEMAS = current_schemas()
_CANONS = {kind: _canon(_SCHEMAS[name], schema_history(name)[0]) for kind, name in KIND_RECORDS.items()}
# The kind goes in as well: an event id used by two kinds is a collision, not a duplicate.
_HASHES = {kind: blake2b(digest_size=8, person=kind.encode()) for kind in KIND_RECORDS}
