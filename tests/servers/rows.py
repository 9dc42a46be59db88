"""The rows that a run has stored, without superseded and deleted ones, so that two runs can be compared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from schemas.dead_letters import row_of
from schemas.rows import TABLES
from schemas.topics import DEAD_LETTERS, FACTS_TOPICS
from sinks.batch import Batch
from sinks.database import Database
from sinks.tables import TABLES as STORED
from streams.kafka.reader import read_to_end
from streams.settings import Settings
from tests.contract.stores import stored_rows

DEMO_S = 600.0
OF_THE_RUN = frozenset({"received_at", "refused_at", "changed_at", "version", "duplicates", "fields"})
"""Columns that depend on when, and in which chunks, a run went, and on what was read again after a crash.

`fields` is not stored by an embedded ClickHouse.
"""
EVERY_DIMENSION = {"metric_dimensions": "*"}
"""Of runs that are compared: by default no attribute is a dimension."""

Row = dict[str, Any]
Rows = dict[str, list[Row]]
"""Rows by table: column to value, in the units of the facts; bytes in base64."""


def rows_of(database: Database) -> Rows:
    """Return the rows of every table but the clocks."""
    return {table: _named(table, stored_rows(database, table)) for table in TABLES if table != "clocks"}


async def rows_on_kafka(settings: Settings) -> Rows:
    """Return the rows of every table but the clocks as the topics of facts hold them, for a sink to store."""
    batch = Batch()
    for topic, table in FACTS_TOPICS.items():
        async for run in read_to_end(settings, topic, range(settings.partitions)):
            for record in run.records:
                batch.add_message(table if record.key is None else record.key.decode(), record.value or b"")
    for partition in range(settings.partitions):
        async for run in read_to_end(settings, DEAD_LETTERS, [partition]):
            for record in run.records:
                batch.add_row("dead_letters", row_of(record, partition, settings.epoch))
    return {table: _alive(_named(table, list(map(list, batch.rows(table))))) for table in TABLES if table != "clocks"}


def _alive(rows: list[Row]) -> list[Row]:
    return [row for row in rows if not row.get("deleted")]


def _named(table: str, rows: list[list[object]]) -> list[Row]:
    columns = TABLES[table].__struct_fields__
    named = [dict(zip(columns, msgspec.to_builtins(row), strict=True)) for row in rows]
    if table == "outcomes":
        # The others tell of messages that were read again, and of when one was refused.
        return [row for row in named if row["outcome"] == "stated"]
    if table == "identities":
        return _owned_now(named)
    return named if table != "metric_buckets" else [bucket for bucket in named if _counts(bucket)]


def _owned_now(rows: list[Row]) -> list[Row]:
    """Return whose each identity is by all links; what was known before depends on the order in which they came."""
    newest = {(row["kind"], row["value"]): row for row in sorted(rows, key=lambda row: int(row["version"]))}
    return [row for row in newest.values() if row["customer_ids"]]


def _counts(bucket: Row) -> bool:
    """Tell if a metric bucket holds anything: what was taken back leaves one without sums, which no view shows.

    A shift that is found, and vanishes when an earlier touchpoint comes, is such; in another order it is never found.
    """
    return any(bucket[name] for name in ("n", "numerator", "squares", "samples", "samples_less", "groups"))


def embedded_rows(lines: Path, folder: Path, **settings: object) -> Rows:
    """Return the rows of an undisturbed run of `touchline demo` on a file, with embedded broker and ClickHouse.

    Args:
        lines: touchpoints as JSON lines.
        folder: takes the database.
        settings: of the run.
    """
    said = {**EVERY_DIMENSION, **settings}
    environment = {**os.environ, **{f"TOUCHLINE_{name.upper()}": str(value) for name, value in said.items()}}
    database = folder / "embedded"
    demo = [sys.executable, "-m", "touchline", "demo", "--input", str(lines), "--keep", str(database)]
    subprocess.run(demo, env=environment, check=True, capture_output=True, timeout=DEMO_S)
    return dumped_rows(database)


def dumped_rows(database: Path) -> Rows:
    """Return the rows of the embedded database in a folder, which nobody has open."""
    # A process of its own: each may open only one embedded database.
    dump = [sys.executable, "-m", "tests.integration.scripts.dump_rows", str(database)]
    dumped = subprocess.run(dump, check=True, stdout=subprocess.PIPE, timeout=DEMO_S, cwd=Path(__file__).parents[2])
    return msgspec.json.decode(dumped.stdout, type=Rows)


def differences(expected: Rows, found: Rows) -> list[str]:
    """Return the differences of two runs, one line each; empty if there are none."""
    return [line for table in expected for line in _differences(table, expected[table], found[table])]


def _differences(table: str, expected: list[Row], found: list[Row]) -> list[str]:
    key_of = [name for name in STORED[table].key if name not in OF_THE_RUN]
    wanted = {tuple(row[name] for name in key_of): row for row in expected}
    there = {tuple(row[name] for name in key_of): row for row in found}
    lines = [f"{table} {key}: missing" for key in wanted.keys() - there.keys()]
    lines += [f"{table} {key}: too many" for key in there.keys() - wanted.keys()]
    for key in wanted.keys() & there.keys():
        lines += [
            f"{table} {key}: {name} is {there[key][name]!r}, not {value!r}"
            for name, value in wanted[key].items()
            if name not in OF_THE_RUN and there[key][name] != value
        ]
    return sorted(lines)
