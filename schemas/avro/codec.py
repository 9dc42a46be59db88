"""The codec between bytes on Kafka and records: Avro in both framings, with schema resolution, and JSON."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

from fastavro import parse_schema, schemaless_reader, schemaless_writer
from fastavro.read import SchemaResolutionError

from schemas.avro.aliases import bears, with_our_names
from schemas.avro.decoder import UnsupportedSchemaError, compile_decoder
from schemas.avro.envelopes import CHANGE, CHANGE_RECORD, is_json
from schemas.avro.fingerprints import SINGLE_OBJECT, header_of
from schemas.avro.json_messages import JsonReader, NoteUnknown, stated_kind
from schemas.avro.limits import check_json, check_types
from schemas.avro.registry import JSON_SCHEMA, Registry, Schema, current_schemas
from schemas.errors import UndecodableError, UnknownSchemaError
from schemas.kinds import KINDS
from schemas.limits import MESSAGE_VALUES
from schemas.text import shortened

if TYPE_CHECKING:
    from schemas.avro.decoder import Decode
    from schemas.avro.envelopes import CloudEvent

__all__ = ["KIND_RECORDS", "Codec", "UndecodableError", "UnknownSchemaError"]

KIND_RECORDS: dict[str, str] = {name: kind.record for name, kind in KINDS.items()}
"""By kind: the record that its topic carries."""

MAX_COMPILED_TYPES = 300
"""Types of a writer's schema up to which a decoder is compiled for it: the whole process waits for the compiler."""

MAX_READS = 2 * MESSAGE_VALUES
"""Steps of fastavro that a message takes at most, bytes of numbers and texts: each takes 0.2 to 0.4 µs."""
_SHOWN = 40
SINGLE_OBJECT_SIZE = 10
"""Single-object encoding: the two bytes of its mark and the eight of a fingerprint."""
_NO_HEADER = b""
"""The header of JSON."""
CONFLUENT = b"\x00"
CONFLUENT_SIZE = 5
"""Confluent framing: a zero byte and the four bytes of a schema's id."""
_CONFLUENT_HEADER = struct.Struct(">bI")

_FAULTS_OF_THE_DATA = (
    LookupError,
    ValueError,
    EOFError,
    OverflowError,
    struct.error,
    SchemaResolutionError,
    # What is nested or large beyond what we can do is refused as well: it would stop us again at every start.
    RecursionError,
    MemoryError,
)
_THE_WRITERS = "the schema the message names"


