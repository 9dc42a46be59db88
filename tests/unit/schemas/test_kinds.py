"""Every kind is declared whole: a step of docs/adding-a-kind.md that was left out fails here, by its name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from schemas.avro.registry import current_schemas, schema_history
from schemas.kinds import KINDS, TOUCHPOINT_KINDS, BusinessKind, TouchpointKind
from schemas.kinds.checks import why
from schemas.kinds.kind import MADE_OF_OWN_FIELDS, OTHER_ACTION
from schemas.kinds.names import KIND_NAMES
from schemas.kinds.steps import STEPS
from schemas.kinds.touchpoint import Touchpoint, tag_of
from sinks.database import select
from tests.contract.engine import Engine
from tests.simulation.strategies import TOUCHPOINTS
from tests.unit.schemas.records import EXAMPLES, FILLED

ROOT = Path(__file__).parents[3]
SIGNALS = {"Abandonment", "FollowUp", "SentimentShift"}
COMMON = {"event_id", "occurred_at", "source", "customer_id", "identifiers", "channel", "attributes"}
"""The fields that every touchpoint's record begins with."""
SIMPLE = {"string": str, "boolean": bool, "int": int, "long": int, "double": float, "enum": str}

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
every_touchpoint = pytest.mark.parametrize("kind", TOUCHPOINT_KINDS.values(), ids=TOUCHPOINT_KINDS)


def fields_of(kind: TouchpointKind | BusinessKind) -> dict[str, Any]:
    """Return the Avro type of each field of a kind's record."""
    return {field["name"]: field["type"] for field in current_schemas()[kind.record]["fields"]}


def test_every_declared_kind_is_in_the_vocabulary() -> None:
    files = (ROOT / "schemas/kinds").glob("*.py")
    declared = {file.stem for file in files if re.search(r"^KIND = ", file.read_text("utf-8"), re.MULTILINE)}

    assert declared - set(KIND_NAMES) == set(), "add the kind to KindName in schemas/kinds/names.py"


@pytest.mark.parametrize("name", KIND_NAMES)
def test_a_kind_is_declared_in_the_module_of_its_name(name: str) -> None:
    assert KINDS[name].name == name, f"schemas/kinds/{name}.py declares a kind of another name"


@every_kind
def test_a_kind_has_a_schema_and_its_history(kind: TouchpointKind | BusinessKind) -> None:
    schema = current_schemas().get(kind.record)
    assert schema, f"write schemas/{kind.record}.avsc, the schema of {kind.name}"

    history = ROOT / "schemas/history" / kind.record
    assert history.is_dir(), f"copy schemas/{kind.record}.avsc to schemas/history/{kind.record}/0001.avsc"
    assert schema_history(kind.record)


def test_every_schema_is_that_of_a_kind_or_a_signal() -> None:
    records = {kind.record for kind in KINDS.values()}

    assert current_schemas().keys() - SIGNALS == records, "declare the kind of the schema in schemas/kinds/"


def test_topics_and_records_are_of_one_kind_each() -> None:
    for values in ([kind.topic for kind in KINDS.values()], [kind.record for kind in KINDS.values()]):
        assert sorted(values) == sorted(set(values))


def test_every_step_has_a_code_of_two_characters_of_its_own() -> None:
    codes = [step.code for step in STEPS]
    kinds = [kind.code for kind in TOUCHPOINT_KINDS.values()]
    twice = {code for code in [*codes, *kinds] if (codes + kinds).count(code) > 1}

    assert not twice, f"the codes {twice} are declared twice in schemas/kinds/"
    assert [code for code in codes if not re.fullmatch(rf"[a-z0-9]([a-z0-9]|{OTHER_ACTION})", code)] == []


@every_touchpoint
def test_the_struct_of_a_kind_bears_its_name(kind: TouchpointKind) -> None:
    assert kind.struct.kind == kind.name
    assert kind.struct.__struct_config__.tag == tag_of(kind.name)


@every_touchpoint
def test_the_log_carries_every_field_of_the_record(kind: TouchpointKind) -> None:
    text = {kind.text.field} if kind.text else set()
    carried = fields_of(kind).keys() - text
    own = set(kind.struct.__struct_fields__) - set(Touchpoint.__struct_fields__)

    assert carried - own - COMMON == set(), f"these fields of {kind.record} are missing in its struct"
    assert own - carried == set(kind.computed) - carried, f"these fields of the struct are not in {kind.record}"
    assert not own & (COMMON | text)


@every_touchpoint
def test_the_fields_of_the_struct_have_the_types_of_the_record(kind: TouchpointKind) -> None:
    hints = get_type_hints(kind.struct)
    copied = fields_of(kind).keys() - COMMON - set(kind.computed) - ({kind.text.field} if kind.text else set())

    assert {name: hints[name] for name in copied} == {name: python_type(fields_of(kind)[name]) for name in copied}


def python_type(avro: Any) -> Any:
    """Return the type of the values that a decoder gives for an Avro type."""
    if isinstance(avro, list):
        (other,) = (branch for branch in avro if branch != "null")
        return python_type(other) | None
    return SIMPLE[avro["type"] if isinstance(avro, dict) else avro]


