"""The JSON Schema of a kind takes what the workers take, but for the exceptions that the contract names."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.kinds import KINDS, TOUCHPOINT_KINDS
from tests.unit.json_schema import validator
from tests.unit.touchline.records.probe import changed, example, refusal, without
from touchline.main import cli
from touchline.records.fields import every, fields_of
from touchline.records.json_schema import json_schema

VALID = {kind: validator(json_schema(kind)) for kind in KINDS}
UNSAID = ("scale", "no_identity", "is before period_start", "ahead", "it must be a whole number", "whole numbers")
"""How refusals begin, or what they hold, that the schema cannot say."""

ABSENT = object()

values = st.one_of(
    st.sampled_from([ABSENT, None]),
    st.booleans(),
    st.sampled_from([0, 1, -1, 5, 6, 10, 11, 10**9, 10**12, 10**12 + 1, 2**31, -(2**31), 2**63, 1.5, 1e9, 1e10]),
    st.sampled_from([631_152_000_000, 631_151_999_999, 1_781_000_000_000, 7_258_118_400_001]),
    st.sampled_from(
        ["", " ", "x", "EUR", "eur", "x" * 128, "x" * 129, "x\0", "x" * 256, "x" * 257, "nps", "csat", "guest"]
    ),
    st.sampled_from(["2026-06-09T10:13:20Z", "2026-06-09T10:13:20", "1989-12-31T00:00:00Z", "2026-06-09"]),
    st.sampled_from([{}, [], {"email": "a@example.com"}, {"email": 1}, {"x" * 257: "y"}, {"x": "y" * 1025}]),
    st.sampled_from([[{"sku": "a", "quantity": 1, "price_minor": 1}], [{"sku": "a"}], [1]]),
)


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_is_valid_and_what_the_command_prints_is_the_schema(kind: str) -> None:
    assert VALID[kind](example(kind)) == []

    shown = CliRunner().invoke(cli, ["schemas", "show", kind, "--format", "json-schema"])

    assert shown.exit_code == 0, shown.stderr
    assert json.loads(shown.stdout) == json_schema(kind)


def test_a_signal_has_none_since_it_is_avro_alone() -> None:
    refused = CliRunner().invoke(cli, ["schemas", "show", "FollowUp", "--format", "json-schema"])

    assert refused.exit_code == 1
    assert "the kinds are purchase, tweet" in refused.stderr


@given(data=st.data())
@settings(deadline=None, max_examples=50)
@pytest.mark.parametrize("kind", KINDS)
def test_what_the_schema_takes_the_workers_take_and_the_reverse(kind: str, data: st.DataObject) -> None:
    paths = st.sampled_from([field.path for field in every(fields_of(KINDS[kind].record))])
    said = example(kind)
    for path in data.draw(st.lists(paths, min_size=1, max_size=2, unique=True)):
        said = _changed(said, path, data.draw(values))

    problems, refused = VALID[kind](said), refusal(kind, said)

    if not problems:
        assert refused is None or any(words in refused for words in UNSAID)
    if refused is None:
        assert not problems or _is_stricter(kind, said)


def _changed(said: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    try:
        return without(said, path) if value is ABSENT else changed(said, path, value)
    except (AttributeError, LookupError, TypeError):  # the list or its entry was changed before
        return said


def _is_stricter(kind: str, said: dict[str, Any]) -> bool:
    """Return whether a message holds what the schema refuses on purpose: null in place of another default."""
    fields = fields_of(KINDS[kind].record)
    nulls = {field.name for field in fields if not field.nullable and said.get(field.name, "") is None}
    lenient = {"scale_min", "scale_max"} & said.keys() if said.get("score") is None else set()
    return bool(nulls or lenient or said.get("question_kind") == "nps")


@pytest.mark.parametrize("kind", TOUCHPOINT_KINDS)
def test_a_message_of_nobody_or_with_an_unknown_field_is_not_valid(kind: str) -> None:
    assert VALID[kind](example(kind) | {"colour": "red"})
    assert VALID[kind](example(kind) | {"customer_id": None, "identifiers": {}})
    assert VALID[kind](example(kind) | {"kind": "another"})
    assert VALID[kind](without(example(kind), "kind")) == []


def test_an_nps_answer_is_0_to_10() -> None:
    beyond = example("survey_answer") | {"score": 11}

    assert VALID["survey_answer"](beyond)
    assert VALID["survey_answer"](beyond | {"question_kind": None, "scale_max": 12}) == []