class Codec:
    """Encodes and decodes records of `schemas/*.avsc`. Times are epoch milliseconds on both sides.

    Args:
        registry: finds the schemas that messages were written with; asked once for each kind and schema.
        note_unknown: called for each message in JSON with fields that its kind does not have.
    """

    def __init__(self, registry: Registry, note_unknown: NoteUnknown = lambda _kind, _names: None) -> None:
        current = current_schemas()
        self._registry = registry
        self._writers = {name: _parsed(schema) for name, schema in current.items()}
        self._readers = {name: _parsed(_without_logical(s)) for name, s in current.items()}
        self._headers = {name: header_of(schema) for name, schema in current.items()}
        self._json = {kind: JsonReader(kind, current[name], note_unknown) for kind, name in KIND_RECORDS.items()}
        self._decoders: dict[str, dict[bytes, Decode]] = {
            kind: {_NO_HEADER: reader.read} for kind, reader in self._json.items()
        }
        self._kinds: dict[tuple[tuple[str, ...], bytes], str | None] = {}
        self._signals: dict[tuple[str, bytes], Decode] = {}

    def decode(self, kind: str, data: bytes) -> dict[str, Any]:
        """Return the record in a message of a kind's topic, as the schema in force has it.

        Raises:
            UndecodableError: the bytes are not one whole record of this kind.
            InvalidRecordError: the message is JSON and lacks a field (`missing_field`).
            UnknownSchemaError: the message names a schema that the registry does not know.
            RegistryUnavailableError: the schema registry did not answer; try again.
        """
        decoders = self._decoders[kind]
        size = SINGLE_OBJECT_SIZE
        decode = decoders.get(data[:size])
        if decode is None:
            size = _header_size(data)
            decode = decoders.get(data[:size])
            if decode is None:
                self.learn(kind, data)
                decode = decoders[data[:size]]
        try:
            return decode(data, size)
        except _FAULTS_OF_THE_DATA as error:
            raise UndecodableError(f"the body is not a {KIND_RECORDS[kind]}: {_what_is_wrong(error)}") from error

    def decode_event(self, kind: str, data: bytes, event: CloudEvent) -> dict[str, Any]:
        """Return the record in a message whose headers describe a CloudEvent; else as `decode`."""
        size = self.learn(kind, data)
        reader = self._json[kind]
        if self._decoders[kind][data[:size]] == reader.read:
            return reader.read(data, size, event)
        return self.decode(kind, data)

    def kind_of(self, kinds: tuple[str, ...], data: bytes) -> str:
        """Return the kind of a message of a topic that carries several: its record's, or the one that JSON states.

        Raises:
            UndecodableError, UnknownSchemaError, RegistryUnavailableError: as `decode` does; it is of no such kind.
        """
        size = _header_size(data)
        header = data[:size]
        if size and (kinds, header) not in self._kinds:
            self._kinds[kinds, header] = self._kind_of_schema(kinds, self._writer_of(data))
        kind = self._kinds[kinds, header] if size else None
        return kind or _kind_stated(kinds, data[size:])

    def _kind_of_schema(self, kinds: tuple[str, ...], writer: Schema) -> str | None:
        """Return the kind whose record a schema is of; None for JSON."""
        if writer is JSON_SCHEMA:
            return None
        found = _record_of(writer)
        named = [kind for kind in kinds if KIND_RECORDS[kind] == found]
        for kind in named or [kind for kind in kinds if bears(writer, KIND_RECORDS[kind])]:
            return kind
        raise UndecodableError(f"the message holds a {found}; this topic carries {', '.join(kinds)}")

    def learn(self, kind: str, data: bytes) -> int:
        """Ask for the schema that a message names, unless it is known; return the size of the message's header.

        Raises:
            UndecodableError, UnknownSchemaError, RegistryUnavailableError: as `decode` does, but for the body.
        """
        size = _header_size(data)
        decoders = self._decoders[kind]
        if data[:size] not in decoders:
            decoders[data[:size]] = self._decoder(kind, data)
        return size

    def decode_signal(self, record_name: str, data: bytes) -> dict[str, Any]:
        """Return the record of a signal, as the schema in force has it.

        Raises:
            UndecodableError: the bytes are not one whole such record in single-object encoding.
            UnknownSchemaError: no shipped schema has the fingerprint that the message names.
        """
        header = data[:SINGLE_OBJECT_SIZE]
        if not header.startswith(SINGLE_OBJECT) or len(header) < SINGLE_OBJECT_SIZE:
            raise UndecodableError("the message is not in Avro single-object encoding (c301)")
        decode = self._signals.get((record_name, header))
        if decode is None:
            writer = self._writer_of(data)
            if (found := _record_of(writer)) != record_name:
                raise UndecodableError(f"the message holds a {found}; this topic carries {record_name}")
            decode = decoder_for(_parsed(_without_logical(writer)), self._readers[record_name])
            self._signals[record_name, header] = decode
        try:
            return decode(data, SINGLE_OBJECT_SIZE)
        except _FAULTS_OF_THE_DATA as error:
            raise UndecodableError(f"the body is not a {record_name}: {_what_is_wrong(error)}") from error

    def encode(self, record_name: str, record: dict[str, Any]) -> bytes:
        """Return a record in single-object encoding. Fields left out take their defaults.

        Raises:
            ValueError, TypeError: the record does not fit its schema; says where.
        """
        buffer = io.BytesIO()
        buffer.write(self._headers[record_name])
        schemaless_writer(buffer, self._writers[record_name], record, strict_allow_default=True)
        return buffer.getvalue()

    def _decoder(self, kind: str, data: bytes) -> Decode:
        writer = self._writer_of(data)
        if writer is JSON_SCHEMA:
            return self._json[kind].read
        expected = KIND_RECORDS[kind]
        found = _record_of(writer)
        if not bears(writer, expected):
            raise UndecodableError(f"the message holds a {found}; this topic carries {expected}")
        if writer.get("type") != "record":
            raise UnknownSchemaError(f"{_THE_WRITERS} is of type {writer.get('type')!r}, not a record")
        try:
            check_json(writer, _THE_WRITERS)
            types = check_types(writer, _THE_WRITERS)
            choose = decoder_for if types <= MAX_COMPILED_TYPES else fastavro_decoder
            reader = self._readers[expected]
            return choose(_parsed(_without_logical(with_our_names(writer, reader))), reader)
        except UnknownSchemaError:
            raise
        except Exception as error:  # the schema may come from a registry, and be wrong in any way
            raise UnknownSchemaError(f"{_THE_WRITERS} is no schema: {type(error).__name__}: {error}") from error

    def _writer_of(self, data: bytes) -> Schema:
        if data.startswith(SINGLE_OBJECT):
            return self._registry.by_fingerprint(data[2:SINGLE_OBJECT_SIZE])
        return self._registry.by_id(_CONFLUENT_HEADER.unpack_from(data)[1])


