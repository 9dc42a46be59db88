"""What the contract says of each field is what the workers hold to: they take the bounds, and nothing beyond them."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.avro.registry import current_schemas
from schemas.kinds import KINDS
from schemas.topics import SIGNAL_TOPICS
from streams.intake.checks import AHEAD_MS
from tests.unit.touchline.records.probe import NOW, changed, example, refusal, without
from touchline.records.fields import Field, every, fields_of

FIELDS = [(kind.name, field) for kind in KINDS.values() for field in every(fields_of(kind.record))]
ALL = FIELDS + [(record, field) for record in SIGNAL_TOPICS for field in every(fields_of(record))]
NUMBERS = {"int", "long", "double", "timestamp-millis"}
BASES: dict[str, dict[str, Any]] = {
    "survey_answer": {"question_kind": None, "score": 0, "scale_min": -1e9, "scale_max": 1e9},
}
"""Fields besides, with which a field of the kind may be anything in its range."""
TOGETHER = {"period_start": "period_end", "period_end": "period_start"}
"""Fields that are probed together with another, which bounds them too."""
NOT_TO_BE_REACHED = {("scale_min", "maximum"), ("scale_max", "minimum")}
"""Bounds that the other end of the scale forbids."""


def of(*kinds: str) -> list[Any]:
    """Return the fields of inputs of some types as parameters."""
    return [pytest.param(kind, field, id=f"{kind}.{field.path}") for kind, field in FIELDS if field.kind in kinds]


def with_value(kind: str, field: Field, value: object) -> dict[str, Any]:
    """Return the example with another value of a field."""
    said = changed(example(kind) | BASES.get(kind, {}), field.path, value)
    return changed(said, TOGETHER[field.path], value) if field.path in TOGETHER else said


def now_for(field: Field) -> int:
    """Return a time at which the greatest `occurred_at` is just not too far ahead."""
    return field.bounds["maximum"] - AHEAD_MS if field.path == "occurred_at" else NOW


def test_every_field_of_every_schema_is_told() -> None:
    for record, schema in current_schemas().items():
        told = [field.path for field in every(fields_of(record))]

        assert [path for path in told if "." not in path] == [field["name"] for field in schema["fields"]]
    assert {"items[].sku", "items[].quantity", "items[].price_minor"} <= {f.path for f in every(fields_of("Purchase"))}


@pytest.mark.parametrize(("record", "field"), ALL, ids=lambda value: getattr(value, "path", value))
def test_a_number_has_its_unit_and_its_range_and_every_field_an_example(record: str, field: Field) -> None:
    assert field.example is not None, f"{record}.{field.path} needs an example in its schema"
    assert bool(field.unit) == (field.kind in NUMBERS), f"{record}.{field.path} needs a unit in its schema"
    if field.kind in NUMBERS:
        assert "minimum" in field.bounds, f"{record}.{field.path} needs a range: a rule of its kind states it"
        assert field.bounds["minimum"] <= field.example <= field.bounds.get("maximum", field.example)


@pytest.mark.parametrize(("kind", "field"), of(*NUMBERS))
@pytest.mark.parametrize(("bound", "step"), [("minimum", -1), ("maximum", 1)])
def test_a_number_is_taken_up_to_its_bounds_and_not_beyond(kind: str, field: Field, bound: str, step: int) -> None:
    last = field.bounds[bound]

    if (field.path, bound) not in NOT_TO_BE_REACHED:
        assert refusal(kind, with_value(kind, field, last), now_for(field)) is None
    refused = refusal(kind, with_value(kind, field, last + step), now_for(field))
    assert refused is not None
    assert field.name.partition("_")[0] in refused


@pytest.mark.parametrize(("kind", "field"), of("string"))
def test_a_text_is_taken_up_to_its_length_and_blank_only_where_that_is_said(kind: str, field: Field) -> None:
    if "maxLength" in field.bounds and "currency" not in field.name:
        most = field.bounds["maxLength"]
        assert refusal(kind, with_value(kind, field, "\N{GRINNING FACE}" * most)) is None
        assert refusal(kind, with_value(kind, field, "x" * (most + 1))) is not None
    for blank in ("", " \n"):
        assert (refusal(kind, with_value(kind, field, blank)) is not None) == ("pattern" in field.bounds)


@pytest.mark.parametrize(("kind", "field"), [one for one in FIELDS if one[1].name == "currency"])
def test_a_currency_is_three_capital_letters(kind: str, field: Field) -> None:
    assert (field.bounds["pattern"], field.bounds["maxLength"]) == ("^[A-Z]{3}$", 3)
    assert refusal(kind, with_value(kind, field, "CHF")) is None
    for wrong in ("eur", "EU", "EURO", "EUR\n", "€€€", "E1R"):
        assert refusal(kind, with_value(kind, field, wrong)) is not None


@pytest.mark.parametrize(("kind", "field"), of("map"))
def test_a_map_is_taken_up_to_its_limits(kind: str, field: Field) -> None:
    entries = field.bounds["maxProperties"]
    name, value = field.bounds["propertyNames"]["maxLength"], field.bounds["additionalProperties"]["maxLength"]

    # Identifiers have a limit together, too: names as long as may be are few.
    full = {f"n{place}": "v" for place in range(entries)}
    assert refusal(kind, with_value(kind, field, {"n" * name: "v"})) is None
    assert refusal(kind, with_value(kind, field, full)) is None
    assert refusal(kind, with_value(kind, field, {"n": "v" * value})) is None
    for beyond in (full | {"one more": "v"}, {"n" * (name + 1): "v"}, {"n": "v" * (value + 1)}):
        assert "too_large" in str(refusal(kind, with_value(kind, field, beyond)))


@pytest.mark.parametrize(("kind", "field"), of("array"))
def test_a_list_is_taken_up_to_its_limit(kind: str, field: Field) -> None:
    most = field.bounds["maxItems"]

    assert refusal(kind, with_value(kind, field, field.example * most)) is None
    assert "too_large" in str(refusal(kind, with_value(kind, field, field.example * (most + 1))))


@pytest.mark.parametrize(("kind", "field"), of("enum"))
def test_an_enum_takes_its_symbols_and_no_others(kind: str, field: Field) -> None:
    for symbol in field.bounds["enum"]:
        assert refusal(kind, with_value(kind, field, symbol)) is None
    assert refusal(kind, with_value(kind, field, "another")) is not None


@pytest.mark.parametrize(("kind", "field"), [pytest.param(*one, id=f"{one[0]}.{one[1].path}") for one in FIELDS])
def test_a_field_is_needed_where_that_is_said(kind: str, field: Field) -> None:
    refused = refusal(kind, without(example(kind) | BASES.get(kind, {}), field.path))

    assert (refused is not None) == field.is_required, refused
