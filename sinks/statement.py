"""Checks a statement that a person typed, before an engine gets it: it is a single one, and it only reads.

The engines run it with `readonly`, which stops whatever changes a table or a setting. This stops what `readonly` lets
pass: files that the client writes, functions that reach outside the database, statements to the server itself, and
limits that are lifted for one query. Functions that may be called are listed; all others are refused. Where releases of
ClickHouse read a text in different ways, it is refused, so that nothing can hide in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from schemas.text import printable
from sinks.errors import QueryError
from sinks.functions import may_be_called, reaches_outside

_READING = ("SELECT", "WITH", "FROM", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS")
"""What a statement that reads begins with."""

_TOKEN = re.compile(
    r"""
      (?P<space> \s+ | --[^\n]* | /\* (?: (?!/\*|\*/). )* \*/ )
    | (?P<text> (?<=\w)'[^'\\]*'(?!') | (?<!\w)'(?:[^'\\]|\\.|'')*' | (?<!\w)(?P<tag>\$\w*\$).*?(?P=tag) )
    | (?P<quoted> "(?:[^"\\]|\\.|"")*" | `(?:[^`\\]|\\.|``)*` )
    | (?P<word> \w+ )
    | (?P<sign> /(?![/*]) | [^'"`$#/\u2018\u2019\u201c\u201d\w\s] )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_UNREADABLE = {
    "'": "a text has no end, or a letter before it and an escape in it",
    '"': "a name in quotes has no end",
    "`": "a name in quotes has no end",
    "/": "a comment has no end, holds another, or begins with //; write it as -- to the end of the line",
    "#": "write a comment as -- to the end of the line",
    "$": "a text in $$ has no end; a name with a $ in it is written in double quotes",
}
_BEFORE_A_NAME = (
    *("ALL", "AND", "AS", "BETWEEN", "BY", "DISTINCT", "ELSE", "FROM", "HAVING", "IN", "IS", "JOIN", "LIKE", "NOT"),
    *("ON", "OR", "PREWHERE", "SELECT", "THEN", "USING", "WHEN", "WHERE"),
)
_AFTER_A_NAME = ("ASC", "ASCENDING", "DESC", "DESCENDING", "END", "FINAL")


class Statement(NamedTuple):
    """A statement that only reads.

    Attributes:
        sql: without its semicolon and FORMAT.
        output_format: the format that its FORMAT names; None without one.
    """

    sql: str
    output_format: str | None


class _Token(NamedTuple):
    kind: str
    text: str
    start: int

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.upper() in words


_NONE = _Token("none", "", 0)


def reading_statement(sql: str) -> Statement:
    """Return the statement in a text.

    Raises:
        QueryError: it is none or several, or does more than read the tables; says what.
    """
    try:
        sql.encode()
    except UnicodeEncodeError as error:
        raise QueryError("the query is not UTF-8") from error
    tokens = list(_tokens(sql))
    end = next((place for place, token in enumerate(tokens) if token.text == ";"), len(tokens))
    if any(token.text != ";" for token in tokens[end:]):
        raise QueryError("a query is one statement: nothing may follow its semicolon")
    if end < len(tokens):
        sql = sql[: tokens[end].start]
    tokens = tokens[:end]
    if not tokens:
        raise QueryError("the query is empty")
    _check_start(tokens)
    _check_tokens(tokens)
    if _ends_in_format(tokens):
        return Statement(sql[: tokens[-2].start].strip(), tokens[-1].text.strip('"`'))
    return Statement(sql.strip(), None)


_FILES = "default"
"""The database whose tables are, in an embedded ClickHouse, the files of the machine, too."""


def _tokens(sql: str) -> Iterator[_Token]:
    """Yield the tokens of a text, without space and comments."""
    position = 0
    while position < len(sql):
        found = _TOKEN.match(sql, position)
        if found is None:
            character = sql[position]
            raise QueryError(
                f"the query cannot be read from {sql[position : position + 20]!a} on: "
                + _UNREADABLE.get(character, "write quotes as ' or \"")
            )
        kind = str(found.lastgroup)
        if kind != "space":
            yield _Token("text" if kind == "tag" else kind, found[0], position)
        position = found.end()


def _check_start(tokens: Sequence[_Token]) -> None:
    first = next((token for token in tokens if token.text != "("), tokens[0])
    if not first.is_word(*_READING):
        raise QueryError(
            f"a query only reads: it begins with {', '.join(_READING)}, not with {printable(first.text[:40])}"
        )


def _check_tokens(tokens: Sequence[_Token]) -> None:
    for before, token, after in zip([_NONE, *tokens], tokens, [*tokens[1:], _NONE], strict=False):
        if token.is_word("OUTFILE"):
            raise QueryError("a query writes no file: leave INTO OUTFILE out, and redirect the output with > FILE")
        if token.is_word("SETTINGS") and before.text != "." and not before.is_word("SHOW", "CHANGED"):
            raise QueryError(
                'a query changes no setting: leave SETTINGS out; write a column of that name as "settings"'
            )
        if after.text == "(":
            _check_call(token)
        if after.text == "." and before.text != "." and token.text.strip('"`').lower() == _FILES:
            raise QueryError(
                f"a query reads touchline's tables: {_FILES} reaches outside of them (in an embedded ClickHouse, to "
                "files); leave it out"
            )
        if token.kind in {"word", "quoted"} and before.text != ".":
            _check_name(token)


def _check_call(token: _Token) -> None:
    if token.kind == "quoted":
        raise QueryError(f"write the function {printable(token.text[:40])} without quotes")
    if token.kind == "word" and not may_be_called(token.text):
        raise QueryError(
            f"a query reads the tables only: {token.text[:40]} reaches outside of the database, or is no function that "
            "is known to stay in it; for that, take another client of ClickHouse"
        )


def _check_name(token: _Token) -> None:
    """Refuse a function that is named without being called: `arrayMap(file, names)` calls it all the same."""
    name = token.text
    if token.kind == "quoted":
        if "\\" in name:
            raise QueryError(f"write the name {printable(name[:40])} without a backslash")
        name = name[1:-1]
    if reaches_outside(name):
        raise QueryError(
            f"{name} is the name of a function that reaches outside of the database: write a column of that name "
            f"behind that of its table, as in t.{name}"
        )


def _ends_in_format(tokens: Sequence[_Token]) -> bool:
    """Return whether a statement ends in FORMAT and a name, and FORMAT is no name itself."""
    if len(tokens) < 3:
        return False
    before, word, name = tokens[-3:]
    return (
        word.is_word("FORMAT")
        and name.kind in {"word", "quoted"}
        and not name.is_word(*_AFTER_A_NAME)
        and not before.is_word(*_BEFORE_A_NAME)
        and (before.kind != "sign" or before.text in {")", "]", "*", "}"})
    )
