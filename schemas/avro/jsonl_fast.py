"""The fast reader of JSON lines: msgspec decodes them into types made of the schemas, but names no wrong field well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import msgspec
from msgspec.structs import asdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schemas.avro.registry import Schema

    Convert = Callable[[Any], Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def _whole(bits: int) -> Any:
    return Annotated[int, msgspec.Meta(ge=-(1 << bits), le=(1 << bits) - 1)]


_SIMPLE: dict[str, Any] = {"string": str, "boolean": bool, "double": float, "int": _whole(31), "long": _whole(63)}
_TIME = Annotated[datetime, msgspec.Meta(tz=True)] | _SIMPLE["long"]


class FastReader:
    """Reads lines of JSON objects whose `kind` says which schema they are of.

    Args:
        schemas: by kind. A type that a schema writes as an object over `long` is a time.
    """

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        structs = [_struct(schema, tag_field="kind", tag=kind) for kind, schema in schemas.items()]
        types: Any = structs
        self._decode = msgspec.json.Decoder(reduce(or_, types)).decode
        self._conversions = {kind: _conversions(schema) for kind, schema in schemas.items()}

    def read(self, line: str | bytes) -> tuple[str, dict[str, Any]]:
        """Return a line's kind and its whole record, times in epoch ms.

        Raises:
            msgspec.DecodeError, UnicodeError, RecursionError: there is something wrong with the line.
        """
        read = self._decode(line)
        kind = str(read.__struct_config__.tag)
        return kind, _record(read, self._conversions[kind])


class KindReader:
    """Reads objects of one kind, whose `kind` may be left out, as `FastReader` does."""

    def __init__(self, kind: str, schema: Schema) -> None:
        self._struct = _struct(schema, tag_field="kind", tag=kind)
        self._decode = msgspec.json.Decoder(self._struct).decode
        self._conversions = _conversions(schema)

    def read(self, text: bytes) -> dict[str, Any]:
        """Return the whole record in a text of JSON, times in epoch ms.

        Raises:
            msgspec.DecodeError, UnicodeError, RecursionError: there is something wrong with it.
        """
        return _record(self._decode(text), self._conversions)

    def record(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the whole record that fields are, as JSON has them.

        Raises:
            msgspec.ValidationError: they are not those of this kind.
        """
        return _record(msgspec.convert(fields, self._struct), self._conversions)


def _record(read: Any, conversions: Mapping[str, Convert]) -> dict[str, Any]:
    record = asdict(read)
    for name, convert in conversions.items():
        if record[name] is not None:
            record[name] = convert(record[name])
    return record


def _struct(schema: Schema, **tag: str) -> type[msgspec.Struct]:
    fields: list[Any] = []
    for field in schema["fields"]:
        named = (field["name"], _type(field["type"]))
        fields.append((*named, _default(field["default"])) if "default" in field else named)
    return msgspec.defstruct(schema["name"], fields, kw_only=True, forbid_unknown_fields=True, **tag)  # type: ignore[arg-type]  # a tag is text


def _default(default: Any) -> Any:
    return msgspec.field(default_factory=type(default)) if isinstance(default, (dict, list)) else default


def _type(kind: Any) -> Any:
    """Return the type whose JSON is that of an Avro type."""
    if isinstance(kind, list):
        return Optional[_type(_other(kind))]  # noqa: UP045  # the type is known at run time only
    return _SIMPLE[kind] if isinstance(kind, str) else _COMPLEX[kind["type"]](kind)


def _other(branches: list[Any]) -> Any:
    """Return the branch of a union that is not null."""
    (other,) = (branch for branch in branches if branch != "null")
    return other


def _conversions(schema: Schema) -> dict[str, Convert]:
    """Return, by field, what turns a value that msgspec gives into the record's, where they differ."""
    found = ((field["name"], _conversion(field["type"])) for field in schema["fields"])
    return {name: convert for name, convert in found if convert is not None}


def _conversion(kind: Any) -> Convert | None:
    if isinstance(kind, list):
        return _conversion(_other(kind))
    if isinstance(kind, str):
        return None
    if kind["type"] == "long":
        return _milliseconds
    if kind["type"] == "record":
        inner = _conversions(kind)
        return lambda value: _record(value, inner)
    if kind["type"] == "array" and (convert := _conversion(kind["items"])) is not None:
        return lambda values: [convert(value) for value in values]
    return None


def _milliseconds(time: datetime | int) -> int:
    return time if isinstance(time, int) else (time - _EPOCH) // _MILLISECOND


_COMPLEX: dict[str, Callable[[dict[str, Any]], Any]] = {
    "long": lambda _: _TIME,
    "enum": lambda kind: Literal[tuple(kind["symbols"])],
    "map": lambda kind: dict[str, _type(kind["values"])],  # type: ignore[misc]  # the type is known at run time only
    "array": lambda kind: list[_type(kind["items"])],  # type: ignore[misc]  # the type is known at run time only
    "record": _struct,
}
