"""Each kind's view shows every field of its records, whatever they hold, under its own name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.kinds import KINDS, TOUCHPOINT_KINDS
from schemas.kinds.touchpoint import Touchpoint
from sinks.database import Database, select
from sinks.migrate import migrate
from streams.intake.accept import InvalidRecordError, Source, accept
from streams.journeys.rows import touchpoint_row
from tests.contract.engine import Engine
from tests.contract.stores import driver_on_chdb
from tests.unit.intake.acceptance import LengthScorer
from tests.unit.schemas.records import EXAMPLES, SCHEMAS, T0, values_of
from tests.unit.sinks.views import only, write
from touchline.records.examples import example_record

pytestmark = pytest.mark.embedded

TIME = "DateTime64(3, 'UTC')"
HEAD = {
    "event_id": "String",
    "occurred_at": TIME,
    "received_at": TIME,
    "customer_id": "String",
    "identifiers": "Map(String, String)",
    "journey_id": "String",
    "channel": "String",
    "source": "String",
}
TAIL = {
    "sentiment": "Nullable(Float64)",
    "experience": "Nullable(Float64)",
    "attributes": "Map(String, String)",
    "ahead": "Bool",
    "late": "Bool",
    "superseded": "Bool",
}
ITEMS = "Array(Tuple( sku String, quantity Int32, price_minor Int64))"
OWN: dict[str, dict[str, str]] = {
    "purchases": {
        "order_id": "String",
        "action": "String",
        "amount_minor": "Int64",
        "currency": "String",
        "discount_minor": "Int64",
        "cart_id": "Nullable(String)",
        "items": ITEMS,
    },
    "tweets": {
        "post_id": "String",
        "platform": "String",
        "text": "String",
        "lang": "Nullable(String)",
        "author": "String",
        "in_reply_to": "Nullable(String)",
        "rating": "Nullable(Int32)",
    },
    "support_calls": {
        "call_id": "String",
        "phase": "String",
        "agent_id": "Nullable(String)",
        "topic": "Nullable(String)",
        "case_id": "Nullable(String)",
        "notes": "Nullable(String)",
        "resolved": "Nullable(Bool)",
        "solutions_offered": "Nullable(Int32)",
    },
    "survey_answers": {
        "response_id": "String",
        "survey_id": "String",
        "phase": "String",
        "question_id": "Nullable(String)",
        "question_kind": "Nullable(String)",
        "score": "Nullable(Float64)",
        "scale_min": "Nullable(Float64)",
        "scale_max": "Nullable(Float64)",
        "higher_is_better": "Bool",
        "text": "Nullable(String)",
        "about": "Nullable(String)",
    },
    "cart_events": {
        "cart_id": "String",
        "action": "String",
        "sku": "Nullable(String)",
        "quantity": "Int32",
        "value_minor": "Int64",
        "currency": "Nullable(String)",
    },
    "case_events": {
        "case_id": "String",
        "phase": "String",
        "by": "String",
        "topic": "Nullable(String)",
        "owner": "Nullable(String)",
        "eta_at": f"Nullable({TIME})",
        "text": "Nullable(String)",
        "complaint": "Bool",
    },
    "page_views": {
        "page": "String",
        "area": "String",
        "action": "String",
        "duration_ms": "Nullable(Int64)",
        "ok": "Bool",
    },
}
"""The fields that the contract names, in the order of the record, and the type that shows each."""
VIEWS = {
    "purchase": "purchases",
    "tweet": "tweets",
    "support_call": "support_calls",
    "survey_answer": "survey_answers",
    "cart_event": "cart_events",
    "case_event": "case_events",
    "page_view": "page_views",
}
PART_OF_ITEMS = {
    "event_id": "String",
    "occurred_at": TIME,
    "customer_id": "String",
    "journey_id": "String",
    "channel": "String",
    "source": "String",
    "order_id": "String",
    "action": "String",
    "currency": "String",
    "cart_id": "Nullable(String)",
    "place": "UInt32",
    "sku": "String",
    "quantity": "Int32",
    "price_minor": "Int64",
    "attributes": "Map(String, String)",
    "ahead": "Bool",
    "late": "Bool",
    "superseded": "Bool",
}
NASTY = 'it\'s "quoted", \\escaped\\\t\n\r\0, {name:String} \\u0041 [1,2] 😀 żółć 日本語 \u202e'
INT64 = (1 << 63) - 1

every_kind = pytest.mark.parametrize("kind", TOUCHPOINT_KINDS)


def accepted(kind: str, record: Mapping[str, Any]) -> Touchpoint:
    source = Source(task=0, topic="t", partition=0, offset=0, received_at=T0)
    full = {field["name"]: field.get("default") for field in SCHEMAS[TOUCHPOINT_KINDS[kind].record]["fields"]}
    touchpoint = accept(kind, {**full, **record}, source, now=T0, scorer=LengthScorer())
    assert isinstance(touchpoint, Touchpoint)
    return touchpoint


def row_of(kind: str, record: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the row that the workers make of a record."""
    touchpoint = accepted(kind, record)
    return msgspec.structs.astuple(
        touchpoint_row(touchpoint, touchpoint.customer_key, "c-1#1", experience=None, ahead=False)
    )


