"""Values of a query's placeholders, as the embedded engine takes them: it reads a value as a field of TabSeparated."""

from __future__ import annotations

from collections.abc import Mapping

from sinks.errors import QueryError

# ClickHouse documents it for the parameters of its HTTP interface: tabs, new lines and backslashes are escaped.
_FIELD = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})
_QUOTED = str.maketrans({"\\": "\\\\", "'": "\\'", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})


def escaped(parameters: Mapping[str, object]) -> dict[str, object]:
    """Return parameters in such a form that the engine reads each value as it was.

    Raises:
        QueryError: a value is neither a text, a number, a truth value nor None, nor a list of these; or a text is not
            Unicode.
    """
    return {name: _field(name, value) for name, value in parameters.items()}


def _field(name: str, value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return _unicode(name, value).translate(_FIELD)
    if isinstance(value, list | tuple):
        return "[" + ",".join(_item(name, item) for item in value) + "]"
    return _number(name, value)


def _item(name: str, value: object) -> str:
    """Return an element of an array, in which texts stand in quotes."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + _unicode(name, value).translate(_QUOTED) + "'"
    return _number(name, value)


def _number(name: str, value: object) -> str:
    if not isinstance(value, bool | int | float):
        raise QueryError(f"parameter {name} is a {type(value).__name__}: give a text, a number, or a list of these")
    return str(value).lower()


def _unicode(name: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise QueryError(f"parameter {name} is not Unicode: it holds half a character") from error
    return text
