"""BACKWARD_TRANSITIVE: every schema in force reads what any earlier version of it wrote."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.registry import FileRegistry, Schema, fingerprint_of, schema_history
from tests.unit.schemas.compatibility import problems, unreadable_history
from tests.unit.schemas.records import CUSTOMER_RECORDS, SCHEMAS, values_of
from tests.unit.schemas.test_codec import written

COMMON = [
    ("event_id", "string"),
    ("occurred_at", {"type": "long", "logicalType": "timestamp-millis"}),
    ("source", "string"),
    ("customer_id", ["null", "string"]),
    ("identifiers", {"type": "map", "values": "string"}),
    ("channel", ["null", "string"]),
    ("attributes", {"type": "map", "values": "string"}),
]


def test_every_schema_reads_its_own_past() -> None:
    assert unreadable_history() == []


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_schema_in_force_is_the_last_of_its_history(name: str) -> None:
    assert schema_history(name)[-1] == SCHEMAS[name], (
        f"schemas/{name}.avsc changed: add it to schemas/history/{name}/ under the next number"
    )


@given(data=st.data())
@settings(deadline=None, max_examples=10)
@pytest.mark.parametrize("kind", sorted(KIND_RECORDS))
def test_data_of_every_version_are_read(kind: str, data: st.DataObject) -> None:
    codec = Codec(FileRegistry())
    for version in schema_history(KIND_RECORDS[kind]):
        record = data.draw(values_of(version))
        message = b"\xc3\x01" + fingerprint_of(version) + written(version, record)
        decoded = codec.decode(kind, message)
        assert {name: decoded[name] for name in record if name in decoded} == record


@pytest.mark.parametrize("name", CUSTOMER_RECORDS)
def test_every_touchpoint_begins_alike(name: str) -> None:
    fields = SCHEMAS[name]["fields"][: len(COMMON)]
    assert [(field["name"], field["type"]) for field in fields] == COMMON, (
        f"schemas/{name}.avsc begins with the common fields, as schemas/PageView.avsc does"
    )


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_records_and_fields_are_documented_and_nulls_are_the_default(name: str) -> None:
    schema = SCHEMAS[name]
    assert schema["namespace"] == "touchline"
    for field in [schema, *schema["fields"]]:
        assert field.get("doc", "").endswith("."), f"schemas/{name}.avsc: {field['name']} needs a doc, with a full stop"
    for field in schema["fields"]:
        if isinstance(field["type"], list):
            assert field["type"][0] == "null", f"schemas/{name}.avsc: null comes first in {field['name']}"
            assert field.get("default", "none") is None, f"schemas/{name}.avsc: the default of {field['name']} is null"


@pytest.mark.parametrize("name", sorted(KIND_RECORDS.values()))
def test_every_field_of_an_input_has_an_example_that_says_something(name: str) -> None:
    for field in SCHEMAS[name]["fields"]:
        assert field.get("example") is not None, f"schemas/{name}.avsc: {field['name']} needs an example"


def _field(schema: Schema, name: str) -> dict[str, Any]:
    return next(field for field in schema["fields"] if field["name"] == name)


def _new(field: dict[str, Any]) -> Callable[[Schema], None]:
    return lambda schema: schema["fields"].append(field)


def _retype(name: str, kind: Any) -> Callable[[Schema], None]:
    return lambda schema: _field(schema, name).update(type=kind)


def _rename(schema: Schema) -> None:
    schema["name"] = "Order"


def _lose_a_symbol(schema: Schema) -> None:
    _field(schema, "action")["type"]["symbols"].remove("refunded")


def _rename_an_enum(schema: Schema) -> None:
    _field(schema, "action")["type"]["name"] = "Deed"


def _require_of_items(schema: Schema) -> None:
    items = _field(schema, "items")["type"]["items"]
    items["fields"].append({"name": "colour", "type": "string"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_new({"name": "till", "type": "string"}), "Purchase.till: new, and has no default"),
        (_retype("amount_minor", "int"), "Purchase.amount_minor: long became int"),
        (_retype("currency", "long"), "Purchase.currency: string became long"),
        (_retype("customer_id", "string"), "Purchase.customer_id: null became string"),
        (_retype("customer_id", ["null", "long"]), "no branch reads string"),
        (_retype("attributes", {"type": "map", "values": "long"}), "string became long"),
        (_rename, "Purchase became Order"),
        (_lose_a_symbol, "lost the symbol refunded"),
        (_rename_an_enum, "PurchaseAction became Deed"),
        (_require_of_items, "Purchase.items[].colour: new, and has no default"),
    ],
)
def test_a_broken_evolution_is_found(change: Callable[[Schema], None], said: str) -> None:
    reader = copy.deepcopy(SCHEMAS["Purchase"])
    change(reader)
    found = problems(reader, SCHEMAS["Purchase"])
    assert len(found) == 1
    assert said in found[0]


def _new_symbol(schema: Schema) -> None:
    _field(schema, "action")["type"]["symbols"].append("cancelled")


def _lose_a_field(schema: Schema) -> None:
    schema["fields"].remove(_field(schema, "discount_minor"))


def _rename_with_alias(schema: Schema) -> None:
    _field(schema, "currency").update(name="iso_code", aliases=["currency"])


@pytest.mark.parametrize(
    "change",
    [
        _new({"name": "till", "type": ["null", "string"], "default": None}),
        _retype("amount_minor", "double"),
        _retype("currency", ["null", "string"]),
        _new_symbol,
        _lose_a_field,
        _rename_with_alias,
    ],
)
def test_an_evolution_that_holds_is_none(change: Callable[[Schema], None]) -> None:
    reader = copy.deepcopy(SCHEMAS["Purchase"])
    change(reader)
    assert problems(reader, SCHEMAS["Purchase"]) == []
