"""Brings the tables of a ClickHouse to what this release needs: numbered SQL files, each applied once.

`touchline.migrations` records every applied migration with its checksum. A migration that broke off midway is run
again: each statement may be repeated.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from typing import NamedTuple

from schemas.calendars import Calendar
from schemas.inputs import CONTRACT_INPUTS, InputTopics
from schemas.loyalty import read_loyalty
from schemas.surveys import Survey, in_force
from schemas.targets import DEFAULT_TARGETS
from sinks import intervals, owned
from sinks.calendars import store_calendars
from sinks.cluster import LOCAL, cluster_of, in_place, spread
from sinks.database import Database, select
from sinks.errors import MigrationError
from sinks.kind_views import lacking
from sinks.reference import store_reference_tables
from sinks.release import check_release, this_release
from sinks.surveys import store_surveys
from sinks.tables import DATABASE

_NAME = re.compile(r"\d{4}_[a-z0-9_]+")
_STATEMENT_END = re.compile(r";[ \t]*$", re.MULTILINE)

_RECORD = f"""
CREATE TABLE IF NOT EXISTS {DATABASE}.migrations
(number UInt32, name String, checksum String, applied_at DateTime DEFAULT now(), release String)
ENGINE = MergeTree ORDER BY number
"""
# Tables of before it was recorded lack it.
_COLUMNS = f"SELECT name FROM system.columns WHERE database = '{DATABASE}' AND table = 'migrations'"  # noqa: S608  # ours
_RELEASE = f"ALTER TABLE {DATABASE}.migrations ADD COLUMN release String"

_TABLES_AND_VIEWS = 2
"""Later migrations find the columns and views of kinds, which are made of what the first ones make."""

_AGES = {
    "touchpoints": "occurred_at",
    "journeys": "last_touch_at",
    "sentiment_shifts": "onset_at",
    "abandonments": "abandoned_at",
    "follow_ups": "happened_at",
    "metric_buckets": "bucket",
    "customers": "last_seen_at",
    "dead_letters": "refused_at",
    "hourly_counts": "hour",
    "outcomes": "at",
}
"""The tables with a retention, and the column that holds the time of a row."""

_TTL = re.compile(r"TTL toDateTime\(\w+\) \+ toIntervalDay\((\d+)\)")


@dataclass(frozen=True)
class Migration:
    """One step of the schema.

    Attributes:
        name: the name of its file without the ending: four digits, an underscore, what it does.
        sql: its statements; each ends in a semicolon at the end of a line, and each may be repeated.
    """

    name: str
    sql: str

    @property
    def number(self) -> int:
        """Its place in the order."""
        return int(self.name[:4])

    @property
    def checksum(self) -> str:
        """SHA-256 of its text, hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def statements(self) -> list[str]:
        """Its statements without their semicolons."""
        return [text.strip() for text in _STATEMENT_END.split(self.sql) if text.strip()]


class _Applied(NamedTuple):
    """A migration that a database has: its checksum, the release that applied it ("" where unknown), and the day."""

    checksum: str
    release: str
    day: str


@dataclass(frozen=True)
class Declared:
    """What a business declares for the views, in files and settings of its own.

    Attributes:
        calendars: the business hours by which cases are measured.
        surveys: its questionnaires; those of this release are stored besides.
        targets: the share that a metric should reach.
        loyalty: how loyalty and value are measured, as `schemas.loyalty.read_loyalty` returns it.
        baseline: which hours an hour of a metric is compared with, `hour_of_week` or `hour_of_day`.
        dimensions: the attributes that metrics are broken down by, joined by commas; `*` for all.
        contact_costs: what contacts cost, as `schemas.contact_costs.read_contact_costs` returns it.
    """

    calendars: Sequence[Calendar] = ()
    surveys: Sequence[Survey] = ()
    targets: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_TARGETS))
    loyalty: str = field(default_factory=lambda: read_loyalty(""))
    baseline: str = "hour_of_week"
    dimensions: str = ""
    contact_costs: str = ""


NOTHING_DECLARED = Declared()


def shipped() -> list[Migration]:
    """Return the migrations of this release, in order."""
    folder = resources.files("sinks") / "migrations"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [Migration(f.name.removesuffix(".sql"), _filled(f.read_text("utf-8"))) for f in files]


def _filled(sql: str) -> str:
    return intervals.filled(owned.filled(sql))


