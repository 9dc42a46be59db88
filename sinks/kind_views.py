"""A view for each kind of touchpoint, with all fields of its records, and the stored columns that it shows.

Both follow from the declarations in `schemas.kinds` and the schemas in force: `touchline migrate` adds what is missing.
A row of `touchpoints` carries the fields of its kind as a JSON array. ClickHouse makes typed columns of it when the row
is inserted, and does not keep the text: one text is the cheapest to send, and columns are the cheapest to query.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from schemas.avro.registry import current_schemas
from schemas.kinds import TOUCHPOINT_KINDS, TouchpointKind
from sinks.database import Database, select
from sinks.owned import OWNERSHIPS, owned_touchpoints, touchpoints_by_owner
from sinks.tables import DATABASE, table_of

_STORED = "touchpoints_rows"
_TIME = "DateTime64(3, 'UTC')"
_TYPES = {"string": "String", "boolean": "Bool", "int": "Int32", "long": "Int64", "double": "Float64"}
_NUMBERS = ("Int32", "Int64", "Float64")
_NULLABLE = ("value_minor", "currency")
_IDENTIFIERS = "identifiers"
_NOT_STORED = ("fields",)

# What each view begins and ends with: columns of every touchpoint.
_OWNER = "t.owner AS customer_id"
_HEAD = ("event_id", "occurred_at", "received_at", _OWNER, _IDENTIFIERS, "journey_id", "channel", "source")
_TAIL = ("sentiment / 10000 AS sentiment", "experience / 10000 AS experience", "attributes", "ahead", "late")
_SUPERSEDED = """toBool((t.customer_id, t.event_id) IN (
        SELECT customer_id, event_id FROM touchline.superseded_rows FINAL WHERE NOT deleted
    )) AS superseded"""
_FROM = f"FROM {DATABASE}.owned_touchpoints AS t"
_FROM_BY_OWNER = f"FROM {DATABASE}.touchpoints_by_owner AS t"
_OF_ALL = (
    *("event_id", "kind", "occurred_at", "received_at", _OWNER, "journey_id", "channel", "source", "action", "text"),
    *("sentiment / 10000 AS sentiment", "experience / 10000 AS experience", "value_minor", "currency"),
    "subject_id",
    *("attributes", "ahead", _SUPERSEDED, "topics", "topics_by"),
)
_ITEM_HEAD = ("event_id", "occurred_at", "customer_id", "journey_id", "channel", "source")
_ITEM_TAIL = ("attributes", "ahead", "late", "superseded")


Field = dict[str, Any]
"""A field of an Avro record, as in its schema."""


class Column(NamedTuple):
    """A stored column, and the expression that makes its value when a row is inserted."""

    name: str
    column_type: str
    made_of: str

    @property
    def definition(self) -> str:
        """The column as a statement defines it."""
        return f"`{self.name}` {self.column_type} DEFAULT {self.made_of} CODEC(ZSTD(1))"


class View(NamedTuple):
    """A view and the query behind it."""

    name: str
    query: str

    @property
    def mark(self) -> str:
        """A comment on the view that changes with its query."""
        return f"made of schemas/kinds, {hashlib.sha256(self.query.encode()).hexdigest()[:16]}"

    @property
    def statement(self) -> str:
        """The statement that makes or replaces the view."""
        return f"CREATE OR REPLACE VIEW {DATABASE}.{self.name} AS {self.query} COMMENT '{self.mark}'"


@cache
def columns() -> tuple[Column, ...]:
    """Return the stored columns of all kinds."""
    found = [
        Column(_IDENTIFIERS, "Map(LowCardinality(String), String)", "JSONExtract(fields, 1, 'Map(String, String)')")
    ]
    for kind in TOUCHPOINT_KINDS.values():
        fields = _fields(kind)
        # Behind the identifiers, and counted from 1.
        for place, name in enumerate(kind.own_fields, start=2):
            if name in fields:
                found.append(_column(kind, fields[name], place))
    return tuple(found)


@cache
def views(*, by_owner: bool = True) -> tuple[View, ...]:
    """Return the views of touchpoints, in the order in which they are made.

    They are: three of which the others are made; two of all kinds, one of them for questions of everybody and one for
    those of a customer; one of each kind, and one for each list of records in one.

    Args:
        by_owner: whether all parts of a query see each table as of one moment, as `touchpoints_by_owner` needs it.
    """
    stored = [name for name in table_of("touchpoints").columns if name not in _NOT_STORED]
    shown = [*stored, *(column.name for column in columns())]
    found = [
        View("ownerships", OWNERSHIPS),
        View("owned_touchpoints", owned_touchpoints(shown)),
        View("touchpoints_by_owner", touchpoints_by_owner(shown)),
        View("all_touchpoints", f"SELECT\n    {_shown_in(_OF_ALL)}\n{_FROM}"),
        View("touchpoints", f"SELECT\n    {_shown_in(_OF_ALL)}\n{_FROM_BY_OWNER if by_owner else _FROM}"),
    ]
    for kind in TOUCHPOINT_KINDS.values():
        types = {name: _type(field["type"]) for name, field in _fields(kind).items()}
        own = [_shown(kind, name, column_type) for name, column_type in types.items()]
        of_kind = _shown_in((*_HEAD, *own, *_TAIL, _SUPERSEDED))
        source = f"{_FROM}\nWHERE kind = '{kind.name}'"
        found.append(View(kind.view, f"SELECT\n    {of_kind}\n{source}"))
        found.extend(_list_view(kind, name, types) for name in types if types[name].startswith("Array"))
    return tuple(found)


def lacking(database: Database) -> list[str]:
    """Return the statements that add the missing columns, and make the views anew that are not as declared.

    Raises:
        QueryError: the user may not look.
        TransientWriteError: the database is out of reach.
    """
    statements = []
    described = select(
        database,
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String}",
        {"table": _STORED},
    )
    missing = [column for column in columns() if [column.name] not in described]
    if missing:
        added = ", ".join(f"ADD COLUMN IF NOT EXISTS {column.definition}" for column in missing)
        statements.append(f"ALTER TABLE {DATABASE}.{_STORED} {added}")
    made = select(database, "SELECT name, comment FROM system.tables WHERE database = currentDatabase()")
    # Since 25.6, and by itself in releases of today.
    shared = select(
        database, "SELECT value FROM system.settings WHERE name = 'enable_shared_storage_snapshot_in_query'"
    )
    declared = views(by_owner=shared == [["1"]])
    return statements + [view.statement for view in declared if [view.name, view.mark] not in made]


def _fields(kind: TouchpointKind) -> dict[str, Field]:
    """Return the fields that the kind has beside those of every touchpoint, in the order of its record."""
    fields = current_schemas()[kind.record]["fields"]
    common = {*_HEAD, "customer_id", "attributes"}
    return {field["name"]: field for field in fields if field["name"] not in common}


def _type(avro: Any) -> str:
    """Return the ClickHouse type for an Avro type."""
    if isinstance(avro, list):
        (other,) = (branch for branch in avro if branch != "null")
        return f"Nullable({_type(other)})"
    if isinstance(avro, str):
        return _TYPES[avro]
    match avro["type"]:
        case "enum":
            return "String"
        case "array":
            return f"Array({_type(avro['items'])})"
        case "record":
            parts = ", ".join(f"{field['name']} {_type(field['type'])}" for field in avro["fields"])
            return f"Tuple({parts})"
        case plain:
            return _TIME if avro.get("logicalType") == "timestamp-millis" else _TYPES[plain]


def _column(kind: TouchpointKind, field: Field, place: int) -> Column:
    name, column_type = field["name"], _type(field["type"])
    said = column_type.replace(_TIME, "Int64")
    default = field.get("default")
    if isinstance(default, bool | int | str):
        # A row of before the field was declared does not hold it.
        literal = f"'{default}'" if isinstance(default, str) else str(default).lower()
        value = f"ifNull(JSONExtract(fields, {place}, 'Nullable({said})'), {literal})"
    else:
        value = f"JSONExtract(fields, {place}, '{said}')"
    if _TIME in column_type:
        value = f"fromUnixTimestamp64Milli({value}, 'UTC')"
    quoted = column_type.replace("'", "\\'")
    # Only rows of the kind are parsed: `if` computes each side for its own rows.
    nothing = f"defaultValueOfTypeName('{quoted}')"
    return Column(_stored(kind, name), column_type, f"if(kind = '{kind.name}', {value}, {nothing})")


def _shown_in(columns: Sequence[str]) -> str:
    return ",\n    ".join(columns)


def _stored(kind: TouchpointKind, name: str) -> str:
    return f"{kind.name}_{name}"


def _shown(kind: TouchpointKind, name: str, column_type: str) -> str:
    column = kind.column_of(name)
    if column is None:
        return f"{_stored(kind, name)} AS {name}"
    if column == "text" and column_type.startswith("Nullable"):
        return f"nullIf(text, '') AS {name}"
    if column in _NULLABLE and not column_type.startswith("Nullable"):
        return f"assumeNotNull({column}) AS {name}"
    return f"{column} AS {name}"


def _list_view(kind: TouchpointKind, name: str, types: dict[str, str]) -> View:
    """Return the view with a row for each record in a list; without numbers of the whole, which nobody is to add up."""
    own = [other for other, its_type in types.items() if other != name and not any(map(its_type.count, _NUMBERS))]
    parts = [f"part.{part.split(' ')[0]} AS {part.split(' ')[0]}" for part in _parts(types[name])]
    shown = ",\n    ".join([*_ITEM_HEAD, *own, "place", *parts, *_ITEM_TAIL])
    source = f"FROM {DATABASE}.{kind.view}\nARRAY JOIN {name} AS part, arrayEnumerate({name}) AS place"
    return View(f"{kind.name}_{name}", f"SELECT\n    {shown}\n{source}")


def _parts(list_type: str) -> list[str]:
    """Return the names and types of the fields of a list's records."""
    return list_type.removeprefix("Array(Tuple(").removesuffix("))").split(", ")
