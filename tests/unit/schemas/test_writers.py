"""Writers' schemas that differ from ours in names, aliases and symbols work, or are refused, as promised."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from schemas.avro.aliases import with_our_names
from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.registry import Schema
from schemas.errors import RefusalError, UndecodableError
from tests.unit.schemas.records import SCHEMAS, minimal
from tests.unit.schemas.test_codec import CODEC, Ids, confluent, written

KINDS = sorted(KIND_RECORDS)
ITEM = {"sku": "a", "quantity": 1, "price_minor": 2}
PURCHASE = minimal("purchase") | {"items": [ITEM], "action": "refunded"}


def ours(kind: str) -> Schema:
    return copy.deepcopy(SCHEMAS[KIND_RECORDS[kind]])


def field(schema: Schema, name: str) -> dict[str, Any]:
    (found,) = (one for one in schema["fields"] if one["name"] == name)
    assert isinstance(found, dict)
    return found


def read(kind: str, writer: Schema, record: dict[str, Any]) -> dict[str, Any]:
    return Codec(Ids(id1=writer)).decode(kind, confluent(1, written(writer, record)))


def as_sent(kind: str, record: dict[str, Any]) -> dict[str, Any]:
    return CODEC.decode(kind, CODEC.encode(KIND_RECORDS[kind], record))


@pytest.mark.parametrize("namespace", ["com.acme.events", None])
@pytest.mark.parametrize("kind", KINDS)
def test_the_namespace_makes_no_difference(kind: str, namespace: str | None) -> None:
    writer = ours(kind)
    del writer["namespace"]
    if namespace is not None:
        writer["namespace"] = namespace
    record = PURCHASE if kind == "purchase" else minimal(kind)
    assert read(kind, writer, record) == as_sent(kind, record)


def test_a_writers_aliases_name_its_fields_and_types_as_ours() -> None:
    writer = ours("purchase")
    writer |= {"name": "Order", "namespace": "shop", "aliases": ["old.Sale", "touchline.Purchase"]}
    field(writer, "event_id").update(name="id", aliases=["number", "event_id"])
    field(writer, "customer_id").update(name="client", aliases=["customer_id"])
    field(writer, "action")["type"].update(name="Deed", aliases=["PurchaseAction"])
    line = field(writer, "items")["type"]["items"]
    line.update(name="Line", aliases=["PurchaseItem"])
    line["fields"][0].update(name="article", aliases=["sku"])
    writer["fields"].append({"name": "last_deed", "type": "Deed", "default": "placed"})
    theirs = {name: value for name, value in PURCHASE.items() if name not in ("event_id", "customer_id", "items")}
    theirs |= {"id": "e-1", "client": "c-1", "items": [{"article": "a", "quantity": 1, "price_minor": 2}]}
    assert read("purchase", writer, theirs) == as_sent("purchase", PURCHASE)


def test_an_alias_takes_no_name_from_a_field_that_bears_it() -> None:
    writer = ours("purchase")
    writer["fields"].insert(0, {"name": "old_source", "type": "string", "aliases": ["source"]})
    writer["fields"].append({"name": "order_number", "type": "string", "aliases": ["order_id"]})
    field(writer, "source")["aliases"] = ["customer_id"]
    names = [one["name"] for one in with_our_names(writer, SCHEMAS["Purchase"])["fields"]]
    assert names == ["old_source", *(one["name"] for one in SCHEMAS["Purchase"]["fields"]), "order_number"]
    theirs = PURCHASE | {"old_source": "x", "order_number": "y"}
    assert read("purchase", writer, theirs) == as_sent("purchase", PURCHASE)


def test_aliases_that_name_two_types_alike_are_refused() -> None:
    writer = ours("purchase")
    field(writer, "action")["type"].update(name="Deed", aliases=["PurchaseAction"])
    other = {"type": "enum", "name": "Act", "aliases": ["PurchaseAction"], "symbols": ["a"]}
    writer["fields"].append({"name": "act", "type": other})
    with pytest.raises(RefusalError) as refused:
        read("purchase", writer, PURCHASE | {"act": "a"})
    assert refused.value.reason == "unknown_schema"


def test_a_record_of_another_name_is_refused() -> None:
    writer = ours("purchase") | {"name": "Order", "aliases": ["Sale"]}
    with pytest.raises(UndecodableError, match="holds a Order; this topic carries Purchase"):
        read("purchase", writer, PURCHASE)


@pytest.mark.parametrize(
    ("kind", "name"), [("purchase", "action"), ("case_event", "phase"), ("survey_answer", "question_kind")]
)
def test_a_message_is_refused_for_a_new_symbol_only_where_it_is_used(kind: str, name: str) -> None:
    writer = ours(kind)
    found = field(writer, name)["type"]
    (found[1] if isinstance(found, list) else found)["symbols"].append("novel")
    assert read(kind, writer, minimal(kind)) == as_sent(kind, minimal(kind))
    with pytest.raises(UndecodableError, match="novel") as refused:
        read(kind, writer, minimal(kind) | {name: "novel"})
    assert refused.value.reason == "undecodable"
