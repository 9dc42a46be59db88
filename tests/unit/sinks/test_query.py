"""`touchline query` reads, in any format, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from servers.clickhouse import ClickHouseServer
from sinks.formats import FORMATS
from sinks.open import open_writer
from sinks.query import run_query
from sinks.writer import QueryError, TransientWriteError, Writer
from tests.contract.facts_rows import PLAIN

# One of each kind of value, as far as the oldest server knows them.
VALUES = """
SELECT
    toInt64(-9007199254740993) AS int, toUInt64(18446744073709551615) AS uint, toUInt8(7) AS small,
    1.0 AS whole, 0.1 + 0.2 AS float, 1e30 AS large, 1e-10 AS tiny, -0.5 AS negative, 0 / 0 AS nan,
    NULL AS nothing, 'it''s "so",\\t\\\\ and\\nŻ 😀' AS text, '' AS empty,
    [1, 2] AS numbers, ['a', 'it''s'] AS words, emptyArrayString() AS none,
    toDateTime('2024-05-01 12:30:00', 'UTC') AS moment, toDate('2024-05-01') AS day
"""


@pytest.mark.embedded
def test_a_table_for_people(chdb: Writer, chdb_folder: Path) -> None:
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
def test_a_format_of_clickhouse(chdb: Writer, chdb_folder: Path) -> None:
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
def test_nothing_can_be_changed(chdb: Writer, chdb_folder: Path, sql: str) -> None:
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
    chdb: Writer,  # noqa: ARG001  # makes the tables
    chdb_folder: Path,
    sql: str,
    message: str,
) -> None:
    with pytest.raises(QueryError, match=message):
        run_query(f"chdb://{chdb_folder}", sql)


@pytest.mark.embedded
def test_an_unknown_format_is_named(chdb_folder: Path, chdb: Writer) -> None:  # noqa: ARG001  # tables
    with pytest.raises(QueryError, match="Nonsense"):
        run_query(f"chdb://{chdb_folder}", "SELECT 1", "Nonsense")


@pytest.mark.embedded
def test_values_are_given_apart_from_the_text(chdb: Writer) -> None:
    found = chdb.query(
        "SELECT {word:String} AS word, {number:Int64} AS number",
        {"word": "it's; DROP", "number": -5},
        "JSONEachRow",
    )

    assert found == b'{"word":"it\'s; DROP","number":-5}\n'


@pytest.mark.clickhouse
@pytest.mark.embedded
@pytest.mark.parametrize("output_format", [f for f in FORMATS if f not in {"JSON", "JSONCompact"}])
def test_a_server_s_answer_is_written_as_clickhouse_writes_it(
    chdb: Writer, clickhouse_server: ClickHouseServer, output_format: str
) -> None:
    server = open_writer(clickhouse_server.url())
    server.execute("CREATE DATABASE IF NOT EXISTS touchline")

    ours = server.query(VALUES, output_format=output_format)

    assert ours.decode() == chdb.query(VALUES, output_format=output_format).decode()
    server.close()


@pytest.mark.clickhouse
@pytest.mark.embedded
@pytest.mark.parametrize("output_format", ["JSON", "JSONCompact"])
def test_a_server_s_document_holds_what_clickhouse_s_does(
    chdb: Writer, clickhouse_server: ClickHouseServer, output_format: str
) -> None:
    server = open_writer(clickhouse_server.url())
    server.execute("CREATE DATABASE IF NOT EXISTS touchline")

    ours = msgspec.json.decode(server.query(VALUES, output_format=output_format))

    theirs = msgspec.json.decode(chdb.query(VALUES, output_format=output_format))
    assert {key: ours[key] for key in ("data", "rows")} == {key: theirs[key] for key in ("data", "rows")}
    assert [column["name"] for column in ours["meta"]] == [c["name"] for c in theirs["meta"]]
    server.close()


@pytest.mark.clickhouse
def test_bytes_that_are_no_text_do_not_stop_an_answer(clickhouse_server: ClickHouseServer) -> None:
    server = open_writer(clickhouse_server.url())
    server.execute("CREATE DATABASE IF NOT EXISTS touchline")

    sql = "SELECT unhex('00FF41') AS raw"

    assert server.query(sql, output_format="CSV") == b'"\x00\xffA"\n'
    assert msgspec.json.decode(server.query(sql, output_format="JSONEachRow")) == {"raw": "\0\ufffdA"}
    server.close()


@pytest.mark.clickhouse
@pytest.mark.parametrize("sql", ["DROP DATABASE touchline", "CREATE TABLE touchline.x (a UInt8) ENGINE = Memory"])
def test_a_server_is_not_changed_either(clickhouse_server: ClickHouseServer, sql: str) -> None:
    open_writer(clickhouse_server.url()).execute("CREATE DATABASE IF NOT EXISTS touchline")

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
