"""Writers' schemas are found in files or a registry, refused where unknown, and retried where it is silent."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from fastavro import parse_schema, schemaless_writer

from schemas.avro.codec import Codec
from schemas.avro.registry import (
    JSON_SCHEMA,
    ConfluentRegistry,
    FileRegistry,
    current_schemas,
    fingerprint_of,
    schema_history,
)
from schemas.avro.registry_client import RegistryUnavailableError
from schemas.errors import UnknownSchemaError
from tests.servers.schema_registry import SchemaRegistry, running_registry
from tests.unit.schemas.records import SCHEMAS

FILES = FileRegistry()


@pytest.fixture
def server() -> Iterator[SchemaRegistry]:
    with running_registry() as running:
        yield running


@pytest.fixture
def registry(server: SchemaRegistry) -> ConfluentRegistry:
    return ConfluentRegistry(f"http://{server.place}", FILES)


def test_every_shipped_schema_is_found_by_its_fingerprint() -> None:
    for name in current_schemas():
        for version in schema_history(name):
            assert FILES.by_fingerprint(fingerprint_of(version)) == version


def test_files_know_no_ids() -> None:
    with pytest.raises(UnknownSchemaError, match="TOUCHLINE_SCHEMA_REGISTRY"):
        FILES.by_id(1)


def test_a_schema_is_asked_for_once(server: SchemaRegistry, registry: ConfluentRegistry) -> None:
    server.say(3, 200, {"schema": json.dumps(SCHEMAS["Tweet"])})
    assert registry.by_id(3) == SCHEMAS["Tweet"]
    assert registry.by_id(3) == SCHEMAS["Tweet"]
    assert server.asked == [("/schemas/ids/3", None)]


def test_a_json_schema_is_told_from_avro_whatever_it_says(server: SchemaRegistry, registry: ConfluentRegistry) -> None:
    server.say(4, 200, {"schemaType": "JSON", "schema": "true", "references": [{"subject": "other", "version": 1}]})
    assert registry.by_id(4) is JSON_SCHEMA
    assert registry.by_id(4) is JSON_SCHEMA
    assert server.asked == [("/schemas/ids/4", None)]


def test_fingerprints_need_no_registry(registry: ConfluentRegistry) -> None:
    found = registry.by_fingerprint(fingerprint_of(SCHEMAS["Tweet"]))
    assert found == SCHEMAS["Tweet"]


def test_user_and_password_are_sent_and_not_shown(server: SchemaRegistry) -> None:
    server.say(1, 503, b"")
    registry = ConfluentRegistry(f"http://ann:s%3Acret@{server.place}/", FILES)
    with pytest.raises(RegistryUnavailableError) as error:
        registry.by_id(1)
    token = base64.b64encode(b"ann:s:cret").decode()
    assert server.asked == [("/schemas/ids/1", f"Basic {token}")]
    assert "cret" not in str(error.value)


def test_an_id_that_the_registry_does_not_know_is_permanent(
    server: SchemaRegistry, registry: ConfluentRegistry
) -> None:
    server.say(9, 404, {"error_code": 40403, "message": "Schema not found"})
    with pytest.raises(UnknownSchemaError, match="schema id 9"):
        registry.by_id(9)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {"error_code": 50001}),
        (401, {"error_code": 40101}),
        (200, b"<html>a login page</html>"),
        (200, []),
        (200, {"id": 3}),
    ],
)
def test_an_answer_that_says_nothing_of_the_schema_is_transient(
    server: SchemaRegistry, registry: ConfluentRegistry, status: int, body: object
) -> None:
    server.say(3, status, body)
    with pytest.raises(RegistryUnavailableError):
        registry.by_id(3)
    server.say(3, 200, {"schema": json.dumps(SCHEMAS["Tweet"])})
    assert registry.by_id(3) == SCHEMAS["Tweet"]


@pytest.mark.parametrize("answer", [{"schemaType": "PROTOBUF", "schema": "x"}, {"schema": '"string"'}])
def test_a_schema_that_is_no_avro_record_is_permanent(
    server: SchemaRegistry, registry: ConfluentRegistry, answer: dict[str, str]
) -> None:
    server.say(3, 200, answer)
    with pytest.raises(UnknownSchemaError, match="id 3"):
        registry.by_id(3)


def test_a_registry_that_is_away_or_silent_is_transient() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(RegistryUnavailableError, match="did not answer"):
            ConfluentRegistry(place, FILES, timeout_s=0.05).by_id(1)
    with pytest.raises(RegistryUnavailableError, match="did not answer"):
        ConfluentRegistry(place, FILES).by_id(1)


def test_the_error_for_an_address_that_is_none_shows_no_password() -> None:
    with pytest.raises(ValueError, match="http://") as caught:
        ConfluentRegistry("ftp://me:hunter2@registry", FILES)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:8081", "file:///etc/passwd", "http://"])
def test_an_address_that_is_none_is_an_error_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="http://"):
        ConfluentRegistry(url, FILES)


# -- references --------------------------------------------------------------------------------------------------------

ACTION = {"type": "enum", "name": "com.shop.PurchaseAction", "symbols": ["placed", "refunded"]}
ITEM = {
    "type": "record",
    "name": "PurchaseItem",
    "namespace": "com.shop",
    "fields": [
        {"name": "sku", "type": "string"},
        {"name": "quantity", "type": "int"},
        {"name": "price_minor", "type": "long"},
    ],
}
ORDER = {
    "type": "record",
    "name": "Purchase",
    "namespace": "com.shop",
    "fields": [
        {"name": "event_id", "type": "string"},
        {"name": "occurred_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "source", "type": "string"},
        {"name": "order_id", "type": "string"},
        {"name": "action", "type": "PurchaseAction"},
        {"name": "amount_minor", "type": "long"},
        {"name": "currency", "type": "string"},
        {"name": "items", "type": {"type": "array", "items": "com.shop.PurchaseItem"}},
    ],
}
"""A purchase as a shop may write it: its action and its items live in other subjects."""
BODY = (
    b"\x02e" + b"\x80\xc0\xa5\x88\x98\x68" + b"\x02s" + b"\x02o" + b"\x02" + b"\xd0\x0f" + b"\x06EUR"
    b"\x02" + b"\x02x" + b"\x04" + b"\x0a" + b"\x00"
)
"""One order in it, written by hand: refunded, 1000, two of x at 5 each."""
ITEM_AT = "/subjects/shop%2Fitem%20%C3%A9%3F/versions/3"


def reference(name: str, subject: str, version: int) -> dict[str, object]:
    return {"name": name, "subject": subject, "version": version}


TO_ITEM = reference("com.shop.PurchaseItem", "shop/item é?", 3)
TO_ACTION = reference("com.shop.PurchaseAction", "action", 1)


def registered(schema: object, *references: dict[str, object]) -> dict[str, object]:
    return {"schema": json.dumps(schema), "references": references}


def test_the_types_that_live_in_other_subjects_are_fetched(server: SchemaRegistry, registry: ConfluentRegistry) -> None:
    server.say(7, 200, registered(ORDER, TO_ITEM, TO_ACTION))
    server.say_at(ITEM_AT, 200, registered(ITEM))
    server.say_at("/subjects/action/versions/1", 200, registered(ACTION))
    codec = Codec(registry)

    for _ in range(2):
        record = codec.decode("purchase", b"\0\0\0\0\x07" + BODY)

        assert (record["event_id"], record["action"], record["amount_minor"]) == ("e", "refunded", 1000)
        assert record["items"] == [{"sku": "x", "quantity": 2, "price_minor": 5}]
    assert [path for path, _ in server.asked] == ["/schemas/ids/7", ITEM_AT, "/subjects/action/versions/1"]


def test_a_type_may_refer_to_others_in_turn_and_is_fetched_once(
    server: SchemaRegistry, registry: ConfluentRegistry
) -> None:
    price = {"type": "record", "name": "Price", "fields": [{"name": "minor", "type": "long"}]}
    item = {**ITEM, "fields": [{"name": "price", "type": "Price"}, {"name": "before", "type": ["null", "Price"]}]}
    again = {"name": "again", "type": ["null", "Price"]}
    to_price = reference("Price", "price", 1)
    for schema_id in (7, 8):
        server.say(schema_id, 200, registered({**ORDER, "fields": [*ORDER["fields"], again]}, TO_ITEM, TO_ACTION))
    server.say_at(ITEM_AT, 200, registered(item, to_price))
    server.say_at("/subjects/action/versions/1", 200, registered(ACTION))
    server.say_at("/subjects/price/versions/1", 200, registered(price))

    found = parse_schema(registry.by_id(7))
    registry.by_id(8)

    written = io.BytesIO()
    order = {"event_id": "e", "occurred_at": 1, "source": "s", "order_id": "o", "action": "placed", "amount_minor": 1}
    order |= {"currency": "EUR", "items": [{"price": {"minor": 5}, "before": {"minor": 6}}], "again": {"minor": 7}}
    schemaless_writer(written, found, order)
    assert written.getvalue().endswith(b"\x06EUR\x02\x0a\x02\x0c\x00\x02\x0e")
    assert len(server.asked) == 5


def test_a_subject_or_version_that_is_missing_is_named(server: SchemaRegistry, registry: ConfluentRegistry) -> None:
    server.say(7, 200, registered(ORDER, TO_ITEM))
    for code in (40401, 40402):
        server.say_at(ITEM_AT, 404, {"error_code": code})
        with pytest.raises(UnknownSchemaError, match=re.escape("id 7 needs version 3 of subject shop/item é?")):
            registry.by_id(7)


def test_a_type_that_no_reference_holds_is_named(server: SchemaRegistry, registry: ConfluentRegistry) -> None:
    server.say(7, 200, registered(ORDER, TO_ITEM))
    server.say_at(ITEM_AT, 200, registered(ITEM))
    with pytest.raises(UnknownSchemaError, match=r"UnknownType: com\.shop\.PurchaseAction"):
        Codec(registry).decode("purchase", b"\0\0\0\0\x07" + BODY)


def test_a_registry_that_goes_away_between_two_references_is_transient_and_goes_on(
    server: SchemaRegistry, registry: ConfluentRegistry
) -> None:
    server.say(7, 200, registered(ORDER, TO_ITEM, TO_ACTION))
    server.say_at(ITEM_AT, 200, registered(ITEM))
    with pytest.raises(RegistryUnavailableError):
        registry.by_id(7)

    server.say_at("/subjects/action/versions/1", 200, registered(ACTION))
    registry.by_id(7)

    assert [path for path, _ in server.asked].count(ITEM_AT) == 1


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (
            {"schemaType": "PROTOBUF", "schema": "x"},
            UnknownSchemaError,
            "3 of subject shop/item é. is PROTOBUF",
        ),
        ({"schema": "{"}, RegistryUnavailableError, "version 3 of subject"),
        (registered(7), UnknownSchemaError, "UnknownType: com.shop.Purchase"),
        (registered({"type": "record", "fields": 7}), UnknownSchemaError, "id 7 or one it refers to is no schema"),
        (registered(ITEM, {"name": "x"}), RegistryUnavailableError, "version 3 of subject"),
        ({"schema": "[" * 100_000 + "]" * 100_000}, UnknownSchemaError, "nested too deep"),
    ],
)
def test_a_reference_that_is_no_schema_is_told(
    server: SchemaRegistry, registry: ConfluentRegistry, answer: object, error: type[Exception], said: str
) -> None:
    server.say(7, 200, registered(ORDER, TO_ITEM))
    server.say_at(ITEM_AT, 200, answer)
    with pytest.raises(error, match=said):
        Codec(registry).decode("purchase", b"\0\0\0\0\x07" + BODY)


@pytest.mark.parametrize("reference", [b'"subject":"a","version":1e999', b'"subject":"\\ud800","version":1'])
def test_an_answer_of_a_sort_that_nobody_thought_of_is_a_refusal_and_is_asked_for_once(
    server: SchemaRegistry, registry: ConfluentRegistry, reference: bytes
) -> None:
    server.say(7, 200, b'{"schema":"{}","references":[{"name":"a",' + reference + b"}]}")
    for _ in range(3):
        with pytest.raises(UnknownSchemaError, match="the schema id 7 is no schema"):
            registry.by_id(7)
    assert len(server.asked) == 1


def test_schemas_that_refer_to_each_other_are_fetched_once_each(
    server: SchemaRegistry, registry: ConfluentRegistry
) -> None:
    node = {**ITEM, "fields": [{"name": "action", "type": ["null", "PurchaseAction"]}]}
    action = {"type": "record", "name": "com.shop.PurchaseAction", "fields": [{"name": "item", "type": "PurchaseItem"}]}
    server.say(7, 200, registered(ORDER, TO_ITEM))
    server.say_at(ITEM_AT, 200, registered(node, TO_ACTION))
    server.say_at("/subjects/action/versions/1", 200, registered(action, TO_ITEM))
    with pytest.raises(UnknownSchemaError, match="contains itself"):
        Codec(registry).decode("purchase", b"\0\0\0\0\x07" + BODY)
    assert len(server.asked) == 3


def test_a_registry_that_takes_long_for_each_reference_is_given_up_and_goes_on_there(
    server: SchemaRegistry, registry: ConfluentRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.say(7, 200, registered(ORDER, TO_ITEM, TO_ACTION))
    server.say_at(ITEM_AT, 200, registered(ITEM))
    server.say_at("/subjects/action/versions/1", 200, registered(ACTION))
    now = itertools.count(0.0, 15.0)  # seconds, at each look at the clock
    monkeypatch.setattr("schemas.avro.registry.time", SimpleNamespace(monotonic=lambda: next(now)))
    with pytest.raises(RegistryUnavailableError, match="over 20 s"):
        registry.by_id(7)
    asked = [path for path, _ in server.asked]
    assert asked == ["/schemas/ids/7", ITEM_AT]


def test_references_have_a_bound(server: SchemaRegistry, registry: ConfluentRegistry) -> None:
    server.say(7, 200, registered(ORDER, *(reference("x", f"wide{number}", 1) for number in range(101))))
    server.say(8, 200, registered(ORDER, reference("x", "deep0", 1)))
    for number in range(101):
        server.say_at(f"/subjects/wide{number}/versions/1", 200, registered("string"))
        server.say_at(
            f"/subjects/deep{number}/versions/1", 200, registered("string", reference("x", f"deep{number + 1}", 1))
        )
    with pytest.raises(UnknownSchemaError, match="id 7 refers to more than 100 others"):
        registry.by_id(7)
    with pytest.raises(UnknownSchemaError, match="id 8 refers to others over more than 16 steps"):
        registry.by_id(8)
    assert len(server.asked) == 1 + 1 + 16


def test_a_record_without_history_says_what_to_copy() -> None:
    with pytest.raises(FileNotFoundError, match=r"copy schemas/StoreVisit\.avsc to schemas/history/StoreVisit/0001"):
        schema_history("StoreVisit")
