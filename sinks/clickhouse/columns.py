"""Turns rows into columns whose values fit the column types of a server's tables.

Rows hold times as epoch milliseconds, and dictionaries. An older server stores them in other types.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from sinks.tables import Row, Table

Column = list[object]
Convert = Callable[[Column], Column]

# Small pieces stay in the processor's cache: five times faster than all rows at once.
_PIECE = 256

_json = msgspec.json.Encoder()
_DATETIME64 = re.compile(r"DateTime64\((\d)")
_WRAPPED = re.compile(r"(?:Nullable|LowCardinality)\((.*)\)")


def to_columns(rows: Sequence[Row]) -> list[Column]:
    """Return the columns of at least one row; all rows have the same width."""
    columns: list[Column] = [[] for _ in rows[0]]
    for start in range(0, len(rows), _PIECE):
        for column, values in zip(columns, zip(*rows[start : start + _PIECE], strict=True), strict=True):
            column.extend(values)
    return columns


def conversions(table: Table, types: Mapping[str, str]) -> dict[int, Convert]:
    """Return the conversion that a column needs before it is inserted, by the column's place in the row.

    Args:
        table: the table to insert into.
        types: the ClickHouse type of each column of the server's table.
    """
    found = {place: _conversion(types[name], is_map=name in table.maps) for place, name in enumerate(table.columns)}
    return {place: convert for place, convert in found.items() if convert is not None}


def _conversion(column_type: str, *, is_map: bool) -> Convert | None:
    while wrapped := _WRAPPED.fullmatch(column_type):
        column_type = wrapped[1]
    if is_map and column_type == "String":
        return _to_json
    if scale := _DATETIME64.match(column_type):
        return None if scale[1] == "3" else _scaled(10 ** int(scale[1]))
    if column_type.startswith("DateTime"):
        return _scaled(1)
    return None


def _to_json(column: Column) -> Column:
    return [_json.encode(value).decode() for value in column]


def _scaled(units_a_second: int) -> Convert:
    def convert(column: Column) -> Column:
        return [
            value if value is None else value * units_a_second // 1000  # type: ignore[operator]  # ms
            for value in column
        ]

    return convert