def shown(database: Database, kind: str) -> dict[str, dict[str, Any]]:
    """Return the rows of a kind's view by event id, times in epoch milliseconds."""
    sql = f"SELECT * REPLACE ({REPLACED.get(kind, '')}toUnixTimestamp64Milli(occurred_at) AS occurred_at) "
    lines = database.query(f"{sql} FROM {VIEWS[kind]}", output_format="JSONEachRow").splitlines()
    rows = list(map(msgspec.json.decode, lines))
    for row in rows:
        for name, column_type in OWN[VIEWS[kind]].items():
            if "Float64" in column_type and row[name] is not None:
                # A large one is written without a fraction: no whole number of more digits is meant.
                row[name] = float(row[name])
    return {row["event_id"]: row for row in rows}


REPLACED = {"case_event": "toUnixTimestamp64Milli(eta_at) AS eta_at, "}


def held(kind: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the view must show of a record's own fields: no text is NULL, and JSON has no infinity."""
    found = {name: record[name] for name in OWN[VIEWS[kind]]}
    for name, value in found.items():
        if isinstance(value, float) and not math.isfinite(value):
            found[name] = None
        if value == "" and name in {"text", "notes"} and "Nullable" in OWN[VIEWS[kind]][name]:
            found[name] = None
    return found


@pytest.mark.parametrize("view", OWN)
def test_a_view_has_every_field_of_its_record_with_its_type(chdb: Engine, view: str) -> None:
    assert columns(chdb, view) == list({**HEAD, **OWN[view], **TAIL}.items())


def test_a_row_an_item_has_no_amount_of_the_whole_order(chdb: Engine) -> None:
    assert columns(chdb, "purchase_items") == list(PART_OF_ITEMS.items())


def columns(database: Database, view: str) -> list[tuple[str, str]]:
    described = select(database, f"DESCRIBE TABLE {view}")
    return [(str(row[0]), " ".join(_plain(str(row[1])).split())) for row in described]


def _plain(column_type: str) -> str:
    for inner in ("String", "Nullable(String)"):
        column_type = column_type.replace(f"LowCardinality({inner})", inner)
    return column_type


def test_every_kind_has_a_view() -> None:
    assert {kind.name: kind.view for kind in TOUCHPOINT_KINDS.values()} == VIEWS


@every_kind
def test_the_example_of_the_schema_comes_back_whole(chdb: Engine, kind: str) -> None:
    record = {**example_record(kind), "occurred_at": T0}
    chdb.write("touchpoints", [row_of(kind, record)])

    (row,) = shown(chdb, kind).values()

    assert {name: row[name] for name in record} == record


@every_kind
def test_a_record_without_optional_fields_shows_the_schemas_defaults(chdb: Engine, kind: str) -> None:
    chdb.write("touchpoints", [row_of(kind, EXAMPLES[kind])])

    (row,) = shown(chdb, kind).values()

    defaults = {field["name"]: field.get("default") for field in SCHEMAS[TOUCHPOINT_KINDS[kind].record]["fields"]}
    expected = {**defaults, **EXAMPLES[kind], "channel": row["channel"]}
    assert {name: row[name] for name in expected} == expected


@st.composite
def records(draw: st.DrawFn, kind: str) -> dict[str, dict[str, Any]]:
    """Draw some records of a kind by event id: any values of the schema's types that a store can hold."""
    own = {
        field["name"]: values_of(field["type"])
        for field in SCHEMAS[TOUCHPOINT_KINDS[kind].record]["fields"]
        if field["name"] in OWN[VIEWS[kind]]
    }
    if kind == "case_event":
        own["eta_at"] = st.none() | st.integers(631_152_000_000, 7_258_118_399_999)
    texts = st.text(max_size=20) | st.just(NASTY)
    own["identifiers"] = st.dictionaries(texts, texts, max_size=3)
    drawn = draw(st.lists(st.fixed_dictionaries(own), min_size=1, max_size=30))
    common = {"occurred_at": T0, "source": "s", "customer_id": "c-1"}
    return {f"e{n}": {"event_id": f"e{n}", **common, **record} for n, record in enumerate(drawn)}


@every_kind
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_record_comes_back_whole(
    kind: str, data: st.DataObject, chdb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the checks refuse would fit the columns, too.
    monkeypatch.setitem(KINDS, kind, replace(TOUCHPOINT_KINDS[kind], checks=()))
    drawn = data.draw(records(kind))
    rows, kept = [], {}
    for event_id, record in drawn.items():
        try:
            rows.append(row_of(kind, record))
        except InvalidRecordError:
            continue
        kept[event_id] = record
    chdb.execute("TRUNCATE TABLE touchline.touchpoints_rows")
    chdb.write("touchpoints", rows)

    found = shown(chdb, kind)

    assert found.keys() == kept.keys()
    for event_id, record in kept.items():
        names = [*OWN[VIEWS[kind]], "identifiers"]
        assert {name: found[event_id][name] for name in names} == {
            **held(kind, record),
            "identifiers": record["identifiers"],
        }


EXTREME = {
    **EXAMPLES["purchase"],
    "order_id": NASTY,
    "amount_minor": INT64,
    "discount_minor": (1 << 53) + 1,
    "cart_id": NASTY,
    "identifiers": {NASTY: NASTY, "": ""},
    "items": [
        {"sku": NASTY, "quantity": (1 << 31) - 1, "price_minor": INT64},
        {"sku": "", "quantity": 0, "price_minor": 0},
        {"sku": NASTY, "quantity": 1, "price_minor": (1 << 53) + 1},
    ],
}


@pytest.mark.parametrize("by", ["chdb", "driver"])
def test_large_numbers_stay_exact_and_texts_the_same_by_either_way_in(
    chdb: Engine, chdb_folder: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    from chdb.session import Session  # noqa: PLC0415  # an optional part

    monkeypatch.setattr("streams.intake.accept._CHECKS", {"purchase": ()})
    writer = chdb if by == "chdb" else driver_on_chdb(chdb, Session(str(chdb_folder)))
    writer.write("touchpoints", [row_of("purchase", EXTREME)])

    (row,) = shown(chdb, "purchase").values()

    names = ("order_id", "amount_minor", "discount_minor", "cart_id", "items", "identifiers")
    assert {name: row[name] for name in names} == {name: EXTREME[name] for name in names}
    assert select(chdb, "SELECT place, sku, quantity, price_minor FROM purchase_items ORDER BY place") == [
        [place, *item.values()] for place, item in enumerate(EXTREME["items"], start=1)
    ]


def test_a_statement_that_holds_no_longer_a_late_one_and_one_ahead_are_told(chdb: Engine) -> None:
    row = list(row_of("tweet", EXAMPLES["tweet"]))
    chdb.write("touchpoints", [row])
    write(chdb, "superseded", customer_id="c-1", event_id="e-1")
    flags = ["late", "ahead"]
    names = select(chdb, "SELECT name FROM system.columns WHERE table = 'touchpoints_rows' AND database = 'touchline'")
    for number, flag in enumerate(flags):
        changed = [*row]
        changed[0] = flag
        changed[[name for (name,) in names].index(flag)] = True
        chdb.write("touchpoints", [[*changed[:-1], number]])

    assert select(chdb, "SELECT event_id, late, ahead, superseded FROM tweets ORDER BY event_id") == [
        ["ahead", False, True, False],
        ["e-1", False, False, True],
        ["late", True, False, False],
    ]


def test_of_several_rows_the_one_that_holds_is_shown(chdb: Engine) -> None:
    older, newer = (list(row_of("page_view", {**EXAMPLES["page_view"], "page": page})) for page in ("/old", "/new"))
    chdb.write("touchpoints", [[*newer[:-1], 2]])
    chdb.write("touchpoints", [[*older[:-1], 1]])

    assert only(chdb, "SELECT page FROM page_views") == {"page": "/new"}


@pytest.fixture
def without_a_field(chdb: Engine) -> Iterator[Engine]:
    """Tables of before the field `ok` was declared, with a page view in them."""
    chdb.execute("ALTER TABLE touchline.touchpoints_rows DROP COLUMN page_view_ok")
    chdb.execute("CREATE OR REPLACE VIEW touchline.page_views AS SELECT 1 AS of_before")
    chdb.execute("DROP VIEW touchline.tweets")
    row = row_of("page_view", {**EXAMPLES["page_view"], "ok": False, "duration_ms": 7})
    chdb.write("touchpoints", [row])
    yield chdb
    migrate(chdb)


def test_a_field_that_was_declared_since_gets_its_column_and_old_rows_the_default(without_a_field: Engine) -> None:
    chdb = without_a_field
    migrate(chdb)
    chdb.write("touchpoints", [row_of("page_view", {**EXAMPLES["page_view"], "event_id": "e-2", "ok": False})])

    assert select(chdb, "SELECT event_id, page, duration_ms, ok FROM page_views ORDER BY event_id") == [
        ["e-1", "/help", 7, True],
        ["e-2", "/help", None, False],
    ]
    assert select(chdb, "SELECT count() FROM tweets") == [[0]]


def test_what_is_there_is_not_made_again(chdb: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    execute = chdb.execute

    def note(sql: str) -> None:
        asked.append(sql)
        execute(sql)

    monkeypatch.setattr(chdb, "execute", note)

    migrate(chdb)

    assert [sql for sql in asked if "VIEW" in sql or "ALTER" in sql] == []
