"""A line of JSON becomes a record that can be sent, or a reason that a person understands."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.jsonl import BadLineError, parse_by_field, parse_line
from schemas.avro.registry import FileRegistry
from schemas.errors import UndecodableError
from tests.unit.schemas.records import SCHEMAS, T0, minimal, records

CODEC = Codec(FileRegistry())
KINDS = sorted(KIND_RECORDS)


def line(kind: str, /, **said: Any) -> str:
    """Return the least line of a kind with other things said; what is said to be ... is left out."""
    record = {"kind": kind} | minimal(kind) | said
    return json.dumps({name: value for name, value in record.items() if value is not ...})


@given(data=st.data())
@settings(deadline=None, max_examples=25)  # for each of nine kinds
@pytest.mark.parametrize("kind", KINDS)
def test_any_record_comes_through_json(kind: str, data: st.DataObject) -> None:
    name = KIND_RECORDS[kind]
    # JSON has no infinities.
    record = data.draw(records(name).filter(lambda r: "inf" not in str(r.values())))
    parsed_kind, parsed = parse_line(msgspec.json.encode({"kind": kind} | record))
    assert (parsed_kind, parsed) == (kind, record)
    assert CODEC.decode(kind, CODEC.encode(name, parsed)) == record


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 65), 1 << 65)
    | st.sampled_from([1 << 31, -(1 << 31), 1 << 63, -(1 << 63), 10**400, 1.0, 1e3])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3)
    | st.sampled_from(
        ["2024-05-01T12:00:00Z", "2024-05-01T12:00:00", "0001-01-01T00:00:00+14:00", "2024-05-01", "placed"]
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


@given(data=st.data())
@settings(deadline=None, max_examples=100)  # for each of nine kinds
@pytest.mark.parametrize("kind", KINDS)
def test_both_ways_of_reading_a_line_agree(kind: str, data: st.DataObject) -> None:
    record = {"kind": kind} | minimal(kind)
    changed = data.draw(st.sampled_from([field["name"] for field in SCHEMAS[KIND_RECORDS[kind]]["fields"]]))
    said = json.dumps(record | {changed: data.draw(JSON)})
    assert outcome(parse_line, said) == outcome(parse_by_field, said)


def outcome(parse: Callable[[str], object], said: str) -> str:
    """What reading a line gives, or its reason; with the types, for 1 is neither True nor 1.0."""
    try:
        return repr(parse(said))
    except BadLineError as bad:
        return bad.reason


@pytest.mark.parametrize("kind", KINDS)
def test_the_least_line_can_be_sent(kind: str) -> None:
    _, record = parse_line(line(kind))
    message = CODEC.encode(KIND_RECORDS[kind], record)
    assert message == CODEC.encode(KIND_RECORDS[kind], minimal(kind))


@pytest.mark.parametrize(
    ("time", "milliseconds"),
    [
        ("2024-05-01T12:00:00Z", T0),
        ("2024-05-01T14:00:00+02:00", T0),
        ("2024-05-01T12:00:00.123999Z", T0 + 123),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2016-12-31T15:59:60.25-08:00", 1_483_228_800_250),
        (T0, T0),
    ],
)
def test_times_are_rfc_3339_or_epoch_milliseconds(time: object, milliseconds: int) -> None:
    _, record = parse_line(line("page_view", occurred_at=time))
    assert record["occurred_at"] == milliseconds


def test_whole_numbers_are_scores_too() -> None:
    _, record = parse_line(line("survey_answer", score=9))
    assert record["score"] == 9.0
    assert isinstance(record["score"], float)


def test_lines_share_nothing() -> None:
    parse_line(line("purchase"))[1]["attributes"]["a"] = "b"
    assert parse_line(line("purchase"))[1]["attributes"] == {}


ITEM = {"sku": "x", "quantity": 1, "price_minor": 5}


def vast_numbers(count: int) -> str:
    """Return a line with so many numbers that msgspec is slow to read, in a field that is a list of others."""
    return line("page_view")[:-1] + ', "score": [' + ", ".join(["-1.5E+308"] * count) + "]}"


def test_as_many_vast_numbers_as_may_be_are_read() -> None:
    with pytest.raises(BadLineError, match="score is not a field"):
        parse_line(vast_numbers(200))


def test_a_message_of_vast_numbers_is_refused_before_it_is_read() -> None:
    """To read a MiB of them took seven seconds."""
    with pytest.raises(UndecodableError, match="more than 200 numbers"):
        Codec(FileRegistry()).decode("page_view", b'{"a":[1e308' + b",1e308" * 15_000)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("", ["empty"]),
        ("{", ["not JSON"]),
        ("[1]", ["[1]", "must be a JSON object"]),
        (b'{"kind": "\xff"}', ["not UTF-8"]),
        ("{}", ["kind is missing", "page_view"]),
        (line("purchase", kind="purchse"), ['"purchse"', "did you mean purchase?", "tweet"]),
        (line("purchase", kind=7), ["kind is 7", "allowed: purchase"]),
        (line("purchase", amout_minor=1), ["amout_minor is not", "did you mean amount_minor?"]),
        (line("purchase", qqq=1), ["qqq is not a field", "allowed: event_id"]),
        (line("purchase", currency=..., order_id=...), ["order_id, currency are missing"]),
        (line("purchase", event_id=None), ["event_id is null", "text"]),
        (line("purchase", customer_id=42), ["customer_id is 42", "in double quotes"]),
        (line("purchase", amount_minor=1.5), ["amount_minor is 1.5", "whole number"]),
        (line("purchase", amount_minor=True), ["amount_minor is true", "whole number"]),
        (line("purchase", amount_minor=1 << 63), ["amount_minor", "between"]),
        (line("cart_event", quantity=1 << 31), ["quantity", "2147483647"]),
        (line("purchase", action="plcaed"), ['"plcaed"', "did you mean placed?", "refunded"]),
        (line("purchase", attributes={"a": 1}), ["attributes.a is 1", "text"]),
        (line("purchase", attributes=[]), ["attributes is []", "object"]),
        (line("purchase", items={}), ["items is {}", "list"]),
        (line("purchase", items=[ITEM, {}]), ["items[1].sku", "missing"]),
        (line("purchase", items=[ITEM | {"qty": 1}]), ["items[0].qty is not a field"]),
        (line("purchase", items=[3]), ["items[0] is 3", "object"]),
        (line("page_view", ok="yes"), ['ok is "yes"', "true or false"]),
        (line("survey_answer", score="9"), ['score is "9"', "number"]),
        (line("survey_answer", question_kind="npss"), ["did you mean nps?", "csat"]),
        (line("page_view", occurred_at="yesterday"), ['"yesterday"', "RFC 3339"]),
        (line("page_view", occurred_at="2024-05-01T12:00:00"), ["offset", '"Z"']),
        (line("page_view", occurred_at=1.5), ["occurred_at is 1.5", "epoch milliseconds"]),
        (line("page_view", occurred_at="2016-12-30T23:59:60Z"), ["00 to 59", "a month's last minute (UTC)"]),
        (line("page_view", occurred_at="2016-12-31T22:59:60Z"), ["00 to 59"]),
        (line("page_view", occurred_at="9999-12-31T23:59:60Z"), ["00 to 59"]),
        (line("page_view", occurred_at="2016-13-31T23:59:60Z"), ["RFC 3339"]),
        (line("page_view", page="\ud800"), [r"\ud800", "half of a surrogate pair"]),
        (line("page_view", page="\udfff and \U0001f600"), [r"\udfff", "half of a surrogate pair"]),
        (r'{"kind": "page_view", "page": "\\ud800"', ["not JSON"]),
        (r'{"page": "\ud83d\ude00 \n \\ \ud83dx', [r"\ud83d,", "half of a surrogate pair"]),
        (r'{"page": "\ud83d\ude00\u00e9\\udc00', ["not JSON"]),
        (r'{"page": "\ud83d\ude00\ude01"}', [r"\ude01,", "half of a surrogate pair"]),
        (r'{"page": "\ud83d\ud83e\ude00"}', [r"\ud83d,", "half of a surrogate pair"]),
        (r'{"page": "\ud83d\u0041"}', [r"\ud83d,", "half of a surrogate pair"]),
        (r'{"page": "\ud83d\n"}', [r"\ud83d,", "half of a surrogate pair"]),
        (r'{"page": "\u' + "\\n" * 500_000, ["not JSON"]),
        ('{"kind": "\ud800"}', ["not UTF-8"]),
        (b'{"kind": "\xed\xa0\x80"}', ["not UTF-8"]),
        (line("tweet").encode("utf-16-le"), ["NUL bytes", "UTF-16"]),
        (b"\0" * 4096, ["NUL bytes", "a crash"]),
        (line("survey_answer", score=...)[:-1] + ', "score": 1e400}', ["not JSON: Number out of range"]),
        (line("survey_answer", score=...)[:-1] + ', "score": NaN}', ["not JSON"]),
        (line("page_view", **{"x" * 10_000: 1}), ["x… is not a field"]),
        (vast_numbers(201), ["more than 200 numbers", "three digits"]),
        (vast_numbers(201).encode(), ["more than 200 numbers", "three digits"]),
        ("[" * 1_000 + "]" * 1_000, ["nested"]),
        ("[" * 15_000 + "]" * 15_000, ["nested"]),
        ('{"kind":' * 15_000, ["nested"]),
        ("[" * 1_000_000 + "]" * 1_000_000, ["more than 16,000 values"]),
        (line("page_view", page="x" * 500)[:-1] + ', "ok": ' + "1" * 501 + "}", ["more than 500 digits"]),
        (line("page_view")[:-1] + ', "x": [' + "{}," * 16_000 + "{}]}", ["more than 16,000 values"]),
        ('{"page": "' + r"\ud83d\ude00" * 40_000 + r'\ude00"}', [r"\ude00", "half of a surrogate pair"]),
        ('{"page": "' + r"\ud83d\\\ude00" + '"}', [r"\ud83d", "half of a surrogate pair"]),
        ('{"kind":"page_view","attributes":' + '{"a":' * 1_000 + "1" + "}" * 1_001, ["nested"]),
    ],
)
def test_a_bad_line_is_explained(bad: str | bytes, said: list[str]) -> None:
    with pytest.raises(BadLineError) as refused:
        parse_line(bad)
    for part in said:
        assert part in refused.value.reason
    assert str(refused.value) == refused.value.reason


PARTS = [
    *(line(kind).encode() for kind in KINDS),
    *(b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b"\0", b"\r", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80"),
    *(rb"\ud800", rb"\udc00", rb"\u0000", b"1e400", b"-0", b"9" * 400, b"NaN", b"null", b'"kind"', b'"occurred_at"'),
    *(b'"2016-12-31T23:59:60Z"', b'"0001-01-01T00:00:60+14:00"', b'"9999-12-31T23:59:60-14:00"', b"[" * 2_000),
]


@given(said=st.binary() | st.lists(st.sampled_from(PARTS) | st.binary(max_size=2)).map(b"".join))
@settings(max_examples=2_000)
def test_any_bytes_are_a_record_or_a_bad_line(said: bytes) -> None:
    for parse in (parse_line, parse_by_field):
        with contextlib.suppress(BadLineError):
            parse(said)


@given(said=st.text(st.characters()))
def test_any_text_is_a_record_or_a_bad_line(said: str) -> None:
    with contextlib.suppress(BadLineError):
        parse_line(said)


def test_of_a_key_given_twice_the_last_value_holds() -> None:
    twice = line("page_view", page="/first")[:-1] + ', "page": "/last", "attributes": {"a": "first", "a": "last"}}'
    for parse in (parse_line, parse_by_field):
        kind, record = parse(twice)
        assert (kind, record["page"], record["attributes"]) == ("page_view", "/last", {"a": "last"})


def test_a_long_value_is_cut_in_the_reason() -> None:
    with pytest.raises(BadLineError) as refused:
        parse_line(line("page_view", ok="x" * 10_000))
    assert len(refused.value.reason) < 200
