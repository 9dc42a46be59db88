"""Messages of the inputs: Avro in both framings with our schemas and with others', and JSON lines."""

from __future__ import annotations

import base64
import copy
import json
import random
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
from typing_extensions import override

from schemas import journey_log
from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.envelopes import event_of
from schemas.avro.fingerprints import header_of
from schemas.avro.jsonl import BadLineError, parse_by_field, parse_line
from schemas.avro.registry import FileRegistry, Schema, schema_history
from schemas.errors import RefusalError
from schemas.kinds import KINDS
from schemas.kinds.touchpoint import Touchpoint
from schemas.limits import MESSAGE_BYTES, MESSAGE_VALUES
from schemas.rows import encode_rows
from sinks.batch import Batch
from streams.intake.accept import Source, accept, check_size
from streams.sentiment import LearnedScorer, VaderScorer, shipped_model
from streams.topics import TopicFinder, TopicModel, shipped_lists
from tests.fuzz.records import ANY, NOW, LooseWriter, record_of, varint
from tests.fuzz.schemas import changed_schema
from tests.fuzz.target import CPU_MS, Target
from tests.fuzz.values import changed_bytes, changed_tree, copied, json_value, text
from tests.unit.schemas.records import SCHEMAS

KINDS_KNOWN = tuple(KIND_RECORDS)
LEARNING_MS = 250.0
"""CPU time that a schema may take, ms: it is learnt once, in a thread beside the work."""
JSON_BYTES = 256 << 10
"""What is larger than a message may take `CPU_MS` for each so many bytes."""
SCHEMA_ID = 7
_CONFLUENT = b"\0" + SCHEMA_ID.to_bytes(4, "big")
_FILES = FileRegistry()
_MODEL = TopicModel(("late", "loud"), (0, 0), {"a": (500, -500), "the": (-500, 500), "a a": (10, 0)}, 0.5)
_CODEC = Codec(_FILES)
_HISTORY = {kind: schema_history(record) for kind, record in KIND_RECORDS.items()}
_HEADERS = {kind: [header_of(schema) for schema in history] for kind, history in _HISTORY.items()}
_TABLES = {"business_change": "business_changes", "marketing_spend": "marketing_spend"}


class Message(msgspec.Struct, array_like=True):
    """A message of a kind's topic, and the writer's schema as JSON; without one it is of our own."""

    kind: str
    value: bytes
    schema: bytes = b""


def allowed(json_text: bytes) -> float:
    """Return the CPU time that JSON of more than a message may take, ms."""
    return CPU_MS * max(1.0, len(json_text) / JSON_BYTES)


