"""The codec reads every record in both framings, and refuses bytes that are not one whole record."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.avro.codec import KIND_RECORDS, Codec, decoder_for, fastavro_decoder
from schemas.avro.registry import ConfluentRegistry, FileRegistry, Schema
from schemas.errors import UndecodableError, UnknownSchemaError
from schemas.topics import KIND_TOPICS
from tests.unit.schemas.records import SCHEMAS, T0, confluent_message, minimal, records

SHIFT = "SentimentShift"
KINDS = sorted(KIND_RECORDS)
CODEC = Codec(FileRegistry())


class Ids:
    """A registry of a few schemas by id."""

    def __init__(self, **schemas: Schema) -> None:
        self._schemas = schemas
        self.asked = 0

    def by_fingerprint(self, fingerprint: bytes) -> Schema:
        raise UnknownSchemaError(fingerprint.hex())

    def by_id(self, schema_id: int) -> Schema:
        self.asked += 1
        return self._schemas[f"id{schema_id}"]


def plain(schema: Any) -> Any:
    """Return a schema without its logical types, so that fastavro gives times as numbers."""
    text = json.dumps(schema).replace('"logicalType": "timestamp-millis"', '"note": ""')
    return parse_schema(json.loads(text))


def written(schema: Schema, record: dict[str, Any]) -> bytes:
    """Return what fastavro writes: another's encoder."""
    body = io.BytesIO()
    schemaless_writer(body, parse_schema(schema), record)
    return body.getvalue()


def confluent(schema_id: int, body: bytes) -> bytes:
    return b"\x00" + schema_id.to_bytes(4, "big") + body


def crc64_avro(text: str) -> int:
    """Return the Rabin fingerprint as the Avro specification defines it, bit by bit."""
    empty = 0xC15D213AA4D7A795
    result = empty
    for byte in text.encode():
        result ^= byte
        for _ in range(8):
            result = (result >> 1) ^ (empty if result & 1 else 0)
    return result


def test_every_topic_of_touchpoints_has_a_record() -> None:
    assert set(KIND_RECORDS) == set(KIND_TOPICS)
    assert set(KIND_RECORDS.values()) <= set(SCHEMAS)


def test_single_object_encoding_is_the_specifications() -> None:
    string = '"string"'
    nullable = '["null","string"]'
    fields = [
        ("event_id", string),
        ("occurred_at", '"long"'),
        ("source", string),
        ("attributes", '{"type":"map","values":"string"}'),
        ("change_id", string),
        ("name", string),
        ("topic", nullable),
        ("effective_at", '"long"'),
        ("reverted_at", '["null","long"]'),
    ]
    listed = ",".join(f'{{"name":"{name}","type":{kind}}}' for name, kind in fields)
    canonical = f'{{"name":"touchline.BusinessChange","type":"record","fields":[{listed}]}}'
    message = CODEC.encode(
        "BusinessChange",
        {
            "event_id": "e",
            "occurred_at": 64,
            "source": "é",
            "attributes": {"a": "b"},
            "change_id": "c",
            "name": "",
            "effective_at": -1,
        },
    )
    header = b"\xc3\x01" + struct.pack("<Q", crc64_avro(canonical))
    body = b"\x02e" + b"\x80\x01" + b"\x04\xc3\xa9" + b"\x02\x02a\x02b\x00" + b"\x02c\x00\x00\x01\x00"
    assert message == header + body


@pytest.mark.parametrize("kind", KINDS)
def test_left_out_fields_take_their_defaults(kind: str) -> None:
    name = KIND_RECORDS[kind]
    record = CODEC.decode(kind, CODEC.encode(name, minimal(kind)))
    defaults = {f["name"]: f["default"] for f in SCHEMAS[name]["fields"] if "default" in f}
    assert record == defaults | minimal(kind)


@given(data=st.data())
@settings(deadline=None, max_examples=25)  # for each of nine kinds
@pytest.mark.parametrize("kind", KINDS)
def test_decodes_what_fastavro_decodes(kind: str, data: st.DataObject) -> None:
    name = KIND_RECORDS[kind]
    record = data.draw(records(name))
    body = written(SCHEMAS[name], record)
    theirs = schemaless_reader(io.BytesIO(body), plain(SCHEMAS[name]), None)
    message = CODEC.encode(name, record)
    assert message[10:] == body
    assert CODEC.decode(kind, message) == theirs
    assert theirs == record


@given(data=st.data())
@settings(deadline=None, max_examples=25)  # for each of nine kinds
@pytest.mark.parametrize("kind", KINDS)
def test_both_framings_carry_the_same_record(kind: str, data: st.DataObject) -> None:
    name = KIND_RECORDS[kind]
    codec = Codec(Ids(id7=SCHEMAS[name]))
    record = data.draw(records(name))
    message = confluent_message(codec, name, record, 7)
    assert message[:5] == b"\x00\x00\x00\x00\x07"
    assert codec.decode(kind, message) == CODEC.decode(kind, CODEC.encode(name, record))


