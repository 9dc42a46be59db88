"""The answers of a server, in the formats that ClickHouse itself writes."""

from __future__ import annotations

import msgspec
import pytest

from servers.clickhouse import ClickHouseServer
from sinks.clickhouse.formats import FORMATS
from sinks.database import Database
from sinks.open import open_database

# One of each kind of value, as far as the oldest server knows them.
VALUES = """
SELECT
    toInt64(-9007199254740993) AS int, toUInt64(18446744073709551615) AS uint, toUInt8(7) AS small,
    1.0 AS whole, 0.1 + 0.2 AS float, 1e30 AS large, 1e-10 AS tiny, -0.5 AS negative, 0 / 0 AS nan,
    NULL AS nothing, 'it''s "so",\\t\\\\ and\\nŻ 😀' AS text, '' AS empty,
    [1, 2] AS numbers, ['a', 'it''s'] AS words, emptyArrayString() AS none,
    toDateTime('2024-05-01 12:30:00', 'UTC') AS moment, toDate('2024-05-01') AS day
"""


@pytest.mark.clickhouse
@pytest.mark.embedded
@pytest.mark.parametrize("output_format", [f for f in FORMATS if f not in {"JSON", "JSONCompact"}])
def test_a_server_s_answer_is_written_as_clickhouse_writes_it(
    chdb: Database, clickhouse_server: ClickHouseServer, output_format: str
) -> None:
    server = open_database(clickhouse_server.url())
    server.execute("CREATE DATABASE IF NOT EXISTS touchline")

    ours = server.query(VALUES, output_format=output_format)

    assert ours.decode() == chdb.query(VALUES, output_format=output_format).decode()
    server.close()


@pytest.mark.clickhouse
@pytest.mark.embedded
@pytest.mark.parametrize("output_format", ["JSON", "JSONCompact"])
def test_a_server_s_document_holds_what_clickhouse_s_does(
    chdb: Database, clickhouse_server: ClickHouseServer, output_format: str
) -> None:
    server = open_database(clickhouse_server.url())
    server.execute("CREATE DATABASE IF NOT EXISTS touchline")

    ours = msgspec.json.decode(server.query(VALUES, output_format=output_format))

    theirs = msgspec.json.decode(chdb.query(VALUES, output_format=output_format))
    assert {key: ours[key] for key in ("data", "rows")} == {key: theirs[key] for key in ("data", "rows")}
    assert [column["name"] for column in ours["meta"]] == [c["name"] for c in theirs["meta"]]
    server.close()


@pytest.mark.clickhouse
def test_bytes_that_are_no_text_do_not_stop_an_answer(clickhouse_server: ClickHouseServer) -> None:
    server = open_database(clickhouse_server.url())
    server.execute("CREATE DATABASE IF NOT EXISTS touchline")

    sql = "SELECT unhex('00FF41') AS raw"

    assert server.query(sql, output_format="CSV") == b'"\x00\xffA"\n'
    assert msgspec.json.decode(server.query(sql, output_format="JSONEachRow")) == {"raw": "\0\ufffdA"}
    server.close()
