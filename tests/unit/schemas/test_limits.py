"""Writers' schemas are hostile until they are checked: what is too much of anything is refused before it is used."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from schemas.avro.codec import Codec, fastavro_decoder
from schemas.avro.limits import LIMITS, check_json, check_types
from schemas.avro.registry import ConfluentRegistry, FileRegistry, Schema, current_schemas, schema_history
from schemas.errors import RefusalError, UndecodableError, UnknownSchemaError
from tests.servers.schema_registry import running_registry
from tests.unit.schemas.records import SCHEMAS, minimal
from tests.unit.schemas.test_codec import CODEC, Ids, confluent

NULLS = {"type": "record", "name": "Nulls", "fields": [{"name": f"n{i}", "type": "null"} for i in range(1000)]}
EMPTY = {"type": "record", "name": "Empty", "fields": []}
COUNT = b"\x80\x80\x80\x80\x80\x80\x80\x80\x01"
"""2^55 as a long: as many items as this says."""


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def union_of_fixed(count: int) -> list[Any]:
    return [{"type": "fixed", "name": f"F{i}", "size": 1} for i in range(count)]


def record(name: str, *types: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": f"f{i}", "type": t} for i, t in enumerate(types)]}


def doubling(steps: int) -> dict[str, Any]:
    """Return a record in which each type holds the next one twice: small to write, and vast to make."""
    inner: Any = EMPTY
    for step in range(steps):
        inner = record(f"R{step}", inner, inner if isinstance(inner, str) else inner["name"])
    assert isinstance(inner, dict)
    return inner


def nested(levels: int) -> Any:
    kind: Any = "string"
    for _ in range(levels - 1):
        kind = array(kind)
    return kind


def page_view(**more: Any) -> Schema:
    """Return the schema of a page view with another field behind its own."""
    [(name, kind)] = more.items()
    schema = SCHEMAS["PageView"]
    return {**schema, "fields": [*schema["fields"], {"name": name, "type": kind}]}


def decoded(writer: Schema, tail: bytes) -> dict[str, Any]:
    body = CODEC.encode("PageView", minimal("page_view"))[10:]
    return Codec(Ids(id1=writer)).decode("page_view", confluent(1, body + tail))


NOTHING: dict[str, Any] = {
    "nulls": "null",
    "empty records": EMPTY,
    "fixed of no bytes": {"type": "fixed", "name": "F", "size": 0},
    "fixed of less": {"type": "fixed", "name": "F", "size": -1},
    "records of nulls": record("N", "null", EMPTY, record("M", "null", "Empty")),
    "a thousand nulls a byte": record("N", NULLS, "boolean"),
    "a thousand nulls a branch": ["null", NULLS],
    "five values a byte": record("N", "null", "null", "null", "boolean"),
    "a list in a list": array("null"),
    "a map of lists": {"type": "map", "values": array(EMPTY)},
    "a map of nulls": {"type": "map", "values": NULLS},
    "a wrapped type": {"type": {"type": "null"}},
}
"""Items that make much of few bytes, or of none."""


@pytest.mark.parametrize("items", NOTHING.values(), ids=list(NOTHING))
def test_lists_of_nothing_are_refused_whatever_their_count(items: Any) -> None:
    writer = page_view(new=array(items))
    began = time.process_time()
    with pytest.raises(UnknownSchemaError, match="lists whose items make more than 4 values of a byte"):
        decoded(writer, COUNT + b"\x00" * 100)
    assert time.process_time() - began < 1


def test_the_arithmetic_takes_microseconds_not_the_count() -> None:
    writer = page_view(new=array("null"))
    began = time.perf_counter()
    for _ in range(100):
        with pytest.raises(UnknownSchemaError):
            check_types(writer, "it")
    assert (time.perf_counter() - began) / 100 < 0.002


SOMETHING: dict[str, Any] = {
    "strings": "string",
    "maps": {"type": "map", "values": "null"},
    "optional": ["null", "string"],
    "items of an order": record("I", "string", "int", ["null", record("P", *["long"] * 300)]),
    "a null beside a text": record("I", "null", "string"),
    "enums": {"type": "enum", "name": "E", "symbols": ["A", "B"]},
    "fixed": {"type": "fixed", "name": "F", "size": 16},
}


@pytest.mark.parametrize("items", SOMETHING.values(), ids=list(SOMETHING))
def test_lists_of_something_are_read(items: Any) -> None:
    assert decoded(page_view(new=array(items)), b"\x00")["page"] == minimal("page_view")["page"]


@pytest.mark.parametrize("items", ["string", "boolean", ["null", "string"], {"type": "fixed", "name": "F", "size": 9}])
def test_a_count_beyond_the_message_ends_with_the_message(items: Any) -> None:
    with pytest.raises(UndecodableError):
        decoded(page_view(new=array(items)), COUNT + b"\x00" * 50)


@pytest.mark.parametrize("kind", ["bytes", "string", {"type": "fixed", "name": "F", "size": 1 << 40}])
@pytest.mark.parametrize("length", [COUNT, b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x01"])
def test_a_length_beyond_the_message_takes_no_memory(kind: Any, length: bytes) -> None:
    with pytest.raises(UndecodableError):
        decoded(page_view(new=kind), length + b"x")


def test_what_a_type_holds_is_counted_as_often_as_it_is_mentioned() -> None:
    assert decoded(page_view(new=doubling(8)), b"")["page"] == minimal("page_view")["page"]
    for steps in (12, 30):
        with pytest.raises(UnknownSchemaError, match="has more than 5000 types"):
            decoded(page_view(new=doubling(steps)), b"")


BEYOND: dict[str, tuple[Any, str]] = {
    "branches": (union_of_fixed(65), "union has more than 64 branches"),
    "symbols": (
        {"type": "enum", "name": "E", "symbols": [f"S{i}" for i in range(5001)]},
        "enum has more than 5000 symbols",
    ),
    "fields": (record("R", *["int"] * 1001), "record has more than 1000 fields"),
    "depth": (nested(32), "more than 32 levels"),
    "types": (record("R", *[union_of_fixed(1)[0]], *[["F0"] * 64] * 80), "has more than 5000 types"),
    "a deep default": ({"type": "int", "note": json.loads("[" * 200 + "]" * 200)}, "more than 128 levels of its JSON"),
    "a long note": ({"type": "int", "note": [0] * 60_000}, "more than 50000 values"),
}


@pytest.mark.parametrize(("kind", "said"), BEYOND.values(), ids=list(BEYOND))
def test_what_is_beyond_a_limit_is_refused(kind: Any, said: str) -> None:
    with pytest.raises(UnknownSchemaError, match=said):
        decoded(page_view(new=kind), b"\x00")


def test_what_is_at_a_limit_is_read() -> None:
    for kind, tail in (
        (union_of_fixed(64), b"\x7ex"),
        ({"type": "enum", "name": "E", "symbols": [f"S{i}" for i in range(5000)]}, b"\x00"),
        (record("R", *["int"] * 1000), b"\x00" * 1000),
        (nested(31), b"\x00"),  # the page view around it is the 32nd
    ):
        assert decoded(page_view(new=kind), tail)["page"] == minimal("page_view")["page"]


def test_no_decoder_is_compiled_for_a_schema_that_takes_the_compiler_long(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []

    def compile_decoder(writer: Schema, reader: Schema) -> Any:
        compiled.append(writer["fields"][-1]["name"])
        return fastavro_decoder(writer, reader)

    monkeypatch.setattr("schemas.avro.codec.compile_decoder", compile_decoder)
    decoded(page_view(small=record("R", *["int"] * 200)), b"\x00" * 200)
    decoded(page_view(large=record("R", *["int"] * 300)), b"\x00" * 300)
    assert compiled == ["small"]


@pytest.mark.parametrize("size", ["16", None, [], 1.5, {}])
def test_a_schema_that_fails_only_when_a_message_is_read_has_its_messages_refused(size: Any) -> None:
    with pytest.raises((UndecodableError, UnknownSchemaError)):
        decoded(page_view(new={"type": "fixed", "name": "F", "size": size}), b"\0" * 20)


def test_every_schema_of_ours_is_far_within_the_limits() -> None:
    for name in current_schemas():
        for version in schema_history(name):
            check_json(version, "it")
            check_types(version, "it")


@pytest.mark.parametrize("kind", [7, None, {}, {"type": None}, {"type": "array"}, {"type": "record", "fields": [1]}])
def test_what_is_no_schema_is_refused_by_whoever_parses_it(kind: Any) -> None:
    check_json(kind, "it")
    with pytest.raises(RefusalError):
        decoded(page_view(new=array(kind)), b"\x00")


def test_a_schema_is_bounded_with_all_that_it_refers_to() -> None:
    note = "x" * 300_000
    with running_registry() as server:
        references = [{"name": "x", "subject": f"s{i}", "version": 1} for i in range(4)]
        server.say(1, 200, {"schema": json.dumps(SCHEMAS["Tweet"]), "references": references})
        server.say(2, 200, {"schema": json.dumps({**SCHEMAS["Tweet"], "doc": "x" * LIMITS.text_bytes})})
        server.say(3, 200, {"schema": "[" * 900 + "]" * 900})
        for i in range(4):
            server.say_at(f"/subjects/s{i}/versions/1", 200, {"schema": json.dumps({"type": "string", "doc": note})})
        registry = ConfluentRegistry(f"http://{server.place}", FileRegistry())
        for schema_id, said in ((1, "with what it refers to"), (2, "more than 1048576 characters"), (3, "too deep")):
            with pytest.raises(UnknownSchemaError, match=said):
                registry.by_id(schema_id)


@pytest.mark.parametrize("error", [MemoryError(), RecursionError()])
def test_a_lack_of_memory_or_stack_is_a_refusal(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_: object) -> None:
        raise error

    message = CODEC.encode("PageView", minimal("page_view"))
    codec = Codec(FileRegistry())
    codec.decode("page_view", message)
    codec._decoders["page_view"][message[:10]] = lacking  # type: ignore[assignment]  # it never returns
    with pytest.raises(UndecodableError, match="more memory than there is"):
        codec.decode("page_view", message)
    monkeypatch.setattr("schemas.avro.codec.decoder_for", lacking)
    with pytest.raises(UnknownSchemaError):
        Codec(FileRegistry()).decode("page_view", message)


def test_the_contract_states_every_limit() -> None:
    contract = (Path(__file__).parents[3] / "docs/contract.md").read_text()
    table = contract.partition("| of a writer's schema |")[2].partition("\n\n")[0]
    stated = [int(number) for number in re.findall(r"\d+", table.replace(",", ""))]
    assert sorted(stated) == sorted(LIMITS)