@given(record=records(SHIFT))
def test_signals_are_encoded_too(record: dict[str, Any]) -> None:
    message = CODEC.encode(SHIFT, record)
    assert schemaless_reader(io.BytesIO(message[10:]), plain(SCHEMAS[SHIFT]), None) == record


@given(data=st.data())
@settings(deadline=None, max_examples=25)  # for each of nine kinds
@pytest.mark.parametrize("kind", KINDS)
def test_a_message_cut_short_or_too_long_is_refused(kind: str, data: st.DataObject) -> None:
    message = CODEC.encode(KIND_RECORDS[kind], data.draw(records(KIND_RECORDS[kind])))
    cut = data.draw(st.integers(0, len(message) - 1))
    with pytest.raises(UndecodableError) as short:
        CODEC.decode(kind, message[:cut])
    assert short.value.reason == "undecodable"
    with pytest.raises(UndecodableError):
        CODEC.decode(kind, message + data.draw(st.binary(min_size=1, max_size=3)))


@given(data=st.data())
@settings(deadline=None, max_examples=25)  # for each of nine kinds
@pytest.mark.parametrize("kind", KINDS)
def test_a_spoilt_message_that_is_read_fastavro_reads_too(kind: str, data: st.DataObject) -> None:
    schema = plain(SCHEMAS[KIND_RECORDS[kind]])
    message = bytearray(CODEC.encode(KIND_RECORDS[kind], data.draw(records(KIND_RECORDS[kind]))))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(10, len(message) - 1))
        message[place] = data.draw(st.integers(0, 255))
    try:
        record = CODEC.decode(kind, bytes(message))
    except UndecodableError:
        return
    theirs = schemaless_reader(io.BytesIO(bytes(message[10:])), schema, None)
    assert repr(record) == repr(theirs)  # repr: a spoilt double may be NaN


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"", "has no value"),
        (b"hello", "begins with 6865"),
        (b"[{}]", "begins with 5b7b"),
        (b" \xef\xbb\xbf{}", "begins with 20ef"),
        (b"\xc3\x01\x00", "3 bytes long"),
        (b"\x00\x00\x00", "3 bytes long"),
    ],
)
def test_a_message_without_a_framing_is_refused(message: bytes, said: str) -> None:
    with pytest.raises(UndecodableError, match=said):
        CODEC.decode("purchase", message)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"", "undecodable"),  # the id is in the message's headers
        (b"\x03\x00" + bytes(range(16)), "undecodable"),  # AWS Glue
        (b"\x01" + bytes(range(16)), "undecodable"),  # Confluent's ids of sixteen bytes
        (b"\x00" + (7).to_bytes(8, "big"), "unknown_schema"),  # Apicurio's ids of eight bytes
    ],
)
def test_what_stands_before_a_message_otherwise_is_refused(header: bytes, reason: str) -> None:
    codec = Codec(ConfluentRegistry("http://127.0.0.1:1", FileRegistry()))
    body = CODEC.encode("Tweet", minimal("tweet"))[10:]
    with pytest.raises((UndecodableError, UnknownSchemaError)) as refused:
        codec.decode("tweet", header + body)
    assert refused.value.reason == reason


def test_a_record_of_another_topic_is_refused() -> None:
    message = CODEC.encode("Tweet", minimal("tweet"))
    with pytest.raises(UndecodableError, match="holds a Tweet; this topic carries Purchase"):
        CODEC.decode("purchase", message)


def test_an_unknown_fingerprint_and_an_id_without_a_registry_are_refused() -> None:
    body = CODEC.encode("Tweet", minimal("tweet"))[10:]
    with pytest.raises(UnknownSchemaError, match="0102030405060708") as unknown:
        CODEC.decode("tweet", b"\xc3\x01\x01\x02\x03\x04\x05\x06\x07\x08" + body)
    assert unknown.value.reason == "unknown_schema"
    with pytest.raises(UnknownSchemaError, match="schema id 12"):
        CODEC.decode("tweet", confluent(12, body))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        # event_id, occurred_at, source, attributes, change_id, name, topic, effective_at, reverted_at
        (b"\x02\xff\x00\x00\x00\x00\x00\x00\x00\x00", "not UTF-8"),
        (b"\x01\x00\x00\x00\x00\x00\x00\x00\x00", "length"),
        (b"\x00\x00\x00\x00\x00\x00\x04\x00\x00", "no choice"),
        (b"\x00" + b"\xff" * 11 + b"\x00" * 8, "does not end"),
        (b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "its fields take"),
    ],
)
def test_a_refusal_says_what_is_wrong(body: bytes, said: str) -> None:
    header = CODEC.encode("BusinessChange", minimal("business_change"))[:10]
    with pytest.raises(UndecodableError, match=said):
        CODEC.decode("business_change", header + body)