def migrate(  # noqa: PLR0913, PLR0917  # each is a choice of its own
    database: Database,
    retention_days: int | None = None,
    migrations: Sequence[Migration] | None = None,
    currency: str = "",
    time_zone: str = "UTC",
    inputs: InputTopics = CONTRACT_INPUTS,
    declared: Declared = NOTHING_DECLARED,
    cluster: str = "",
) -> list[str]:
    """Create the database, its tables and views, or bring them up to date; may be repeated at any time.

    Args:
        database: the ClickHouse to migrate.
        retention_days: ClickHouse deletes rows older than this in the background; None keeps all.
        migrations: the migrations to apply; None for those of this release.
        currency: the business's own, "" where it is not set.
        time_zone: the business's own, an IANA name.
        inputs: the input topics.
        declared: what the business declares for the views.
        cluster: the name of the cluster over whose servers the tables are spread, "" for a single server.

    Returns:
        The names of the migrations that this call applied.

    Raises:
        MigrationError: ClickHouse is too old, or another build made the tables: a newer one, or one that makes them
            otherwise; or they are spread over another cluster.
        TransientWriteError: the database is out of reach.
        PermanentWriteError: the database refused a statement.
    """
    is_ours = migrations is None
    if migrations is None:
        check_release(database.version())
        migrations = shipped()
    _make_record(database, cluster)
    applied = _applied(database)
    _check(migrations, applied)
    new = [migration for migration in migrations if migration.name not in applied]
    for migration in new:
        if is_ours and migration.number > _TABLES_AND_VIEWS:
            _complete(database, cluster)
        for statement in migration.statements:
            _define(database, statement, cluster)
        database.execute(
            f"INSERT INTO {DATABASE}.migrations (number, name, checksum, release) "
            f"SELECT {migration.number}, '{migration.name}', '{migration.checksum}', '{this_release()}'"
        )
    if is_ours:
        _complete(database, cluster)
    settings = {"currency": currency, "time_zone": time_zone, "retention_days": str(retention_days or "")}
    if is_ours:
        settings["calendars"] = store_calendars(database, declared.calendars, datetime.now(UTC).date())
        settings["targets"] = json.dumps(dict(declared.targets), sort_keys=True)
        settings["loyalty"] = declared.loyalty
        settings["baseline"] = declared.baseline
        settings["metric_dimensions"] = declared.dimensions
        settings["contact_costs"] = declared.contact_costs
        settings["surveys"] = store_surveys(database, in_force(declared.surveys))
    store_reference_tables(database, settings, inputs)
    _set_retention(database, retention_days, cluster)
    return [migration.name for migration in new]


def _make_record(database: Database, cluster: str) -> None:
    """Make the table that tells what was applied, in its database."""
    create = f"CREATE DATABASE IF NOT EXISTS {DATABASE}"
    database.execute(create)  # on this server, so that it can be asked
    columns = {name for (name,) in select(database, _COLUMNS)}
    if columns and (made := cluster_of(database)) != cluster:
        raise MigrationError(
            f"the tables are {_spread_over(made)}, and are to be {_spread_over(cluster)}: nothing was changed. Set "
            f"TOUCHLINE_CLICKHOUSE_CLUSTER as it was; or make them anew: stop workers and sinks, drop the database "
            f'{DATABASE}, and run `touchline rebuild`; see docs/operating.md, "A ClickHouse of many servers"'
        )
    if cluster:
        _define(database, create, cluster)
    _define(database, _RECORD, cluster)
    if columns and "release" not in columns:
        _define(database, _RELEASE, cluster)


def _spread_over(cluster: str) -> str:
    return f"spread over the cluster {cluster}" if cluster else "on a single server"


def _define(database: Database, statement: str, cluster: str) -> None:
    """Run a statement that defines something, on all servers."""
    for one in spread(statement, cluster):
        database.execute(one)


def _complete(database: Database, cluster: str) -> None:
    """Make what is missing of the columns and views of kinds."""
    for statement in lacking(database):
        _define(database, statement, cluster)


def _applied(database: Database) -> dict[str, _Applied]:
    rows = select(database, "SELECT name, checksum, release, toString(toDate(applied_at)) FROM migrations")
    return {str(name): _Applied(str(checksum), str(release), str(day)) for name, checksum, release, day in rows}


def _check(migrations: Sequence[Migration], applied: Mapping[str, _Applied]) -> None:
    numbers = [migration.number for migration in migrations if _NAME.fullmatch(migration.name)]
    if numbers != list(range(1, len(migrations) + 1)):
        names = ", ".join(migration.name for migration in migrations)
        raise MigrationError(f"migrations must be named 0001_what, 0002_what, … without gaps: {names}")
    known = {migration.name: migration.checksum for migration in migrations}
    for name, one in sorted(applied.items()):
        if name not in known:
            raise MigrationError(
                f"the database has migration {name}, which this release does not know: "
                "it was made by a newer release; use that one"
            )
        if known[name] != one.checksum:
            by = f"touchline {one.release}" if one.release else "an older build of touchline"
            raise MigrationError(
                f"the tables were made by {by} on {one.day}, and touchline {this_release()} makes them otherwise "
                f"({name}): nothing was changed. Make them anew: stop workers and sinks, drop the database {DATABASE}, "
                "and run `touchline rebuild`, which computes all of it from the inputs; "
                'see docs/operating.md, "Tables of another build"'
            )


def _set_retention(database: Database, days: int | None, cluster: str) -> None:
    """Set or remove the age at which ClickHouse deletes rows, in each table that has another one."""
    if days is not None and days < 1:
        raise MigrationError(f"retention is a number of days of at least 1, not {days}")
    engines = select(
        database,
        "SELECT name, create_table_query FROM system.tables "
        "WHERE database = currentDatabase() AND engine LIKE '%MergeTree'",
    )
    for name, definition in engines:
        stored = str(name).removesuffix(LOCAL)
        column = _AGES.get(stored.removesuffix("_rows"))
        found = _TTL.search(str(definition))
        if column is None or (int(found[1]) if found else None) == days:
            continue
        change = f"MODIFY TTL toDateTime({column}) + toIntervalDay({days})" if days else "REMOVE TTL"
        database.execute(f"ALTER TABLE {in_place(f'{DATABASE}.{stored}', cluster)} {change}")
