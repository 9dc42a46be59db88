"""Runs one query and returns its result, by default as a table for people: `touchline query`."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import msgspec

from schemas.errors import NOT_READ
from schemas.text import printable, shortened
from sinks.errors import QueryError
from sinks.open import open_reader
from sinks.statement import reading_statement

CELL_CHARACTERS = 200
"""Characters of a cell that a table shows: each row is padded to the widest cell of its column."""

_NUMBERS = ("Int", "UInt", "Float", "Decimal")


def run_query(url: str, sql: str, output_format: str | None = None) -> bytes:
    """Return the result of one reading statement on database `touchline`.

    Args:
        url: the address of a database, for `sinks.open.open_reader`.
        sql: the statement; it can change nothing, and reach nothing outside of the database. It may end in a
            semicolon, and in FORMAT.
        output_format: a ClickHouse format name; None for that of FORMAT, without it a table for people (UTF-8).

    Raises:
        SinkError: the address, the connection or the statement is at fault; the message says which.
    """
    sql, said_format = reading_statement(sql)
    if output_format is not None and said_format not in {None, output_format}:
        raise QueryError(f"the query ends in FORMAT {said_format}, and --format says {output_format}: give one of them")
    output_format = output_format or said_format
    database = open_reader(url)
    try:
        if output_format is not None:
            return database.query(sql, output_format=output_format)
        return _table(database.query(sql, output_format="JSONCompact")).encode()
    finally:
        database.close()


class _Column(msgspec.Struct):
    name: str
    type: str


class _Answer(msgspec.Struct):
    meta: list[_Column]
    data: list[list[msgspec.Raw]]


def _table(answer: bytes) -> str:
    """Return an answer in format JSONCompact as aligned columns under their names."""
    try:
        result = msgspec.json.decode(answer, type=_Answer)
    except NOT_READ as error:
        raise QueryError("the answer is no table: name the format with --format, not in the query") from error
    texts = [[column.name for column in result.meta], *([_text(bytes(value)) for value in row] for row in result.data)]
    names, *cells = [[shortened(text, CELL_CHARACTERS) for text in row] for row in texts]
    foot = f"{len(cells)} row{'' if len(cells) == 1 else 's'}"
    if any(_is_cut(text) for row in texts for text in row):
        foot += f"; what is longer than {CELL_CHARACTERS} characters is cut: --format JSONEachRow shows all of it"
    widths = [max(map(_width, column)) for column in zip(names, *cells, strict=True)]
    right = [column.type.removeprefix("Nullable(").startswith(_NUMBERS) for column in result.meta]
    lines = [
        _line(names, widths, right),
        "  ".join("─" * width for width in widths),
        *(_line(row, widths, right) for row in cells),
        "",
        foot,
    ]
    return "\n".join(lines) + "\n"


def _text(value: bytes) -> str:
    """Return a JSON value as text; NULL is a dot."""
    if value == b"null":
        return "·"
    return msgspec.json.decode(value, type=str) if value.startswith(b'"') else value.decode()


def _is_cut(text: str) -> bool:
    return len(printable(text[: CELL_CHARACTERS + 1])) > CELL_CHARACTERS


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = []
    for cell, width, to_right in zip(cells, widths, right, strict=True):
        space = " " * (width - _width(cell))
        padded.append(space + cell if to_right else cell + space)
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """Return the width of a text, terminal columns."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
