"""Writes query results in ClickHouse's commonest output formats: over the native protocol a server sends values only.

A test compares each format with what the embedded engine writes. Slashes in JSON differ: ClickHouse escapes them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import msgspec

from sinks.errors import QueryError


@dataclass(frozen=True)
class Result:
    """The rows of a query.

    Attributes:
        columns: the name and the ClickHouse type of each.
        rows: the values, as the driver gives them.
    """

    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[object]]

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return [name for name, _ in self.columns]


def render(result: Result, output_format: str) -> bytes:
    """Return a result in a ClickHouse format.

    Raises:
        QueryError: the format is not one of `FORMATS`.
    """
    write = FORMATS.get(output_format)
    if write is None:
        raise QueryError(
            f"format {output_format!r} cannot be written from a server's answer; known: {', '.join(FORMATS)}"
        )
    return write(result)


def _json_each_row(result: Result) -> bytes:
    names = result.names
    return b"".join(_dumps(dict(zip(names, row, strict=True))) + b"\n" for row in _plain(result))


def _json_compact_each_row(result: Result) -> bytes:
    return b"".join(b"[" + b", ".join(map(_dumps, row)) + b"]\n" for row in _plain(result))


def _json(result: Result) -> bytes:
    names = result.names
    return _document(result, [dict(zip(names, row, strict=True)) for row in _plain(result)])


def _json_compact(result: Result) -> bytes:
    return _document(result, _plain(result))


def _csv(result: Result) -> bytes:
    return _separated(result.rows, result, _csv_row)


def _csv_with_names(result: Result) -> bytes:
    return _csv_row(result.names, result) + _csv(result)


def _tsv(result: Result) -> bytes:
    return _separated(result.rows, result, _tsv_row)


def _tsv_with_names(result: Result) -> bytes:
    return _tsv_row(result.names, result) + _tsv(result)


FORMATS: dict[str, Callable[[Result], bytes]] = {
    "JSONEachRow": _json_each_row,
    "JSONLines": _json_each_row,
    "NDJSON": _json_each_row,
    "JSONCompactEachRow": _json_compact_each_row,
    "JSON": _json,
    "JSONCompact": _json_compact,
    "CSV": _csv,
    "CSVWithNames": _csv_with_names,
    "TabSeparated": _tsv,
    "TSV": _tsv,
    "TabSeparatedWithNames": _tsv_with_names,
    "TSVWithNames": _tsv_with_names,
}
"""The formats by their ClickHouse names."""

_dumps = msgspec.json.Encoder().encode
_SCALE = re.compile(r"DateTime64\((\d)")
_ESCAPES = {
    "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\b": "\\b", "\f": "\\f", "'": "\\'",
}  # fmt: skip


def _plain(result: Result) -> list[list[object]]:
    """Return the rows with the values that JSON can hold."""
    scales = _scales(result)
    return [[_json_value(value, scale) for value, scale in zip(row, scales, strict=True)] for row in result.rows]


def _scales(result: Result) -> list[int]:
    found = [_SCALE.search(column_type) for _, column_type in result.columns]
    return [int(match[1]) if match else 0 for match in found]


def _json_value(value: object, scale: int) -> object:
    match value:
        case None | bool() | int() | str():
            return value
        case float() | Decimal():
            return _json_float(float(value))
        case bytes():
            return value.decode(errors="replace")
        case dict():
            return {str(key): _json_value(item, scale) for key, item in value.items()}
        case list() | tuple():
            return [_json_value(item, scale) for item in value]
        case _:
            return _text(value, scale)


def _json_float(value: float) -> object:
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def _text(value: object, scale: int) -> str:
    """Return a value as ClickHouse writes it outside quotes."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return _float_text(value)
        case bytes():
            return value.decode(errors="surrogateescape")
        case datetime():
            fraction = f".{value.microsecond:06d}"[: scale + 1] if scale else ""
            return f"{value:%Y-%m-%d %H:%M:%S}{fraction}"
        case dict() | list() | tuple():
            return _nested_text(value, scale)
        case _:
            return str(value)


def _nested_text(value: dict[object, object] | list[object] | tuple[object, ...], scale: int) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(key, scale)}:{_quoted(item, scale)}" for key, item in value.items()) + "}"
    items = ",".join(_quoted(item, scale) for item in value)
    return f"[{items}]" if isinstance(value, list) else f"({items})"


def _float_text(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value).replace("e+", "e").replace("e-0", "e-")


def _quoted(value: object, scale: int) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int | float | Decimal | list | dict | tuple):
        return _text(value, scale)
    return "'" + _escaped(_text(value, scale)) + "'"


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)


def _csv_row(row: Sequence[object], result: Result) -> bytes:
    cells = (_csv_cell(value, scale) for value, scale in zip(row, _scales(result), strict=True))
    return (",".join(cells) + "\n").encode(errors="surrogateescape")


def _csv_cell(value: object, scale: int) -> str:
    if value is None:
        return "\\N"
    text = _text(value, scale)
    bare = isinstance(value, bool | int | float | Decimal)
    return text if bare else '"' + text.replace('"', '""') + '"'


def _tsv_row(row: Sequence[object], result: Result) -> bytes:
    cells = (
        "\\N" if value is None else _tsv_cell(value, scale) for value, scale in zip(row, _scales(result), strict=True)
    )
    return ("\t".join(cells) + "\n").encode(errors="surrogateescape")


def _tsv_cell(value: object, scale: int) -> str:
    text = _text(value, scale)
    # `_text` has already escaped the strings in arrays, maps and tuples.
    return text if isinstance(value, list | dict | tuple) else _escaped(text)


def _separated(
    rows: Iterable[Sequence[object]],
    result: Result,
    write: Callable[[Sequence[object], Result], bytes],
) -> bytes:
    return b"".join(write(row, result) for row in rows)


def _document(result: Result, data: Sequence[object]) -> bytes:
    meta = [{"name": name, "type": column_type} for name, column_type in result.columns]
    return _dumps({"meta": meta, "data": data, "rows": len(data)}) + b"\n"