@pytest.mark.parametrize("rating", [2**31, -(2**31) - 1, 2**63 - 1])
def test_an_int_of_more_than_32_bits_is_refused(rating: int) -> None:
    schema = json.loads(json.dumps(SCHEMAS["Tweet"]).replace('"int"', '"long"'))
    header = CODEC.encode("Tweet", minimal("tweet"))[:10]
    body = written(schema, CODEC.decode("tweet", CODEC.encode("Tweet", minimal("tweet"))) | {"rating": rating})
    with pytest.raises(UndecodableError, match="32 bits"):
        CODEC.decode("tweet", header + body)


def test_a_boolean_is_0_or_1() -> None:
    message = CODEC.encode("PageView", minimal("page_view"))
    assert message[-1] == 1
    with pytest.raises(UndecodableError, match="boolean is 2"):
        CODEC.decode("page_view", message[:-1] + b"\x02")


def test_blocks_of_maps_and_lists_may_state_their_size() -> None:
    header = CODEC.encode("BusinessChange", minimal("business_change"))[:10]
    attributes = b"\x01\x08\x02a\x02b" + b"\x02\x02c\x02d" + b"\x00"
    record = CODEC.decode("business_change", header + b"\x00\x00\x00" + attributes + b"\x00\x00\x00\x00\x00")
    assert record["attributes"] == {"a": "b", "c": "d"}


def items(count: int) -> list[dict[str, Any]]:
    return [{"sku": "x", "quantity": 1, "price_minor": 5}] * count


def test_a_message_has_so_many_values_in_its_lists_and_maps() -> None:
    """To read 349,000 items that take three bytes each took 0.16 s. An item counts with its three fields."""
    full = minimal("purchase") | {"items": items(3_999), "identifiers": {}, "attributes": dict.fromkeys("abcd", "v")}
    assert len(CODEC.decode("purchase", CODEC.encode("Purchase", full))["items"]) == 3_999
    for more in ({"items": items(4_000)}, {"identifiers": {"email": "x"}}, {"items": items(200_000)}):
        with pytest.raises(UndecodableError, match="its lists and maps hold more than 16,000 values"):
            CODEC.decode("purchase", CODEC.encode("Purchase", full | more))


@pytest.mark.parametrize("count", [b"\x02", b"\x01\x06"], ids=["plain", "with its size"])
def test_blocks_of_one_item_count_together(count: bytes) -> None:
    whole = CODEC.encode("Purchase", minimal("purchase"))
    few, many = (whole[:-1] + (count + b"\0\0\0") * blocks + b"\0" for blocks in (3_999, 4_001))
    assert len(CODEC.decode("purchase", few)["items"]) == 3_999
    with pytest.raises(UndecodableError, match="more than 16,000 values"):
        CODEC.decode("purchase", many)


def test_a_field_that_is_not_read_counts_also_where_it_has_lists_of_lists() -> None:
    pairs = {"type": "array", "items": {"type": "array", "items": "int"}}
    writer = older_page_view(new_pairs=pairs)
    decode = decoder_for(plain(writer), plain(SCHEMAS["PageView"]))
    record = whole_page_view()

    assert decode(written(writer, record | {"new_pairs": [[1, 2]] * 5_333}), 0)["page"] == record["page"]
    with pytest.raises(ValueError, match="more than 16,000 values"):
        decode(written(writer, record | {"new_pairs": [[1, 2]] * 5_334}), 0)


def test_what_only_fastavro_reads_takes_so_many_steps() -> None:
    """Of a MiB of numbers of one byte each took 0.2 us, and of three values of a byte 0.4 us."""
    writer = older_page_view(new_bytes="bytes", new_numbers={"type": "array", "items": "int"})
    decode = decoder_for(plain(writer), plain(SCHEMAS["PageView"]))
    record = whole_page_view() | {"new_bytes": b"x"}

    assert decode(written(writer, record | {"new_numbers": [1] * 31_900}), 0)["page"] == record["page"]
    with pytest.raises(ValueError, match="more than 32,000 steps"):
        decode(written(writer, record | {"new_numbers": [1] * 32_000}), 0)


def whole_page_view() -> dict[str, Any]:
    return {field["name"]: field.get("default") for field in SCHEMAS["PageView"]["fields"]} | minimal("page_view")


def older_page_view(**types: Any) -> Schema:
    """Return a page view's schema with other fields; a type of None takes a field away."""
    fields = [
        {"name": f["name"], "type": types.get(f["name"], f["type"])}
        for f in SCHEMAS["PageView"]["fields"]
        if types.get(f["name"], "") is not None
    ]
    fields += [{"name": n, "type": t} for n, t in types.items() if n.startswith("new_")]
    return {"type": "record", "name": "com.acme.PageView", "fields": fields}