class OneSchema:
    """A registry whose every id means one schema."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema

    def by_fingerprint(self, fingerprint: bytes) -> Schema:
        """Return the shipped schema."""
        return _FILES.by_fingerprint(fingerprint)

    def by_id(self, _schema_id: int) -> Schema:
        """Return the schema."""
        found: Schema = self._schema
        return found


def codec_with(registry: Any) -> Codec:
    """Return a codec that has learnt no schema yet; to make one anew takes longer than an input."""
    fresh = copy.copy(_CODEC)
    fresh._registry = registry
    fresh._decoders = {kind: dict(known) for kind, known in _CODEC._decoders.items()}
    return fresh


def valid_value(rng: random.Random, kind: str, odd: float, lies: float = 0.0) -> bytes:
    """Return a message of a kind in single-object encoding, of any version of our schema."""
    header, schema = rng.choice(list(zip(_HEADERS[kind], _HISTORY[kind], strict=True)))
    record = record_of(SCHEMAS[KIND_RECORDS[kind]], rng, odd)
    return header + LooseWriter(rng, lies).write(schema, record)


def _full(rng: random.Random, kind: str) -> bytes:
    """Return a message that is as large as there may be, by the entries of one of its lists or maps, or by a text."""
    header, schema = _HEADERS[kind][-1], _HISTORY[kind][-1]
    record = record_of(SCHEMAS[KIND_RECORDS[kind]], rng, 0.0)
    chosen = rng.choice([field["name"] for field in schema["fields"]])
    writer, unit = LooseWriter(rng, 0.0), rng.choice((b"\0", b"\2a\2b", "\x0c\U0001f638\n".encode(), b"\x06abc\2\2"))
    parts = [writer.write(field["type"], record.get(field["name"], ANY)) for field in schema["fields"]]
    place = next(at for at, field in enumerate(schema["fields"]) if field["name"] == chosen)
    count = (MESSAGE_BYTES - sum(map(len, parts)) - 20) // len(unit)
    sized = rng.choice((varint(count), varint(-count) + varint(1), b"\2" + varint(count * len(unit))))
    parts[place] = sized + unit * count + b"\0"
    return (header + b"".join(parts))[:MESSAGE_BYTES]


def check_shared(codec: Codec, value: bytes) -> None:
    """Make sure that a message of a topic that carries every kind is of one of them, or refused."""
    with suppress(RefusalError):
        assert codec.kind_of(KINDS_KNOWN, value) in KINDS_KNOWN


class Intake(Target):
    """INGEST: a message is decoded, accepted, and written to the log or as a row; or it is refused."""

    documented = (RefusalError,)

    def __init__(self) -> None:
        self._codec = Codec(_FILES)
        self._scorer = LearnedScorer(VaderScorer(), shipped_model())
        self._finder = TopicFinder(shipped_lists(), _MODEL)

    @override
    def make(self, rng: random.Random) -> bytes:
        kind = rng.choice(KINDS_KNOWN)
        odd, lies = rng.choice(((0.0, 0.0), (0.02, 0.0), (0.1, 0.0), (0.6, 0.0), (0.05, 0.02), (0.05, 0.2)))
        value = valid_value(rng, kind, odd, lies) if rng.random() < 0.98 else _full(rng, kind)
        if rng.random() < 0.25:
            value = changed_bytes(rng, value)
        if rng.random() < 0.02:
            kind = rng.choice(KINDS_KNOWN)
        return msgspec.msgpack.encode(Message(kind, value))

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        message = msgspec.msgpack.decode(data, type=Message)
        kind, value = message.kind, message.value
        yield CPU_MS
        check_shared(self._codec, value)
        yield CPU_MS
        check_size(value)
        record = self._codec.decode(kind, value)
        assert record.keys() == {field["name"] for field in SCHEMAS[KIND_RECORDS[kind]]["fields"]}
        source = Source(0, KINDS[kind].topic, 0, 1, NOW, len(value))
        accepted = accept(kind, record, source, now=NOW, scorer=self._scorer, finder=self._finder)
        if isinstance(accepted, Touchpoint):
            data = journey_log.encode(accepted)
            assert journey_log.encode(journey_log.decode(data)) == data, "the log does not hold what was accepted"
        else:
            batch = Batch()
            batch.add_message(_TABLES[kind], encode_rows([accepted]))
            assert not batch.beyond, "an accepted row does not fit its columns"


class Writers(Target):
    """Writers' schemas that strangers made, and messages written with them."""

    documented = (RefusalError,)

    @override
    def make(self, rng: random.Random) -> bytes:
        kind = rng.choice(KINDS_KNOWN)
        schema = copied(rng.choice(_HISTORY[kind]))
        for _ in range(rng.choice((0, 1, 1, 2, 4))):
            schema = changed_schema(rng, schema)
        record = record_of(SCHEMAS[KIND_RECORDS[kind]], rng, 0.05)
        lies = rng.choice((0.0, 0.0, 0.02))
        try:
            body = LooseWriter(rng, lies).write(schema, record)
        except (TypeError, ValueError, RecursionError, struct.error):  # what is no schema any more
            body = rng.randbytes(50)
        return msgspec.msgpack.encode(Message(kind, _CONFLUENT + body, json.dumps(schema).encode()))

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        message = msgspec.msgpack.decode(data, type=Message)
        schema = json.loads(message.schema)
        codec = codec_with(OneSchema(schema if isinstance(schema, dict) else {"type": schema}))
        yield LEARNING_MS
        check_shared(codec, message.value)
        yield LEARNING_MS
        record = codec.decode(message.kind, message.value)
        assert record.keys() == {field["name"] for field in SCHEMAS[KIND_RECORDS[message.kind]]["fields"]}
        yield CPU_MS
        # Its decoder is made: each further message is as cheap as any.
        codec.decode(message.kind, message.value)


