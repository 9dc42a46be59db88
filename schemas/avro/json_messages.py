"""Messages in JSON: read as JSON lines are, but without their envelopes, and whatever other fields they have."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from schemas.avro.envelopes import BYTE_ORDER_MARK, MESSAGE, CloudEvent, unwrapped
from schemas.avro.jsonl_careful import BadLineError, CarefulReader, bounded_object, check_bounds, json_object, written
from schemas.avro.jsonl_fast import KindReader
from schemas.avro.registry import Schema
from schemas.errors import UndecodableError
from schemas.kinds.checks import InvalidRecordError

NoteUnknown = Callable[[str, list[str]], None]
"""Takes a kind, and the names of the fields in a message of that kind which it does not have."""


class JsonReader:
    """Reads messages of one kind's topic.

    Args:
        kind: the kind.
        schema: of its record.
        note_unknown: called for each message that has unknown fields and is read nevertheless.
    """

    def __init__(self, kind: str, schema: Schema, note_unknown: NoteUnknown) -> None:
        self._kind = kind
        self._fast = KindReader(kind, schema)
        self._careful = CarefulReader({kind: schema}).record
        self._fields = _fields(schema)
        self._note_unknown = note_unknown

    def read(self, data: bytes, position: int = 0, event: CloudEvent | None = None) -> dict[str, Any]:
        """Return the whole record in a message, times in epoch ms.

        Args:
            data: the message's value.
            position: where its JSON begins.
            event: what its headers say of it, as those of a CloudEvent.

        Raises:
            UndecodableError: it is not a JSON object of this kind.
            InvalidRecordError: it lacks a field (`missing_field`).
        """
        if not data:
            raise UndecodableError("the message has no value; a tombstone takes no event back")
        text = data[position:].removeprefix(BYTE_ORDER_MARK)
        try:
            check_bounds(text, MESSAGE)
            return self._fast.read(text)
        except BadLineError as error:
            raise UndecodableError(error.reason) from error
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return self._read_carefully(text, event)

    def _read_carefully(self, text: bytes, event: CloudEvent | None) -> dict[str, Any]:
        """Read a message that has envelopes, unknown fields, null for what is left out, or something wrong."""
        unknown: list[str] = []
        try:
            found, event = unwrapped(bounded_object(text, MESSAGE), event)
            self._check_kind(found.pop("kind", None))
            if event is not None:
                event.complete(found)
            record = self._record(self._fields.of("", found, unknown))
        except BadLineError as error:
            raise UndecodableError(error.reason) from error
        if unknown:
            self._note_unknown(self._kind, unknown)
        return record

    def _record(self, said: dict[str, Any]) -> dict[str, Any]:
        """Return the record that fields are; the careful reader takes ten times as long, and tells what is wrong."""
        try:
            return self._fast.record(said)
        except msgspec.ValidationError:
            return self._careful(self._kind, said)

    def _check_kind(self, stated: object) -> None:
        if stated is not None and stated != self._kind:
            raise UndecodableError(f"kind is {written(stated)}; this topic carries {self._kind}")


class _Stated(msgspec.Struct, gc=False):
    """What a message may say of itself at its top; the rest is skipped."""

    kind: str | None = None
    specversion: msgspec.Raw = msgspec.Raw()
    payload: msgspec.Raw = msgspec.Raw()


_stated = msgspec.json.Decoder(_Stated)


def stated_kind(data: bytes) -> str | None:
    """Return the kind that a JSON message states; None if it states none.

    Raises:
        UndecodableError: it is not a JSON object.
    """
    with suppress(msgspec.DecodeError, UnicodeError, RecursionError):
        # Most messages have no envelope.
        said = _stated.decode(data.removeprefix(BYTE_ORDER_MARK))
        if said.kind is not None and not (said.specversion or said.payload):
            return said.kind
    try:
        found, _ = unwrapped(json_object(data.removeprefix(BYTE_ORDER_MARK), MESSAGE), None)
    except BadLineError as error:
        raise UndecodableError(error.reason) from error
    kind = found.get("kind")
    return kind if isinstance(kind, str) else None


@dataclass(frozen=True)
class _Fields:
    """The fields of a record.

    Attributes:
        nullable: by name, whether a field may be null.
        required: those without a default.
        inner: by name of a field that holds a list of records: their fields.
        maps: those that hold a map of texts.
    """

    nullable: dict[str, bool]
    required: tuple[str, ...]
    inner: dict[str, _Fields]
    maps: tuple[str, ...]

    @property
    def is_flat(self) -> bool:
        """Whether no field holds others."""
        return not (self.inner or self.maps)

    def of(self, where: str, found: dict[str, Any], unknown: list[str]) -> dict[str, Any]:
        """Return the known fields of an object; null is as good as left out, of what is never null.

        Args:
            where: the object's place in the message, a dot behind it; empty for the message itself.
            found: the object.
            unknown: the names of its other fields are added here.

        Raises:
            InvalidRecordError: a field that has no default is missing (`missing_field`).
        """
        if self.is_flat and found.keys() == self.nullable.keys() and None not in found.values():
            return found  # as most of a list's thousands are
        said = {}
        for name, value in found.items():
            if name not in self.nullable:
                unknown.append(where + name)
            elif value is not None or self.nullable[name]:
                said[name] = value
        missing = [where + name for name in self.required if name not in said]
        if missing:
            raise InvalidRecordError(
                "missing_field", f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
            )
        for name in self.maps:
            if isinstance(entries := said.get(name), dict):
                said[name] = {key: value for key, value in entries.items() if value is not None}
        for name, fields in self.inner.items():
            if isinstance(items := said.get(name), list):
                said[name] = [
                    fields.of(f"{where}{name}[{place}].", item, unknown) if isinstance(item, dict) else item
                    for place, item in enumerate(items)
                ]
        return said


def _fields(schema: Schema) -> _Fields:
    types = {field["name"]: field["type"] for field in schema["fields"]}
    return _Fields(
        nullable={name: isinstance(kind, list) and "null" in kind for name, kind in types.items()},
        required=tuple(field["name"] for field in schema["fields"] if "default" not in field),
        inner={
            name: _fields(kind["items"])
            for name, kind in types.items()
            if isinstance(kind, dict) and isinstance(kind.get("items"), dict) and "fields" in kind["items"]
        },
        maps=tuple(name for name, kind in types.items() if isinstance(kind, dict) and kind["type"] == "map"),
    )
