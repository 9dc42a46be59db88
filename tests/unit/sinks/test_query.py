"""`touchline query` reads, in any format, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from servers.clickhouse import ClickHouseServer
from sinks.errors import QueryError, TransientWriteError
from sinks.open import open_database
from sinks.query import run_query
from tests.contract.engine import Engine
from tests.contract.facts_rows import PLAIN


@pytest.mark.embedded
def test_a_table_for_people(chdb: Engine, chdb_folder: Path) -> None:
    chdb.write("touchpoints", [msgspec.structs.astuple(PLAIN["touchpoints"])])

    shown = run_query(
        f"chdb://{chdb_folder}",
        "SELECT event_id, experience, sentiment, value_minor, '日本' AS wide FROM touchpoints;",
    )

    assert shown.decode() == (
        "event_id  experience  sentiment  value_minor  wide\n"
        "────────  ──────────  ─────────  ───────────  ────\n"
        "e1              0.25          ·         1299  日本\n"
        "\n"
        "1 row\n"
    )


@pytest.mark.embedded
def test_a_format_of_clickhouse(chdb: Engine, chdb_folder: Path) -> None:
    chdb.write("clocks", [[3, 0, 17, 1]])

    out = run_query(f"chdb://{chdb_folder}", "SELECT partition, offset FROM clocks", "JSONEachRow")

    assert out == b'{"partition":3,"offset":17}\n'


@pytest.mark.embedded
@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO clocks_rows SELECT 1, 1, 1, 1",
        "TRUNCATE TABLE clocks_rows",
        "DROP DATABASE touchline",
        "CREATE TABLE x (a UInt8) ENGINE = Memory",
        "SET readonly = 0",
    ],
)
def test_nothing_can_be_changed(chdb: Engine, chdb_folder: Path, sql: str) -> None:
    chdb.write("clocks", [[3, 0, 17, 1]])

    with pytest.raises(QueryError, match="readonly"):
        run_query(f"chdb://{chdb_folder}", sql)

    assert chdb.query("SELECT count() FROM clocks", output_format="TSV") == b"1\n"


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "Syntax error"),
        ("SELECT nope FROM touchpoints", "nope"),
        ("SELECT * FROM nowhere", "nowhere"),
        (" ; ", "empty"),
    ],
)
def test_a_wrong_query_is_explained(
    chdb: Engine,  # noqa: ARG001  # makes the tables
    chdb_folder: Path,
    sql: str,
    message: str,
) -> None:
    with pytest.raises(QueryError, match=message):
        run_query(f"chdb://{chdb_folder}", sql)


@pytest.mark.embedded
def test_an_unknown_format_is_named(chdb_folder: Path, chdb: Engine) -> None:  # noqa: ARG001  # tables
    with pytest.raises(QueryError, match="Nonsense"):
        run_query(f"chdb://{chdb_folder}", "SELECT 1", "Nonsense")


@pytest.mark.embedded
def test_values_are_given_apart_from_the_text(chdb: Engine) -> None:
    found = chdb.query(
        "SELECT {word:String} AS word, {number:Int64} AS number",
        {"word": "it's; DROP", "number": -5},
        "JSONEachRow",
    )

    assert found == b'{"word":"it\'s; DROP","number":-5}\n'


@pytest.mark.clickhouse
@pytest.mark.parametrize("sql", ["DROP DATABASE touchline", "CREATE TABLE touchline.x (a UInt8) ENGINE = Memory"])
def test_a_server_is_not_changed_either(clickhouse_server: ClickHouseServer, sql: str) -> None:
    open_database(clickhouse_server.url()).execute("CREATE DATABASE IF NOT EXISTS touchline")

    with pytest.raises(QueryError, match="readonly"):
        run_query(clickhouse_server.url(), sql)


def test_a_server_that_is_not_there_is_named(free_port: int) -> None:
    with pytest.raises(TransientWriteError, match=f"127.0.0.1:{free_port}"):
        run_query(f"clickhouse://127.0.0.1:{free_port}", "SELECT 1")


@pytest.fixture
def free_port() -> int:
    """A port that nothing listens on."""
    from touchline.stack.ports import free_port as find  # noqa: PLC0415  # shadowed by the fixture

    return find()