@pytest.mark.parametrize("decoder", [decoder_for, fastavro_decoder])
def test_a_writers_schema_may_have_more_and_fewer_fields(decoder: Any) -> None:
    writer = older_page_view(area=None, ok=None, new_map={"type": "map", "values": "int"})
    body = written(
        writer,
        {
            "event_id": "e",
            "occurred_at": T0,
            "source": "s",
            "identifiers": {},
            "attributes": {},
            "page": "/",
            "action": "view",
            "new_map": {"x": 1},
        },
    )
    record = decoder(plain(writer), plain(SCHEMAS["PageView"]))(body, 0)
    assert record["area"] == "site"
    assert record["ok"] is True
    assert "new_map" not in record
    assert set(record) == {field["name"] for field in SCHEMAS["PageView"]["fields"]}


def test_a_writers_numbers_are_promoted() -> None:
    # A text stands last, where nothing after it shows that it is cut short.
    writer = older_page_view(duration_ms="int", new_text="string")
    codec = Codec(Ids(id1=writer))
    body = written(writer, full_page_view(duration_ms=5, new_text="abc"))
    assert codec.decode("page_view", confluent(1, body))["duration_ms"] == 5
    for cut in range(len(body)):
        with pytest.raises(UndecodableError):
            codec.decode("page_view", confluent(1, body[:cut]))


def test_a_writer_without_a_field_we_must_have_is_refused() -> None:
    writer = older_page_view(page=None)
    codec = Codec(Ids(id1=writer))
    with pytest.raises(UndecodableError, match="page"):
        codec.decode("page_view", confluent(1, written(writer, full_page_view())))


def test_a_default_is_fresh_for_every_record() -> None:
    writer = older_page_view(attributes=None)
    codec = Codec(Ids(id1=writer))
    message = confluent(1, written(writer, full_page_view()))
    codec.decode("page_view", message)["attributes"]["a"] = "b"
    assert codec.decode("page_view", message)["attributes"] == {}


def test_a_bad_schema_is_an_unknown_one() -> None:
    codec = Codec(Ids(id1={"type": "record", "name": "PageView", "fields": [{"name": "a"}]}))
    with pytest.raises(UnknownSchemaError, match="no schema"):
        codec.decode("page_view", confluent(1, b""))


def test_the_registry_is_asked_once() -> None:
    registry = Ids(id1=SCHEMAS["PageView"])
    codec = Codec(registry)
    message = confluent_message(codec, "PageView", minimal("page_view"), 1)
    for _ in range(3):
        codec.decode("page_view", message)
    assert registry.asked == 1


def test_a_record_that_does_not_fit_is_not_encoded() -> None:
    with pytest.raises(ValueError, match="amount_minor"):
        CODEC.encode("Purchase", {k: v for k, v in minimal("purchase").items() if k != "amount_minor"})
    with pytest.raises(ValueError, match="colour"):
        CODEC.encode("Purchase", minimal("purchase") | {"colour": "red"})


def full_page_view(**said: Any) -> dict[str, Any]:
    defaults = {f["name"]: f.get("default") for f in SCHEMAS["PageView"]["fields"]}
    return defaults | minimal("page_view") | said


NODE = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}


@pytest.mark.parametrize(
    ("writer", "said"),
    [
        ({"type": "enum", "name": "PageView", "symbols": ["A"]}, "enum"),
        ({"type": "fixed", "name": "com.acme.PageView", "size": 4}, "fixed"),
        (older_page_view(new_tree={"type": "array", "items": "com.acme.PageView"}), "contains itself"),
        (older_page_view(new_list=NODE), "Node contains itself"),
        (older_page_view(new_map={"type": "map", "values": ["null", NODE]}), "Node contains itself"),
        ({"type": "record", "name": "PageView", "fields": 7}, "TypeError"),
    ],
)
def test_a_schema_that_cannot_be_read_by_is_refused(writer: Schema, said: str) -> None:
    codec = Codec(Ids(id1=writer))
    with pytest.raises(UnknownSchemaError, match=said):
        codec.decode("page_view", confluent(1, b"\x00" * 40))


def test_a_type_may_be_named_twice() -> None:
    pair = {"type": "record", "name": "Pair", "fields": [{"name": "a", "type": "long"}]}
    writer = older_page_view(new_one=pair, new_two=["null", "Pair"])
    body = written(writer, full_page_view(new_one={"a": 1}, new_two={"a": 2}))
    assert Codec(Ids(id1=writer)).decode("page_view", confluent(1, body))["page"] == full_page_view()["page"]
