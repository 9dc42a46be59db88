"""JSON gives the same record as Avro, with or without envelopes; what is none is refused with its reason."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.envelopes import CloudEvent, event_of
from schemas.avro.json_messages import stated_kind
from schemas.avro.registry import JSON_SCHEMA, FileRegistry
from schemas.errors import RefusalError, UndecodableError
from streams.intake.fingerprint import fingerprint
from tests.unit.schemas.records import SCHEMAS, T0, minimal, records
from tests.unit.schemas.test_codec import Ids

CODEC = Codec(FileRegistry())
KINDS = sorted(KIND_RECORDS)
PURCHASE = minimal("purchase")
BARE = {name: value for name, value in PURCHASE.items() if name not in ("event_id", "occurred_at", "source")}
"""A purchase that leaves to its envelope which event it is, when it happened and who says so."""
EVENT = {"specversion": "1.0", "type": "order.placed", "id": "7", "source": "/shops/3", "time": "2024-05-01T12:00:00Z"}


def coded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def message(said: object) -> bytes:
    return json.dumps(said).encode()


def refusal(kind: str, data: bytes, codec: Codec = CODEC) -> RefusalError:
    with pytest.raises(RefusalError) as refused:
        codec.decode(kind, data)
    return refused.value


@given(data=st.data())
@settings(deadline=None, max_examples=10)  # for each of nine kinds
@pytest.mark.parametrize("kind", KINDS)
def test_one_event_in_json_and_in_avro_has_one_fingerprint(kind: str, data: st.DataObject) -> None:
    name = KIND_RECORDS[kind]
    record = data.draw(records(name).filter(lambda r: "inf" not in str(r.values())))  # JSON has no infinities
    in_avro = CODEC.decode(kind, CODEC.encode(name, record))
    in_json = CODEC.decode(kind, message(record))
    assert in_json == in_avro == record
    assert fingerprint(kind, in_json) == fingerprint(kind, in_avro)


def test_how_json_spells_a_value_makes_no_difference() -> None:
    answer = minimal("survey_answer") | {"score": 9.0, "text": "très 👍", "attributes": {"a": "1", "b": "2"}}
    in_avro = CODEC.decode("survey_answer", CODEC.encode("SurveyAnswer", answer))
    spelled = (
        b'{"attributes": {"b": "2", "a": "1"}, "text": "tr\\u00e8s \\ud83d\\udc4d", "score": 9, "colour": null, '
        b'"phase": "answered", "survey_id": "s-1", "response_id": "r-1", "customer_id": "c-1", "source": "shop", '
        b'"occurred_at": "2024-05-01T14:00:00.000999+02:00", "event_id": "e-1"}'
    )
    in_json = CODEC.decode("survey_answer", spelled)
    assert in_json == in_avro
    assert fingerprint("survey_answer", in_json) == fingerprint("survey_answer", in_avro)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_out_takes_its_default_and_the_kind_is_that_of_the_topic(kind: str) -> None:
    defaults = {f["name"]: f["default"] for f in SCHEMAS[KIND_RECORDS[kind]]["fields"] if "default" in f}
    whole = defaults | minimal(kind)
    # Null says what leaving out says, where a field is never null.
    unsaid = {name: None for name, default in defaults.items() if default is not None} | {"kind": None}
    for said in (minimal(kind), minimal(kind) | {"kind": kind}, unsaid | minimal(kind)):
        assert CODEC.decode(kind, message(said)) == whole


def test_a_null_in_a_map_is_left_out() -> None:
    said = PURCHASE | {"identifiers": {"email": "ann@example.com", "phone": None}, "attributes": {"region": None}}
    stated = PURCHASE | {"identifiers": {"email": "ann@example.com"}, "attributes": {}}
    assert CODEC.decode("purchase", message(said)) == CODEC.decode("purchase", message(stated))


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b" \t\r\n", b"\xef\xbb\xbf\n"])
def test_white_space_and_a_byte_order_mark_may_stand_before_json(before: bytes) -> None:
    assert CODEC.decode("purchase", before + message(PURCHASE) + b"\n") == CODEC.decode("purchase", message(PURCHASE))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "not JSON"),
        (message(PURCHASE) + b"{}", "trailing characters"),
        (message(PURCHASE)[:-1] + b',"note":NaN}', "not JSON"),
        (message(PURCHASE)[:-1] + b',"amount_minor":1e999}', "not JSON"),
        (message(PURCHASE)[:-1] + b',"amount_minor":%d}' % 10**400, "amount_minor is 1000"),
        (message(PURCHASE)[:-1] + b',"amount_minor":' + b"1" * 100_000 + b"}", "more than 500 digits"),
        (message(PURCHASE)[:-1] + b',"note":"\xff"}', "not UTF-8"),
        (message(PURCHASE)[:-1] + b',"note":' + b"[" * 15_000 + b"]" * 15_000 + b"}", "nested"),
        (message(PURCHASE)[:-1] + b',"note":' + b"[" * 500_000 + b"]" * 500_000 + b"}", "16,000 values"),
        (b"{" + b'"payload":{' * 15_000, "nested"),
        (b"{" + b'"payload":{' * 90_000, "16,000 values"),
        (message(PURCHASE | {"customer_id": {"string": "c-1"}}), "customer_id is "),
        (message(PURCHASE | {"amount_minor": "12"}), "amount_minor is .*whole number"),
        (message(PURCHASE | {"occurred_at": "yesterday"}), "occurred_at is .*RFC 3339"),
        (message(PURCHASE | {"action": "bought"}), "action is .*placed, refunded"),
        (message(PURCHASE | {"items": [5]}), r"items\[0\] is 5"),
        (message(PURCHASE | {"kind": "tweet"}), 'kind is "tweet"; this topic carries purchase'),
        (message(PURCHASE | {"kind": 5}), "kind is 5; this topic carries purchase"),
    ],
)
def test_what_is_malformed_or_for_another_topic_is_undecodable(data: bytes, said: str) -> None:
    refused = refusal("purchase", data)
    assert refused.reason == "undecodable"
    assert len(refused.detail) <= 500
    with pytest.raises(UndecodableError, match=said):
        raise refused


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_without_default_that_is_absent_or_null_is_missing(kind: str) -> None:
    required = [f["name"] for f in SCHEMAS[KIND_RECORDS[kind]]["fields"] if "default" not in f]
    assert {"event_id", "occurred_at", "source"} < set(required)
    for name in required:
        absent = {other: value for other, value in minimal(kind).items() if other != name}
        for said in (absent, absent | {name: None}):
            refused = refusal(kind, message(said))
            assert (refused.reason, refused.detail) == ("missing_field", f"{name} is missing")
    assert refusal(kind, b"{}").detail.endswith("are missing")


def test_a_field_of_an_item_that_is_absent_is_missing() -> None:
    refused = refusal("purchase", message(PURCHASE | {"items": [{"sku": "a", "quantity": 1}]}))
    assert (refused.reason, refused.detail) == ("missing_field", "items[0].price_minor is missing")


def test_unknown_fields_are_noted_and_the_rest_is_read() -> None:
    noted: list[tuple[str, list[str]]] = []
    codec = Codec(FileRegistry(), lambda kind, names: noted.append((kind, names)))
    item = {"sku": "a", "quantity": 1, "price_minor": 2}
    said = PURCHASE | {"items": [item | {"colour": "red"}], "Currency": "EUR", "nested": {"a": [1]}}
    assert codec.decode("purchase", message(said)) == codec.decode("purchase", message(PURCHASE | {"items": [item]}))
    assert noted == [("purchase", ["Currency", "nested", "items[0].colour"])]
    with pytest.raises(RefusalError):
        codec.decode("purchase", message({"x": 1}))
    assert len(noted) == 1, "of a message that is refused the reason is told, and no more"


@pytest.mark.parametrize("at", ["2016-12-31T23:59:60Z", "2024-05-01T14:00:00.5+02:00", 7])
def test_what_stands_beside_unknown_fields_is_read_as_without_them(at: object) -> None:
    said = minimal("survey_answer") | {"score": 9, "scale_min": 0, "about": None, "occurred_at": at}
    read = CODEC.decode("survey_answer", message(said))

    assert CODEC.decode("survey_answer", message(said | {"unknown": 1})) == read
    assert isinstance(read["score"], float)
    assert isinstance(read["occurred_at"], int)


@pytest.mark.parametrize("schema", [None, {"type": "struct", "optional": False, "fields": []}])
def test_the_payload_of_kafka_connect_is_unwrapped(schema: object) -> None:
    wrapped = message({"schema": schema, "payload": PURCHASE})
    assert CODEC.decode("purchase", wrapped) == CODEC.decode("purchase", message(PURCHASE))


@pytest.mark.parametrize("payload", [None, "text", [PURCHASE]])
def test_a_payload_that_is_no_event_is_refused(payload: object) -> None:
    refused = refusal("purchase", message({"schema": None, "payload": payload}))
    assert refused.reason == "undecodable"
    assert "payload" in refused.detail


CHANGE = {
    "before": None,
    "after": PURCHASE,
    "source": {"connector": "mysql", "table": "orders"},
    "op": "c",
    "ts_ms": T0,
}


@pytest.mark.parametrize(
    "change",
    [
        CHANGE,
        {"schema": {}, "payload": CHANGE},
        EVENT | {"data": {"schema": {}, "payload": CHANGE}},
        CHANGE | {"op": "d"},
    ],
)
def test_a_change_of_a_table_is_refused_with_advice(change: dict[str, Any]) -> None:
    refused = refusal("purchase", message(change))
    assert refused.reason == "undecodable"
    assert "ExtractNewRecordState" in refused.detail


def test_a_change_of_a_table_in_avro_is_refused_with_advice() -> None:
    envelope = {"type": "record", "name": "Envelope", "namespace": "shop.orders", "fields": []}
    codec = Codec(Ids(id1=envelope))
    refused = refusal("purchase", b"\0\0\0\0\x01", codec)
    assert refused.reason == "undecodable"
    assert "ExtractNewRecordState" in refused.detail

    with pytest.raises(UndecodableError, match="ExtractNewRecordState"):
        codec.kind_of(("purchase", "tweet"), b"\0\0\0\0\x01")


def test_json_schema_framing_is_read_by_name() -> None:
    codec = Codec(Ids(id7=JSON_SCHEMA))
    framed = b"\0\0\0\0\x07" + message(PURCHASE)
    assert codec.decode("purchase", framed) == CODEC.decode("purchase", message(PURCHASE))
    assert refusal("purchase", b"\0\0\0\0\x07" + b"text", codec).reason == "undecodable"
    event = event_of([("ce_id", b"7"), ("ce_source", b"s"), ("ce_time", b"2024-05-01T12:00:00Z")])
    assert event is not None
    assert codec.decode_event("purchase", b"\0\0\0\0\x07" + message(BARE), event)["event_id"] == "s/7"


def structured(data: object = BARE, **more: object) -> dict[str, Any]:
    return CODEC.decode("purchase", message(EVENT | {"data": data} | more))


def binary(data: bytes, headers: list[tuple[str, bytes | None]]) -> dict[str, Any]:
    event = event_of(headers)
    assert event is not None
    return CODEC.decode_event("purchase", data, event)


HEADERS: list[tuple[str, bytes | None]] = [(f"ce_{name}", value.encode()) for name, value in EVENT.items()]


def test_a_cloud_event_completes_its_data_in_both_modes() -> None:
    whole = CODEC.decode("purchase", message(PURCHASE))
    expected = whole | {"event_id": "/shops/3/7", "occurred_at": T0, "source": "/shops/3"}
    assert structured() == expected
    assert (
        binary(message(BARE), [("traceparent", b"\xff"), ("content-type", b"application/json"), *HEADERS]) == expected
    )
    in_base64 = EVENT | {"data_base64": coded(message(BARE))}
    assert CODEC.decode("purchase", message(in_base64)) == expected
    assert CODEC.decode("purchase", message({"schema": {}, "payload": EVENT | {"data": BARE}})) == expected


def test_what_the_data_say_themselves_wins() -> None:
    whole = CODEC.decode("purchase", message(PURCHASE))
    assert structured(PURCHASE) == binary(message(PURCHASE), HEADERS) == whole
    assert structured(BARE | {"source": "till"})["source"] == "till"
    assert structured(BARE | {"event_id": "own"})["event_id"] == "own"
    assert structured(BARE | {"occurred_at": T0 + 1})["occurred_at"] == T0 + 1
    in_avro = CODEC.encode("Purchase", PURCHASE)
    assert binary(in_avro, HEADERS) == whole


@pytest.mark.parametrize(("attribute", "field"), [("id", "event_id"), ("time", "occurred_at"), ("source", "source")])
def test_what_neither_the_event_nor_its_data_say_is_missing(attribute: str, field: str) -> None:
    without = {name: value for name, value in EVENT.items() if name != attribute}
    refused = refusal("purchase", message(without | {"data": BARE}))
    assert refused.reason == "missing_field"
    assert field in refused.detail
    with pytest.raises(RefusalError, match=field):
        binary(message(BARE), [one for one in HEADERS if one[0] != f"ce_{attribute}"])


@pytest.mark.parametrize(
    "more",
    [
        {"data": None},
        {"data": "text"},
        {"id": 7},
        {"data": None, "data_base64": "!"},
        {"data": None, "data_base64": 5},
        {"data": None, "data_base64": coded(CODEC.encode("Purchase", PURCHASE))},
        {"data": EVENT | {"data": EVENT | {"data": EVENT | {"data": PURCHASE}}}},
        {"data_base64": coded(message(EVENT | {"data_base64": coded(message(BARE))}))},
        {"data_base64": coded(message(EVENT | {"data": EVENT | {"data_base64": coded(message(BARE))}}))},
        {"data_base64": coded(message(BARE | {"x": [0] * 16_000}))},
        {"data": BARE, "time": "noon"},
    ],
)
def test_a_cloud_event_that_cannot_be_read_is_undecodable(more: dict[str, object]) -> None:
    assert refusal("purchase", message(EVENT | more)).reason == "undecodable"


def test_headers_that_are_no_cloud_events_change_nothing() -> None:
    assert event_of([("traceparent", b"\xff"), ("ce", b"x"), ("ce_id", None)]) is None
    assert event_of([("ce_id", b"1"), ("ce_id", b"2")]) == CloudEvent("2", None, None)
    with pytest.raises(UndecodableError, match="ce_source of the CloudEvent is not UTF-8"):
        event_of([("ce_source", b"\xff")])


def test_a_message_may_state_its_kind_within_its_envelope() -> None:
    assert stated_kind(message(EVENT | {"data": {"kind": "tweet"}})) == "tweet"
    assert stated_kind(message(PURCHASE)) is None


@given(junk=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_behind_a_brace_raise_another_error(junk: bytes) -> None:
    assert refusal("purchase", b"{" + junk).reason in ("undecodable", "missing_field")
