"""Brings the tables of a ClickHouse to what this release needs: numbered SQL files, each applied once.

Every applied migration is recorded with its checksum in `touchline.migrations`. A migration that broke off midway is
simply run again: all of their statements may be repeated.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from schemas.kinds.steps import STEPS
from sinks.tables import DATABASE, TABLES
from sinks.writer import SinkError, Writer, select

_NAME = re.compile(r"\d{4}_[a-z0-9_]+")
_STATEMENT_END = re.compile(r";[ \t]*$", re.MULTILINE)

_RECORD = f"""
CREATE TABLE IF NOT EXISTS {DATABASE}.migrations
(number UInt32, name String, checksum String, applied_at DateTime DEFAULT now())
ENGINE = MergeTree ORDER BY number
"""

_AGES = {
    "touchpoints": "occurred_at",
    "journeys": "last_touch_at",
    "sentiment_shifts": "onset_at",
    "abandonments": "abandoned_at",
    "metric_buckets": "bucket",
    "customers": "last_seen_at",
    "dead_letters": "refused_at",
}
"""The column that says how old a row is, in the tables that retention concerns."""

_TTL = re.compile(r"TTL toDateTime\(\w+\) \+ toIntervalDay\((\d+)\)")


class MigrationError(SinkError):
    """The tables and the migrations of this release do not belong together."""


@dataclass(frozen=True)
class Migration:
    """One step of the schema.

    Attributes:
        name: its file's name without ending: four digits, an underscore, what it does.
        sql: its statements, each ended by a semicolon at the end of a line, each safe to repeat.
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


def shipped() -> list[Migration]:
    """Return the migrations of this release, in order."""
    folder = resources.files("sinks") / "migrations"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [Migration(f.name.removesuffix(".sql"), f.read_text("utf-8")) for f in files]


def migrate(
    writer: Writer,
    retention_days: int | None = None,
    migrations: Sequence[Migration] | None = None,
) -> list[str]:
    """Create or bring up to date the database, its tables and views; may be repeated at any time.

    Args:
        writer: the ClickHouse to work on.
        retention_days: rows older than this are deleted by ClickHouse in the background; None keeps all.
        migrations: other ones than this release ships.

    Returns:
        The names of the migrations that were applied now.

    Raises:
        MigrationError: an applied migration was changed since, or the database is of a newer release.
        TransientWriteError, PermanentWriteError: as `Writer.execute`.
    """
    migrations = shipped() if migrations is None else migrations
    writer.execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
    writer.execute(_RECORD)
    applied = _applied(writer)
    _check(migrations, applied)
    new = [migration for migration in migrations if migration.name not in applied]
    for migration in new:
        for statement in migration.statements:
            writer.execute(statement)
        writer.execute(
            f"INSERT INTO {DATABASE}.migrations (number, name, checksum) "
            f"SELECT {migration.number}, '{migration.name}', '{migration.checksum}'"
        )
    _declare_steps(writer)
    _retain(writer, retention_days)
    return [migration.name for migration in new]


def _applied(writer: Writer) -> dict[str, str]:
    rows = select(writer, "SELECT name, checksum FROM migrations")
    return {str(name): str(checksum) for name, checksum in rows}


def _check(migrations: Sequence[Migration], applied: dict[str, str]) -> None:
    numbers = [migration.number for migration in migrations if _NAME.fullmatch(migration.name)]
    if numbers != list(range(1, len(migrations) + 1)):
        names = ", ".join(migration.name for migration in migrations)
        raise MigrationError(f"migrations must be named 0001_what, 0002_what, … without gaps: {names}")
    known = {migration.name: migration.checksum for migration in migrations}
    for name, checksum in sorted(applied.items()):
        if name not in known:
            raise MigrationError(
                f"the database has migration {name}, which this release does not know: "
                "it was made by a newer release; use that one"
            )
        if known[name] != checksum:
            raise MigrationError(
                f"migration {name} was applied as another text than it has now: "
                "never change an applied migration, add a new one"
            )


def _declare_steps(writer: Writer) -> None:
    """Store the declared steps of journeys where they differ from the stored ones."""
    if not select(writer, "SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'steps_rows'"):
        return
    stored = select(writer, "SELECT code, kind, action, version FROM steps_rows FINAL")
    missing = {tuple(step) for step in STEPS} - {tuple(row[:3]) for row in stored}
    if not missing:
        return
    version = 1 + max((int(str(row[3])) for row in stored), default=0)
    rows = ", ".join(f"('{code}', '{kind}', '{action}')" for code, kind, action in sorted(missing))
    writer.execute(
        f"INSERT INTO {DATABASE}.steps_rows (code, kind, action, version) "
        f"SELECT (arrayJoin([{rows}]) AS step).1, step.2, step.3, {version}"
    )


def _retain(writer: Writer, days: int | None) -> None:
    """Set or lift the age at which rows are deleted, where it is not so already."""
    if days is not None and days < 1:
        raise MigrationError(f"retention is a number of days of at least 1, not {days}")
    engines = select(
        writer,
        "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase() AND name LIKE '%_rows'",
    )
    for name, definition in engines:
        column = _AGES.get(str(name).removesuffix("_rows"))
        found = _TTL.search(str(definition))
        if column is None or (int(found[1]) if found else None) == days:
            continue
        change = f"MODIFY TTL toDateTime({column}) + toIntervalDay({days})" if days else "REMOVE TTL"
        writer.execute(f"ALTER TABLE {DATABASE}.{name} {change}")


def truncate(writer: Writer) -> None:
    """Empty every table of facts; for tests and for a rebuild from the facts topics."""
    for table in TABLES.values():
        writer.execute(f"TRUNCATE TABLE {table.stored}")
