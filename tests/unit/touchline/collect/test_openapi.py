"""The OpenAPI description: valid by its own schema, and true of what is taken."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from schemas.kinds import KINDS
from streams.settings import load
from tests.unit.touchline.collect.door import KEY, NOW, Door, purchase
from touchline import collect
from touchline.collect.intake import Intake, Outgoing
from touchline.collect.openapi import openapi
from touchline.records.examples import example_json
from touchline.records.json_schema import json_schema

DOCUMENT = json.loads(openapi(load()))


def allows(schema: str, value: object) -> bool:
    """Return whether a value fits a schema of the description."""
    whole = {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    return bool(Draft202012Validator(whole).is_valid(value))


def test_the_description_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert [str(error) for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


async def test_it_is_served() -> None:
    answer = await Door(keys={"shop": KEY}).client.get("/openapi.json")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["paths"]["/v1/touchpoints"]["post"]["security"] == [{"key": []}, {}]
    assert answer.json().keys() == DOCUMENT.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_every_example_fits_its_record_and_no_other(kind: str) -> None:
    example = json.loads(example_json(kind))

    assert [name for name in (one.record for one in KINDS.values()) if allows(name, example)] == [KINDS[kind].record]
    assert allows("Touchpoint", example)


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_is_required_where_the_reader_misses_it(kind: str) -> None:
    intake, example = Intake(), json.loads(example_json(kind))
    for name in example:
        less = {field: value for field, value in example.items() if field != name}
        # A touchpoint may name its customer in two ways.
        if name not in ("customer_id", "identifiers"):
            assert isinstance(intake.read(json.dumps(less).encode(), NOW), Outgoing) is allows("Touchpoint", less), name


@pytest.mark.parametrize(
    "more",
    [
        {"amount_minor": "5"},
        {"amount_minor": 1.5},
        {"amount_minor": 10**13},
        {"action": "Placed"},
        {"order_id": "x" * 257},
        {"event_id": "x" * 129},
        {"attributes": {"a": 1}},
        {"attributes": {"a": "x" * 8193}},
        {"attributes": {str(number): "" for number in range(257)}},
        {"items": [{"sku": "a"}]},
        {"items": [{"sku": "a", "quantity": 1, "price_minor": 1, "colour": "red"}]},
        {"unknown": 1},
        {"kind": "purchases"},
        {"currency": None},
    ],
)
def test_what_the_description_forbids_is_refused(more: dict[str, Any]) -> None:
    touchpoint = purchase(**{"event_id": "e", **more})

    assert not allows("Touchpoint", touchpoint)
    assert not isinstance(Intake().read(json.dumps(touchpoint).encode(), NOW), Outgoing)


@pytest.mark.parametrize(
    "more",
    [{"occurred_at": 1_781_000_000_000}, {"customer_id": None, "identifiers": {"email": "a@b.de"}}, {"items": []}],
)
def test_what_is_accepted_is_allowed(more: dict[str, Any]) -> None:
    touchpoint = purchase(**more)

    assert isinstance(Intake().read(json.dumps(touchpoint).encode(), NOW), Outgoing)
    assert allows("Touchpoint", touchpoint)


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_is_described_as_touchline_schemas_describes_it(kind: str) -> None:
    described, shown = DOCUMENT["components"]["schemas"][KINDS[kind].record], json_schema(kind)

    assert described["required"] == ["kind", *shown["required"]]
    assert {**described["properties"], "kind": None} == {**shown["properties"], "kind": None}
    assert {key: described.get(key) for key in ("anyOf", "if", "then", "examples", "additionalProperties")} == {
        key: shown.get(key) for key in ("anyOf", "if", "then", "examples", "additionalProperties")
    }


def test_every_status_that_a_request_is_answered_with_is_described() -> None:
    code = "".join(path.read_text("utf-8") for path in Path(collect.__path__[0]).glob("*.py"))
    statuses = {str(int(HTTPStatus[name])) for name in re.findall(r"HTTPStatus\.([A-Z_]+)", code)}

    assert {"200", "421", "503"} <= statuses
    assert statuses == DOCUMENT["paths"]["/v1/touchpoints"]["post"]["responses"].keys()


async def test_answers_are_as_described() -> None:
    door = Door()
    mixed = await door.post([purchase("a"), purchase("b", currency="x"), 5])
    problem = await door.post(b"")

    assert allows("Results", mixed.json())
    assert allows("Problem", problem.json())
    described = DOCUMENT["paths"]["/v1/touchpoints"]["post"]["responses"]
    assert {str(mixed.status_code), str(problem.status_code)} <= described.keys()