_REPEATED = (
    *(b"\\n", b"\\u0041", b"\\ud83d\\ude00", b"\\", b'"', b"\xc3\xa9", b'\\",', b"[", b"{,", b"1e308,"),
    *("\U0001f638".encode(), b"9", b"\\\\", b"\xff", b"not good! "),
)
"""Parts of a text in JSON that are repeated many times."""
_ENTRIES = (
    *(b"1", b"1e308", b"-1.5e-22", b"9" * 40, b"9" * 500, b"0." + b"3" * 300, b"null", b'""', b'"\\n\xc3\xa9"'),
    *(b"[]", b"{}", b'{"":0}', b'{"a":{"b":[]}}', b"[" * 500 + b"]" * 500),
    *(b'{"sku":"a","quantity":1,"price_minor":1}', b'{"sku":"a","quantity":1,"price_minor":1,"x":{"y":null}}'),
)
"""Entries of a list that are repeated many times."""
_COUNTS = (10, 1_000, 2_000, 4_000, MESSAGE_VALUES - 100, 100_000)
_NAMES = ("ce_id", "ce_source", "ce_time", "ce_specversion", "content-type", "other")
"""Headers of a message."""


def _large(rng: random.Random, value: bytes, size: int) -> bytes:
    """Return a message in JSON with as much in it as `size` bytes hold: texts, lists, maps of many entries."""
    left = size - len(value) - 500
    parts = []
    for name in rng.sample(("text", "items", "attributes", "identifiers", "kind", "x", "y"), rng.choice((1, 1, 2))):
        room = left if rng.random() < 0.5 else left // 2
        if rng.random() < 0.4:
            unit = rng.choice(_REPEATED)
            more = b'"%b"' % (unit * (room // len(unit)))
        elif rng.random() < 0.7:
            unit = rng.choice(_ENTRIES)
            more = b"[%b]" % b",".join([unit] * min(rng.choice(_COUNTS), room // (1 + len(unit))))
        else:
            count = min(rng.choice(_COUNTS), room // 30)
            more = b"{%b}" % b",".join(b'"%b%06d":"%b"' % (b"k" * rng.choice((0, 8)), n, b"v") for n in range(count))
        parts.append(b',"%b":%b' % (name.encode(), more))
        left -= len(more)
    return value[:-1] + b"".join(parts) + b"}"


class Json(Target):
    """JSON in the place of Avro, in all its envelopes; a message has headers that may describe a CloudEvent."""

    documented = (RefusalError,)

    def __init__(self) -> None:
        self._codec = Codec(_FILES)
        self._scorer = VaderScorer()

    @override
    def make(self, rng: random.Random) -> bytes:
        kind = rng.choice(KINDS_KNOWN)
        said: Any = record_of(SCHEMAS[KIND_RECORDS[kind]], rng, rng.choice((0.0, 0.05, 0.3)))
        if rng.random() < 0.5:
            said["kind"] = kind
        if rng.random() < 0.3:
            said |= {f"{text(rng)[:99]}{n}": json_value(rng) for n in range(rng.choice((1, 3, 3_000)))}
        for _ in range(rng.choice((0, 0, 1, 2))):
            said = changed_tree(rng, said)
        for _ in range(rng.choice((0, 0, 1, 1, 5))):
            said = _wrapped(rng, said)
        if rng.random() < 0.2:
            said = changed_tree(rng, said)
        value = json.dumps(said, ensure_ascii=rng.random() < 0.5).encode(errors="surrogatepass")
        if rng.random() < 0.1:
            odd = rng.choice(
                (b"\\n", b"\\u0041", b"[", b'{"a":', b"1", b"\xc3\xa9", b'"', b"\\ud83d\\ude00", b'{"data":')
            )
            value = value[: rng.randrange(len(value) + 1)] + odd * rng.choice((10, 1_000, 100_000))
        if rng.random() < 0.1 and value.endswith(b"}"):
            value = _large(rng, value, MESSAGE_BYTES)
        elif rng.random() < 0.03 and value.endswith(b"}"):
            value = _in_base64(_large(rng, value, MESSAGE_BYTES * 3 // 4))
        if rng.random() < 0.15:
            value = changed_bytes(rng, value)
        framed = rng.choice((b"", b"", b"\xef\xbb\xbf", b" \n"))
        names = rng.sample(
            ("ce_id", "ce_source", "ce_time", "ce_specversion", "content-type", "other"), rng.randrange(7)
        )
        headers = [(name, rng.choice((None, text(rng).encode(), b"\xff"))) for name in names if rng.random() < 0.5]
        return msgspec.msgpack.encode((kind, (framed + value)[:MESSAGE_BYTES], headers))

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        kind, value, headers = msgspec.msgpack.decode(data, type=tuple[str, bytes, list[tuple[str, bytes | None]]])
        yield CPU_MS
        check_shared(self._codec, value)
        yield CPU_MS
        event = event_of(headers) if headers else None
        decode = self._codec.decode
        record = decode(kind, value) if event is None else self._codec.decode_event(kind, value, event)
        assert record.keys() == {field["name"] for field in SCHEMAS[KIND_RECORDS[kind]]["fields"]}
        accept(kind, record, Source(0, KINDS[kind].topic, 0, 1, NOW, len(value)), now=NOW, scorer=self._scorer)
        yield CPU_MS
        self._codec.encode(KIND_RECORDS[kind], record)


def _in_base64(value: bytes) -> bytes:
    """Return a CloudEvent whose data are a message in base64."""
    return b'{"specversion":"1.0","data_base64":"' + base64.b64encode(value) + b'"}'


def _wrapped(rng: random.Random, said: Any) -> Any:
    """Return a message in an envelope, or nearly one."""
    event = {"specversion": "1.0", "id": text(rng), "source": text(rng), "time": "2026-06-01T00:00:00Z", "type": "t"}
    coded = base64.b64encode(json.dumps(said).encode()).decode()
    return rng.choice(
        (
            {"schema": rng.choice((None, {"type": "struct"})), "payload": said},
            {**event, "data": said},
            {**event, "data_base64": rng.choice((coded, coded[:-1], text(rng)))},
            {**event, rng.choice(tuple(event)): json_value(rng), "data": said},
            {"op": rng.choice(("c", "d")), "before": None, "after": said},
        )
    )


class Lines(Target):
    """JSON lines, as `touchline publish` reads them."""

    documented = (BadLineError,)

    def __init__(self) -> None:
        self._codec = Codec(_FILES)

    @override
    def make(self, rng: random.Random) -> bytes:
        kind = rng.choice(KINDS_KNOWN)
        line: Any = {"kind": kind, **record_of(SCHEMAS[KIND_RECORDS[kind]], rng, rng.choice((0.0, 0.05, 0.3)))}
        for _ in range(rng.choice((0, 0, 1, 1, 3))):
            line = changed_tree(rng, line)
        # Infinity, NaN and halves of characters too: other programs write such lines.
        data = json.dumps(line, ensure_ascii=rng.random() < 0.5).encode(errors="surrogatepass")
        if rng.random() < 0.2:
            odd = (b"1e999", b"-0", b"1" * 400, b'"\\ud800"', b"\xed\xa0\x80", b"[" * 2_000, b'{"a":' * 500, b"\0")
            at = rng.randrange(len(data) + 1)
            data = data[:at] + rng.choice(odd) + data[at:]
        if rng.random() < 0.1 and data.endswith(b"}"):
            data = _large(rng, data, MESSAGE_BYTES)
        data = changed_bytes(rng, data) if rng.random() < 0.15 else data
        return data[:MESSAGE_BYTES]

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        yield CPU_MS
        kind, record = parse_line(data)
        yield CPU_MS
        assert parse_by_field(data) == (kind, record), "the two readers differ"
        yield CPU_MS
        self._codec.encode(KIND_RECORDS[kind], record)
