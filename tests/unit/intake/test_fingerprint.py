"""The fingerprint of a payload is equal for equal facts, however they are sent, and differs for others."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.registry import FileRegistry, Schema
from streams.intake.fingerprint import _canon, fingerprint
from tests.unit.schemas.records import SCHEMAS, T0, confluent_message, minimal, records
from tests.unit.schemas.test_codec import Ids

KINDS = sorted(KIND_RECORDS)
CODEC = Codec(FileRegistry())


def decoded(kind: str, **said: Any) -> dict[str, Any]:
    return CODEC.decode(kind, CODEC.encode(KIND_RECORDS[kind], minimal(kind) | said))


@pytest.mark.parametrize("kind", KINDS)
def test_the_framing_makes_no_difference(kind: str) -> None:
    name = KIND_RECORDS[kind]
    codec = Codec(Ids(id1=SCHEMAS[name]))
    framed = codec.decode(kind, confluent_message(codec, name, minimal(kind), 1))
    assert fingerprint(kind, framed) == fingerprint(kind, decoded(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_a_map_makes_no_difference(kind: str) -> None:
    one = decoded(kind, attributes={"a": "1", "b": "2", "c": "3"})
    other = decoded(kind, attributes={"c": "3", "a": "1", "b": "2"})
    assert fingerprint(kind, one) == fingerprint(kind, other)


@given(data=st.data())
@settings(deadline=None, max_examples=25)  # for each of nine kinds
@pytest.mark.parametrize("kind", KINDS)
def test_every_field_counts(kind: str, data: st.DataObject) -> None:
    record = data.draw(records(KIND_RECORDS[kind]))
    other = data.draw(records(KIND_RECORDS[kind]))
    name = data.draw(st.sampled_from(sorted(record)))
    changed = record | {name: other[name]}
    # As JSON, because that tells 0.0 from -0.0, and no order of a map from another.
    same = json.dumps(record, sort_keys=True) == json.dumps(changed, sort_keys=True)
    assert (fingerprint(kind, record) == fingerprint(kind, changed)) is same


def test_a_field_in_a_list_counts() -> None:
    item = {"sku": "a", "quantity": 1, "price_minor": 5}
    one = fingerprint("purchase", decoded("purchase", items=[item]))
    two = fingerprint("purchase", decoded("purchase", items=[item | {"quantity": 2}]))
    both = fingerprint("purchase", decoded("purchase", items=[item, item]))
    assert len({one, two, both}) == 3


def test_the_same_fields_of_another_kind_are_another_payload() -> None:
    record = decoded("page_view")
    assert fingerprint("page_view", record) != fingerprint("business_change", decoded("business_change"))


@given(data=st.data())
def test_it_has_63_bits(data: st.DataObject) -> None:
    assert 0 <= fingerprint("tweet", data.draw(records("Tweet"))) < 1 << 63


def test_it_is_the_same_on_every_machine_and_for_ever() -> None:
    # The state of running systems holds such values. In MessagePack, by hand: twelve values.
    body = b"\x9c" + b"\xa3e-1" + b"\xcf" + T0.to_bytes(8, "big") + b"\xa4shop" + b"\xa3c-1"
    body += b"\x80" + b"\xc0" + b"\x80" + b"\xa5/help" + b"\xa4site" + b"\xa4view" + b"\xc0\xc3"
    digest = hashlib.blake2b(body, digest_size=8, person=b"page_view").digest()
    assert fingerprint("page_view", decoded("page_view")) == int.from_bytes(digest, "big") // 2


def grown(schema: Schema) -> Schema:
    """Return a later version: a field more in the record, and one more in its items."""
    later = copy.deepcopy(schema)
    new = {"name": "till", "type": ["null", "string"], "default": None}
    later["fields"].insert(3, new)
    items = next(field for field in later["fields"] if field["name"] == "items")
    items["type"]["items"]["fields"].append(new)
    return later


def test_a_schema_may_grow_without_making_old_payloads_new() -> None:
    first = SCHEMAS["Purchase"]
    before, after = _canon(first, first), _canon(grown(first), first)
    item = {"sku": "a", "quantity": 1, "price_minor": 5}
    record = decoded("purchase", items=[item])
    silent = record | {"till": None, "items": [item | {"till": None}]}
    said = silent | {"till": "7"}
    said_in_item = silent | {"items": [item | {"till": "7"}]}
    encode = msgspec.msgpack.encode
    assert encode(after.of(silent)) == encode(before.of(record))
    assert encode(after.of(said)) != encode(after.of(silent))
    assert encode(after.of(said_in_item)) != encode(after.of(silent))
