"""Tables are emptied so that they can be filled again, on every ClickHouse."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from schemas.rows import TABLES
from servers.clickhouse import ClickHouseServer
from sinks.database import select
from sinks.emptying import empty_tables
from sinks.errors import PermanentWriteError
from sinks.migrate import migrate
from tests.contract.engine import Engine, open_engine
from tests.contract.facts_rows import PLAIN
from tests.contract.lowering import lowered

DECLARED = ("metric_definitions", "steps", "kinds", "settings")


@pytest.fixture(
    params=[
        pytest.param("chdb", marks=pytest.mark.embedded),
        pytest.param("server", marks=pytest.mark.clickhouse),
    ]
)
def filled(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A ClickHouse with a row in every table."""
    if request.param == "chdb":
        chdb: Engine = request.getfixturevalue("chdb")
        yield fill(chdb)
        return
    server: ClickHouseServer = request.getfixturevalue("clickhouse_server")
    engine = open_engine(server.url())
    migrate(engine, migrations=lowered())
    yield fill(engine)
    engine.execute("DROP DATABASE touchline")
    engine.close()


def fill(engine: Engine) -> Engine:
    for table, row in PLAIN.items():
        engine.write(table, [msgspec.structs.astuple(row)])
    assert counts(engine) == dict.fromkeys(TABLES, 1)
    assert count_of(engine, "owners") == 1
    return engine


def counts(engine: Engine) -> dict[str, int]:
    return {table: count_of(engine, table) for table in TABLES}


def count_of(engine: Engine, table: str) -> int:
    ((count,),) = select(engine, f"SELECT toUInt32(count()) FROM {table}_rows")
    return int(str(count))


def test_all_rows_go_but_those_of_the_tables_that_are_kept(filled: Engine) -> None:
    emptied = empty_tables(filled, ["dead_letters"])

    assert counts(filled) == {table: int(table == "dead_letters") for table in TABLES}
    assert count_of(filled, "owners") == 0
    assert set(emptied) >= {f"touchline.{table}_rows" for table in TABLES if table != "dead_letters"}


def test_it_may_be_repeated(filled: Engine) -> None:
    assert empty_tables(filled, []) == empty_tables(filled, [])
    assert not any(counts(filled).values())


def test_a_table_to_keep_that_is_none_is_refused_before_anything_is_emptied(filled: Engine) -> None:
    with pytest.raises(PermanentWriteError, match="no table 'dead_letter'"):
        empty_tables(filled, ["dead_letter"])
    assert all(counts(filled).values())


@pytest.mark.embedded
def test_the_definitions_go_too_and_the_next_migration_stores_those_of_this_release(chdb: Engine) -> None:
    declared = {table: count_of(chdb, table) for table in DECLARED}
    chdb.execute("INSERT INTO touchline.steps_rows (code, kind, action, version) VALUES ('?', 'of before', '', 1)")

    empty_tables(chdb, [])
    assert not any(count_of(chdb, table) for table in DECLARED)

    assert migrate(chdb) == []
    assert {table: count_of(chdb, table) for table in DECLARED} == declared


@pytest.mark.embedded
def test_a_table_that_is_larger_than_what_may_be_dropped_is_emptied_all_the_same(chdb: Engine) -> None:
    fill(chdb)
    chdb.execute("SET max_table_size_to_drop = 1")
    try:
        with pytest.raises(PermanentWriteError, match="greater than"):
            chdb.execute("TRUNCATE TABLE touchline.touchpoints_rows")
        empty_tables(chdb, [])
    finally:
        chdb.execute("SET max_table_size_to_drop = DEFAULT")
    assert not any(counts(chdb).values())
