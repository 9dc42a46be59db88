"""A value of a placeholder comes back as it was given, whatever it holds: it is neither SQL nor an escape."""

from __future__ import annotations

import json
from queue import SimpleQueue
from typing import Any

import pytest
from clickhouse_driver.util.escape import escape_param
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sinks.database import select
from sinks.errors import QueryError
from tests.contract.engine import Engine

pytestmark = pytest.mark.embedded

TEXTS = st.text(st.sampled_from("\\Nnx41'\"\t\n\r\0\b\f\v\a`{}:[](),;$-%\x1b\u202e日") | st.characters(codec="utf-8"))
SCALARS = st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False, allow_infinity=False)
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@SHARED
@given(text=TEXTS)
@example("a\\x41")
@example("\\N")
@example("a\nb")
@example("a\\")
@example("NULL")
@example("")
def test_a_text(chdb_opened: Engine, text: str) -> None:
    sql = "SELECT {text:String}, {text:Nullable(String)}, length({text:String})"
    assert answer(chdb_opened, sql, text) == [text, text, len(text.encode())]


@SHARED
@given(texts=st.lists(TEXTS | st.none(), max_size=4))
@example(["a\\x41", "\\N", "'", None, "a\nb"])
def test_a_list_of_texts(chdb_opened: Engine, texts: list[str | None]) -> None:
    assert answer(chdb_opened, "SELECT {text:Array(Nullable(String))}", texts) == [texts]


@SHARED
@given(value=SCALARS)
def test_a_number(chdb_opened: Engine, value: float) -> None:
    of_type = "Int64" if isinstance(value, int) else "Float64"
    (found,) = answer(chdb_opened, f"SELECT toString({{text:{of_type}}})", value)
    assert type(value)(str(found)) == value


def test_a_truth_value(chdb_opened: Engine) -> None:
    assert [answer(chdb_opened, "SELECT {text:Bool}", value) for value in (True, False)] == [[True], [False]]


def test_nothing(chdb_opened: Engine) -> None:
    assert answer(chdb_opened, "SELECT {text:Nullable(String)}, {text:Nullable(Int8)}", None) == [None, None]


@pytest.mark.parametrize("value", [b"a", {"a": 1}, [[1]], [b"a"], "\ud800", ["\ud800"]])
def test_what_has_no_form_is_refused_by_name(chdb_opened: Engine, value: object) -> None:
    with pytest.raises(QueryError, match="parameter text is"):
        answer(chdb_opened, "SELECT {text:String}", value)


@SHARED
@given(text=TEXTS)
@example("a\\x41")
@example("\\N")
@example("a\nb")
def test_a_text_as_the_driver_sends_it_to_a_server(chdb_opened: Engine, text: str) -> None:
    # A current server reads the driver's value as a literal first, and what that holds as a field of TabSeparated: an
    # embedded engine can do both, one after the other.
    ((field,),) = select(chdb_opened, f"SELECT {escape_param(text, None, for_server=True)}")
    readers: SimpleQueue[Any] = vars(chdb_opened)["_free"]
    session = readers.get()
    try:
        found = session.query("SELECT {text:String}", "JSONCompactEachRow", params={"text": field})
    finally:
        readers.put(session)
    assert json.loads(found.bytes()) == [text]


def answer(database: Engine, sql: str, value: object) -> list[object]:
    """Return the row that a query gives for a parameter."""
    database.execute("CREATE DATABASE IF NOT EXISTS touchline")
    (row,) = select(database, sql, {"text": value})
    return row