def _record_of(writer: Schema) -> str:
    """Return the name of a writer's record, without its namespace: so Avro's resolution compares names.

    Raises:
        UndecodableError: it is that of Debezium's changes.
    """
    found = str(writer.get("name")).rpartition(".")[2]
    if found == CHANGE_RECORD:
        raise UndecodableError(f"the message holds {CHANGE}")
    return found


def decoder_for(writer: Schema, reader: Schema) -> Decode:
    """Return the fastest decoder of what `writer` wrote into records of `reader` (both parsed)."""
    try:
        return compile_decoder(writer, reader)
    except UnsupportedSchemaError:
        return fastavro_decoder(writer, reader)


def fastavro_decoder(writer: Schema, reader: Schema) -> Decode:
    """Return a decoder that does all of Avro's resolution, promotions too (both parsed)."""

    def decode(data: bytes, position: int) -> dict[str, Any]:
        body = _WholeReads(data)
        body.seek(position)
        try:
            record: dict[str, Any] = schemaless_reader(body, writer, reader)  # type: ignore[assignment]  # a record schema gives a dict
        except _FAULTS_OF_THE_DATA:
            raise
        except Exception as error:  # fastavro does not check all of a schema, and this may be wrong in any way
            raise ValueError(f"its schema cannot be read by: {type(error).__name__}: {error}") from error
        if body.tell() != len(data):
            raise ValueError(f"it is {len(data)} bytes long, its fields take {body.tell()}")
        return record

    return decode


class _WholeReads(io.BytesIO):
    """A stream that reads as many bytes as are asked for, or none: fastavro would take a text that is cut short.

    It is asked for each byte of a number, and for each text: that is counted, since it is what takes time.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise ValueError(f"to read it takes more than {MAX_READS:,} steps: its lists and maps hold too many values")
        if size is None or size < 0:
            raise ValueError(f"a length is {size}")
        read = super().read(size)
        if len(read) < size:
            raise EOFError
        return read


def _parsed(schema: Schema) -> Schema:
    parsed = parse_schema(schema)
    assert isinstance(parsed, dict)  # noqa: S101 - for the type checker: a record's schema stays one
    return parsed


def _without_logical(schema: Any) -> Any:
    """Return a schema whose times are plain longs, so that no datetime is made of them and taken apart again."""
    if isinstance(schema, dict):
        return {key: _without_logical(value) for key, value in schema.items() if key != "logicalType"}
    if isinstance(schema, list):
        return [_without_logical(value) for value in schema]
    return schema


def _header_size(data: bytes) -> int:
    if data.startswith(SINGLE_OBJECT):
        size = SINGLE_OBJECT_SIZE
    elif data.startswith(CONFLUENT):
        size = CONFLUENT_SIZE
    elif is_json(data):
        size = len(_NO_HEADER)
    else:
        raise UndecodableError(
            f"the message begins with {data[:2].hex() or 'nothing'}: neither Avro single-object encoding (c301), nor "
            "Confluent framing (00), nor a JSON object ({)"
        )
    if len(data) < size:
        raise UndecodableError(f"the message is {len(data)} bytes long, its header alone takes {size}")
    return size


def _kind_stated(kinds: tuple[str, ...], text: bytes) -> str:
    kind = stated_kind(text)
    if kind in kinds:
        return kind
    said = "states no kind" if kind is None else f"states the kind {shortened(kind, _SHOWN)!r}"
    raise UndecodableError(f"the message {said}; this topic carries {', '.join(kinds)}: each message has to say which")


def _what_is_wrong(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"a text is not UTF-8 ({error.reason})"
    if isinstance(error, KeyError):
        return f"an enum or union has no choice {error}"
    if isinstance(error, (IndexError, EOFError, struct.error)):
        return "it ends too early"
    if isinstance(error, (RecursionError, MemoryError)):
        return "it nests too deep, or needs more memory than there is"
    return str(error)
