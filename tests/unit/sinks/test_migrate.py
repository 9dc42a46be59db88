"""Migrations are applied once, in order, and an applied one never changes."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import msgspec
import pytest

from schemas.kinds.steps import STEPS
from schemas.rows import TABLES
from sinks.database import Database, select
from sinks.errors import MigrationError, PermanentWriteError
from sinks.migrate import Migration, migrate, shipped
from sinks.tables import TABLES as STORED
from tests.contract.engine import Engine
from tests.contract.facts_rows import PLAIN

pytestmark = pytest.mark.embedded

OPERATING = Path(__file__).parents[3] / "docs" / "operating.md"

ONE = Migration("0001_one", "CREATE TABLE IF NOT EXISTS touchline.one (a UInt8) ENGINE = Memory;\n")
TWO = Migration(
    "0002_two",
    "-- Two statements; the first semicolon ends nothing.\n"
    "CREATE TABLE IF NOT EXISTS touchline.two (a UInt8) ENGINE = Memory;\n"
    "INSERT INTO touchline.two SELECT 1;\n",
)


def test_every_table_and_view_is_made_once(chdb_without_tables: Engine) -> None:
    first = migrate(chdb_without_tables)
    second = migrate(chdb_without_tables)

    names = {row[0] for row in select(chdb_without_tables, "SHOW TABLES")}
    assert first == [migration.name for migration in shipped()]
    assert second == []
    assert names >= {f"{table}_rows" for table in TABLES}
    unseen = {"metric_buckets", "superseded", "currencies", "hourly_counts", "outcomes"}
    assert names >= set(TABLES) - unseen | {"rolling_metrics", "reconciliation"}


def test_stored_columns_and_keys_are_those_of_the_facts(chdb: Engine) -> None:
    for table, row in TABLES.items():
        described = select(chdb, f"DESCRIBE TABLE touchline.{table}_rows")
        (engine,) = select(
            chdb,
            "SELECT sorting_key, engine_full FROM system.tables WHERE database = 'touchline' AND name = {name:String}",
            {"name": f"{table}_rows"},
        )

        # A column with a default is made of the others.
        assert tuple(str(column[0]) for column in described if column[2] != "DEFAULT") == row.__struct_fields__
        assert str(engine[0]) == ", ".join(STORED[table].key)
        assert str(engine[1]).startswith("ReplacingMergeTree(version)")


def test_every_step_of_a_path_shows_its_kind(chdb: Engine) -> None:
    journey = msgspec.structs.replace(PLAIN["journeys"], path="".join(step.code for step in STEPS))
    chdb.write("journeys", [msgspec.structs.astuple(journey)])

    assert select(chdb, "SELECT path FROM journeys") == [[[step.kind for step in STEPS]]]


def test_the_declared_steps_are_stored_once(chdb: Engine) -> None:
    migrate(chdb)
    migrate(chdb)

    stored = select(chdb, "SELECT code, kind, action FROM steps_rows ORDER BY code")
    assert stored == sorted(map(list, STEPS))


def test_a_step_that_changed_is_stored_anew_and_one_that_went_stays(chdb: Engine) -> None:
    chdb.execute("INSERT INTO touchline.steps_rows (code, kind, action, version) SELECT 'pp', 'old', 'gone', 7")
    chdb.execute("INSERT INTO touchline.steps_rows (code, kind, action, version) SELECT '??', 'old', 'gone', 7")
    migrate(chdb)
    stored = {row[0]: row[1:] for row in select(chdb, "SELECT code, kind, action FROM steps_rows FINAL")}
    chdb.execute("ALTER TABLE touchline.steps_rows DELETE WHERE code = '??' SETTINGS mutations_sync = 1")

    assert stored["pp"] == ["purchase", "placed"]
    assert stored["??"] == ["old", "gone"]


def test_only_what_is_new_is_applied(chdb_without_tables: Engine) -> None:
    migrate(chdb_without_tables, migrations=[ONE])

    assert migrate(chdb_without_tables, migrations=[ONE, TWO]) == ["0002_two"]
    assert migrate(chdb_without_tables, migrations=[ONE, TWO]) == []
    assert select(chdb_without_tables, "SELECT a FROM two") == [[1]]


@pytest.mark.parametrize(
    ("release", "made_by"),
    [("0.0.9", "touchline 0.0.9 on 2026-03-01"), ("", "an older build of touchline on 2026-03-01")],
)
def test_tables_that_are_made_otherwise_now_are_left_alone_and_the_operator_told_what_to_do(
    chdb_without_tables: Engine, release: str, made_by: str
) -> None:
    """Tables of before the release was recorded have no column of it."""
    migrate(chdb_without_tables, migrations=[ONE])
    chdb_without_tables.execute("DROP TABLE touchline.migrations")
    chdb_without_tables.execute(
        "CREATE TABLE touchline.migrations (number UInt32, name String, checksum String, applied_at DateTime) "
        "ENGINE = MergeTree ORDER BY number"
    )
    columns, said = ("", "") if not release else (", release", f", '{release}'")
    if release:
        chdb_without_tables.execute("ALTER TABLE touchline.migrations ADD COLUMN release String")
    chdb_without_tables.execute(
        f"INSERT INTO touchline.migrations (number, name, checksum, applied_at{columns}) "
        f"SELECT 1, '0001_one', 'another', toDateTime('2026-03-01 12:00:00'){said}"
    )

    with pytest.raises(MigrationError) as error:
        migrate(chdb_without_tables, migrations=[ONE, TWO])

    assert str(error.value) == (
        f"the tables were made by {made_by}, and touchline {version('touchline')} makes them otherwise (0001_one): "
        "nothing was changed. Make them anew: stop workers and sinks, drop the database touchline, and run "
        "`touchline rebuild`, which computes all of it from the inputs; "
        'see docs/operating.md, "Tables of another build"'
    )
    assert "## Tables of another build" in OPERATING.read_text("utf-8")
    assert select(chdb_without_tables, "SELECT count() FROM migrations") == [[1]]


def test_a_database_tells_which_release_applied_a_migration(chdb_without_tables: Engine) -> None:
    migrate(chdb_without_tables, migrations=[ONE])

    assert select(chdb_without_tables, "SELECT name, release FROM migrations") == [["0001_one", version("touchline")]]


def test_a_database_of_a_newer_release_is_left_alone(chdb_without_tables: Engine) -> None:
    migrate(chdb_without_tables, migrations=[ONE, TWO])

    with pytest.raises(MigrationError, match="0002_two, which this release does not know"):
        migrate(chdb_without_tables, migrations=[ONE])


@pytest.mark.parametrize("names", [["0002_two"], ["0001_one", "0003_three"], ["0001-one"]])
def test_gaps_and_bad_names_are_an_error(chdb_without_tables: Engine, names: list[str]) -> None:
    with pytest.raises(MigrationError, match="without gaps"):
        migrate(chdb_without_tables, migrations=[Migration(name, "SELECT 1;\n") for name in names])


def test_a_migration_that_broke_off_is_run_again(chdb_without_tables: Engine) -> None:
    broken = Migration("0001_one", ONE.sql + "SELECT no_such_column;\n")
    with pytest.raises(PermanentWriteError, match="no_such_column"):
        migrate(chdb_without_tables, migrations=[broken])

    assert migrate(chdb_without_tables, migrations=[ONE]) == ["0001_one"]


def test_all_shipped_statements_may_be_repeated(chdb: Engine) -> None:
    for migration in shipped():
        for statement in migration.statements:
            chdb.execute(statement)


def test_retention_is_set_changed_and_lifted(chdb: Engine) -> None:
    seen = []
    for days in (30, 30, 7, None):
        migrate(chdb, retention_days=days)
        seen.append(_retention(chdb, "touchpoints_rows"))
    migrate(chdb, retention_days=30)
    kept_anyway = _retention(chdb, "clocks_rows")
    migrate(chdb)

    assert seen == [
        "toDateTime(occurred_at) + toIntervalDay(30)",
        "toDateTime(occurred_at) + toIntervalDay(30)",
        "toDateTime(occurred_at) + toIntervalDay(7)",
        "",
    ]
    assert kept_anyway == ""


def test_rows_past_their_retention_go(chdb: Engine) -> None:
    # Of May 2024, so long past any retention.
    chdb.write("touchpoints", [msgspec.structs.astuple(PLAIN["touchpoints"])])

    migrate(chdb, retention_days=30)
    chdb.execute("OPTIMIZE TABLE touchline.touchpoints_rows FINAL")
    left = select(chdb, "SELECT count() FROM touchpoints")
    migrate(chdb)

    assert left == [[0]]


def test_a_retention_of_no_day_is_an_error(chdb: Engine) -> None:
    with pytest.raises(MigrationError, match="at least 1, not 0"):
        migrate(chdb, retention_days=0)


def _retention(database: Database, table: str) -> str:
    (row,) = select(
        database,
        "SELECT extract(create_table_query, 'TTL (.*?) SETTINGS') FROM system.tables "
        "WHERE database = 'touchline' AND name = {name:String}",
        {"name": table},
    )
    return str(row[0])
