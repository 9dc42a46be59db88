"""ClickHouse's messages as ours quote them."""

from __future__ import annotations

import pytest

from sinks.clickhouse.messages import brief
from sinks.errors import QueryError
from sinks.query import run_query
from tests.contract.engine import Engine


def test_an_error_of_clickhouse_becomes_one_readable_line() -> None:
    message = (
        "Code: 62. DB::Exception: Syntax error: failed at position 1 (x): x.\n"
        "Expected one of: SELECT, WITH,\nFROM. (SYNTAX_ERROR)"
    )

    assert brief(message) == "Code: 62. DB::Exception: Syntax error: failed at position 1 (x): x (SYNTAX_ERROR)"
    assert brief("Code: 1. DB::Exception: no. Stack trace:\n\n0. x\n1. y") == "Code: 1. DB::Exception: no."


def test_it_is_short_and_printable() -> None:
    told = brief("Code: 1. \x1b[2J\x9b\u202e " + "x" * 10_000)

    assert told.startswith("Code: 1. \\u001b[2J\\u009b\\u202e xxx")
    assert len(told) == 300


@pytest.mark.embedded
def test_what_an_engine_quotes_of_a_query_is_printable(
    chdb: Engine,  # noqa: ARG001  # makes the tables
    chdb_folder: object,
) -> None:
    with pytest.raises(QueryError) as refused:
        run_query(f"chdb://{chdb_folder}", 'SELECT "\x1b[2J\x9b\u202e" FROM touchpoints')

    assert "\\u001b[2J\\u009b\\u202e" in str(refused.value)
    assert str(refused.value).isprintable()
