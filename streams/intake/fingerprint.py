"""The fingerprint of a payload: equal for equal facts, in whatever framing and schema they were sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from operator import itemgetter
from typing import Any

import msgspec

from schemas.avro.codec import KIND_RECORDS
from schemas.avro.registry import Schema, kind_schemas, schema_history

_encode = msgspec.msgpack.Encoder(order="deterministic").encode


def fingerprint(kind: str, record: dict[str, Any]) -> int:
    """Return 63 bits over all fields of a record.

    The framing, the order of maps and the version of the schema make no difference: fields that came
    after the schema's first version count only where they differ from their default. So a message
    that is sent again under a later schema has the same fingerprint.

    Args:
        kind: the contract's name of the record's kind.
        record: the whole record, as the codec decodes it.
    """
    hashed = _HASHES[kind].copy()
    hashed.update(_encode(_CANONS[kind].of(record)))
    return int.from_bytes(hashed.digest(), "big") >> 1


@dataclass(frozen=True)
class _Canon:
    """The form of a record that its fingerprint is computed from.

    Attributes:
        first: gives the values of the fields that the schema's first version had.
        later: the fields that came after it, and their defaults.
        nested: by place in `first`: the form of the records in the list that stands there.
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


_CANONS = {kind: _canon(schema, schema_history(KIND_RECORDS[kind])[0]) for kind, schema in kind_schemas().items()}
# The kind is hashed too: an event id used by two kinds is a collision, not a duplicate.
_HASHES = {kind: blake2b(digest_size=8, person=kind.encode()) for kind in KIND_RECORDS}