@every_touchpoint
def test_the_declaration_names_fields_of_the_record(kind: TouchpointKind) -> None:
    named = {kind.text.field, kind.text.language} - {None} if kind.text else set()

    assert named <= fields_of(kind).keys()


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if isinstance(kind, BusinessKind)])
def test_a_row_of_the_business_has_the_fields_of_the_record(kind: BusinessKind) -> None:
    assert set(kind.row.__struct_fields__) == {*fields_of(kind), "version"}


@every_kind
def test_a_kind_has_an_example(kind: TouchpointKind | BusinessKind) -> None:
    assert kind.name in EXAMPLES, f"add {kind.name} to EXAMPLES in tests/unit/schemas/records.py"
    assert kind.name in FILLED, f"add {kind.name} to FILLED in tests/unit/schemas/records.py"


@every_touchpoint
def test_a_kind_has_a_strategy_for_the_property_tests(kind: TouchpointKind) -> None:
    assert kind.name in TOUCHPOINTS, f"add {kind.name} to TOUCHPOINTS in tests/simulation/strategies.py"


@every_kind
def test_the_contract_names_the_kind(kind: TouchpointKind | BusinessKind) -> None:
    contract = (ROOT / "docs/contract.md").read_text("utf-8")

    assert f"| `{kind.name}` | `{kind.topic}` | {kind.record}" in contract, f"add {kind.name} to docs/contract.md"
    assert f"\n#### {kind.record}\n" in contract, f"add the fields of {kind.record} to docs/contract.md: make docs"


@every_touchpoint
def test_the_contract_names_the_view_of_the_kind_and_the_reader_may_read_it(kind: TouchpointKind) -> None:
    contract = (ROOT / "docs/contract.md").read_text("utf-8")
    users = (ROOT / "deploy/clickhouse/users.d/touchline.xml").read_text("utf-8")
    lists = [f"{kind.name}_{name}" for name, avro in fields_of(kind).items() if "array" in str(avro)]

    for view in [kind.view, *lists]:
        assert f"| `{view}` |" in contract, f"add the view {view} to docs/contract.md"
        assert f"GRANT SELECT ON touchline.{view}<" in users, f"grant {view} in deploy/clickhouse/users.d/touchline.xml"


@every_touchpoint
def test_the_columns_of_every_touchpoint_hold_the_fields_that_the_kind_says(kind: TouchpointKind) -> None:
    own = fields_of(kind).keys() - COMMON

    assert kind.columns.keys() <= own, f"these fields are not in {kind.record}"
    assert set(kind.columns.values()) <= MADE_OF_OWN_FIELDS


@every_touchpoint
def test_the_contract_names_the_channel_of_the_kind(kind: TouchpointKind) -> None:
    page = (ROOT / "docs/contract.md").read_text("utf-8")
    said = page.partition("Without a `channel`")[2].partition("\n\n")[0]

    if isinstance(kind.channel, str):
        assert f"`{kind.channel}`" in said, f"say in docs/contract.md that the channel of {kind.name} is {kind.channel}"


@every_touchpoint
def test_the_table_of_experience_has_the_weights_of_the_kind(kind: TouchpointKind) -> None:
    page = (ROOT / "docs/metrics.md").read_text("utf-8")

    for what in kind.experience:
        assert f"| `{kind.name}` | {what} | " in page, f"add {what!r} of {kind.name} to docs/metrics.md"


@every_kind
def test_the_operators_page_lists_the_topic(kind: TouchpointKind | BusinessKind) -> None:
    page = (ROOT / "docs/operating.md").read_text("utf-8")

    assert f"| `{kind.topic}` |" in page, f"add {kind.topic} to docs/operating.md: make docs"


@pytest.mark.embedded
@every_touchpoint
def test_the_database_knows_the_steps_of_the_kind(kind: TouchpointKind, chdb: Engine) -> None:
    stored = select(chdb, "SELECT code, action FROM steps_rows FINAL WHERE kind = {kind:String}", {"kind": kind.name})

    assert sorted(stored) == sorted([step.code, step.action] for step in STEPS if step.kind == kind.name)


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (1_790_000_000, "before 1990: seconds, where epoch milliseconds were expected?"),
        (1_790_000_000_000_000, "over 24 h ahead: microseconds, where epoch milliseconds were expected?"),
        (1_790_000_000_000_000_000, "over 24 h ahead: nanoseconds, where epoch milliseconds were expected?"),
        (8_000_000_000_000, "over 24 h ahead"),
        (1 << 62, "over 24 h ahead: nanoseconds, where epoch milliseconds were expected?"),
        ((1 << 63) - 1, "over 24 h ahead"),
        (-1, "before 1990"),
        (-(1 << 63), "before 1990"),
    ],
)
def test_a_time_in_another_unit_is_told_as_such(time: int, said: str) -> None:
    assert why(time, "over 24 h ahead") == said
