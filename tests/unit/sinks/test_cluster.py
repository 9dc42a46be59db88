"""What the statements for one server become on a cluster, and what names the tables there."""

from __future__ import annotations

import json
import re
from typing import cast

import pytest
from pydantic import ValidationError

from schemas.erasures import ErasedRows
from sinks.cluster import cluster_of, in_place, spread
from sinks.database import Database
from sinks.emptying import empty_tables
from sinks.erasing import CONDITIONS, erase
from sinks.errors import MigrationError
from sinks.kind_views import views
from sinks.migrate import migrate, shipped
from sinks.tables import OWNERS, TABLES
from streams.settings import Settings
from tests.contract.engine import Engine

STATEMENTS = [statement for migration in shipped() for statement in migration.statements]
SHARDS = re.compile(r"ENGINE = Distributed\('duo', 'touchline', '(\w+)_rows_local', cityHash64\((.*)\)\)$")


def test_a_single_server_runs_the_statements_as_they_are() -> None:
    for statement in [
        *STATEMENTS,
        "CREATE DATABASE IF NOT EXISTS touchline",
        "ALTER TABLE touchline.a ADD COLUMN b Int8",
    ]:
        assert spread(statement, "") == [statement]
    assert in_place("touchline.customers_rows", "") == "touchline.customers_rows"


def test_a_table_becomes_a_replicated_one_on_each_server_and_a_distributed_one_over_them() -> None:
    made = spread(
        "-- Money.\nCREATE TABLE IF NOT EXISTS touchline.prices_rows\n(\n    name String,\n    at DateTime,\n"
        "    version UInt64\n)\nENGINE = ReplacingMergeTree(version)\nPARTITION BY toYear(at)\nORDER BY (name, at)",
        "all-servers",
    )

    local, over = made
    assert local == (
        "CREATE TABLE IF NOT EXISTS touchline.prices_rows_local ON CLUSTER 'all-servers'\n(\n    name String,\n"
        "    at DateTime,\n    version UInt64\n)\nENGINE = ReplicatedReplacingMergeTree("
        "'/clickhouse/tables/{shard}/touchline/prices_rows_local', '{replica}', version)\n"
        "PARTITION BY toYear(at)\nORDER BY (name, at)"
    )
    assert over == (
        "CREATE TABLE IF NOT EXISTS touchline.prices_rows ON CLUSTER 'all-servers' AS touchline.prices_rows_local\n"
        "ENGINE = Distributed('all-servers', 'touchline', 'prices_rows_local', cityHash64(name, at))"
    )


def test_a_column_is_added_where_rows_lie_and_then_above() -> None:
    assert spread("ALTER TABLE touchline.a ADD COLUMN b Int8", "duo") == [
        "ALTER TABLE touchline.a_local ON CLUSTER 'duo' ADD COLUMN b Int8",
        "ALTER TABLE touchline.a ON CLUSTER 'duo' ADD COLUMN b Int8",
    ]


def test_owners_are_filled_on_each_server_from_its_own_identities() -> None:
    (fill,) = [one for statement in STATEMENTS for one in spread(statement, "duo") if "MATERIALIZED" in one]

    assert " ON CLUSTER 'duo' TO touchline.owners_rows_local AS" in fill
    assert fill.endswith("FROM touchline.identities_rows_local")


def test_every_statement_of_this_release_is_run_on_all_servers() -> None:
    for statement in [*STATEMENTS, *(view.statement for view in views())]:
        assert {one.count(" ON CLUSTER 'duo'") for one in spread(statement, "duo")} == {1}, statement


def test_of_a_statement_that_nothing_is_known_of_no_other_is_made() -> None:
    with pytest.raises(ValueError, match="DROP TABLE touchline"):
        spread("DROP TABLE touchline.a", "duo")


def test_all_versions_of_a_row_meet_on_a_shard() -> None:
    """What tells the shard is of the row's key, which never changes. An identity's versions are rows of their own."""
    found = [SHARDS.search(one) for statement in STATEMENTS for one in spread(statement, "duo")]
    sharded = {one[1]: set(re.findall(r"\b[a-z_]+\b", re.sub(r"'[^']*'", "", one[2]))) for one in found if one}

    assert sharded["touchpoints"] == {"stated_key"}
    for table in TABLES:
        assert sharded[table] - {"if", "concat"} <= set(TABLES[table].key), table
    assert sharded["owners"] == {"name"}
    assert "version" not in sharded["identities"]


class OnDuo:
    """A database on a cluster that notes what it is told to do."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def execute(self, sql: str) -> None:
        self.told.append(sql)

    def query(self, sql: str, _parameters: object = None, _format: str = "") -> bytes:
        if "engine_full" in sql:
            return json.dumps(["Distributed('duo', 'touchline', 'migrations_local', cityHash64(number))"]).encode()
        if "LIKE '%_rows'" in sql:
            return b'["clocks_rows"]\n["customers_rows"]'
        return b"" if "system." in sql else b"[1]"


def test_a_database_tells_the_cluster_that_its_tables_are_on() -> None:
    assert cluster_of(cast(Database, OnDuo())) == "duo"


def test_a_database_on_one_server_tells_none(chdb: Engine) -> None:
    assert not cluster_of(chdb)


@pytest.mark.parametrize("table", sorted(CONDITIONS))
def test_rows_of_who_was_erased_are_deleted_where_they_lie(table: str) -> None:
    database = OnDuo()

    erase(cast(Database, database), table, ErasedRows("order", 1, ["ann"], version=1))

    deleting = [one.split(" DELETE ")[0] for one in database.told if " DELETE " in one]
    stored = [OWNERS] if table == "identities" else []
    assert deleting == [f"ALTER TABLE {name}_local ON CLUSTER 'duo'" for name in [*stored, TABLES[table].stored]]


def test_tables_are_emptied_where_their_rows_lie() -> None:
    database = OnDuo()

    assert empty_tables(cast(Database, database), ["clocks"]) == ["touchline.customers_rows"]

    assert database.told == ["TRUNCATE TABLE touchline.customers_rows_local ON CLUSTER 'duo'"]


def test_tables_on_one_server_are_not_spread_over_others(chdb: Engine) -> None:
    with pytest.raises(MigrationError, match="on a single server, and are to be spread over the cluster duo") as error:
        migrate(chdb, cluster="duo")

    assert "TOUCHLINE_CLICKHOUSE_CLUSTER" in str(error.value)


@pytest.mark.parametrize("name", ["a b", "x'; DROP TABLE y", "1st", "a.b", "-a"])
def test_a_name_that_no_cluster_has_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="clickhouse_cluster"):
        Settings(clickhouse_cluster=name)


def test_a_cluster_needs_a_server() -> None:
    assert Settings(clickhouse_cluster="all-servers").clickhouse_cluster == "all-servers"
    with pytest.raises(ValidationError, match="embedded database has no cluster"):
        Settings(clickhouse="chdb:///tmp/x", clickhouse_cluster="duo")
