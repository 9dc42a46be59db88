"""Reference tables: what the code declares and the views look up, stored by every `touchline migrate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.inputs import CONTRACT_INPUTS, InputTopics
from schemas.kinds.steps import STEPS
from schemas.metrics import METRICS
from sinks.database import Database, select
from sinks.literals import quoted
from sinks.tables import DATABASE

Values = tuple[str | int, ...]


@dataclass(frozen=True)
class ReferenceTable:
    """A table of declarations.

    Attributes:
        name: the stored table's; it has the column `version` besides.
        columns: what `rows` hold; the first is the key.
        stored: the query for all that is stored, the version last.
        rows: the declarations of this release. Those of earlier releases stay, for the rows that speak of them.
    """

    name: str
    columns: tuple[str, ...]
    stored: str
    rows: Sequence[Values]


REFERENCE_TABLES: tuple[ReferenceTable, ...] = (
    ReferenceTable(
        "metric_definitions_rows",
        ("metric", "kind", "restated_seconds", "observation", "counted", "title", "better"),
        "SELECT metric, kind, restated_seconds, observation, counted, title, better, version "
        "FROM metric_definitions_rows FINAL",
        [(m.name, m.kind, m.restated_ms // 1000, m.observation, m.counted, m.title, m.better) for m in METRICS],
    ),
    ReferenceTable(
        "steps_rows",
        ("code", "kind", "action"),
        "SELECT code, kind, action, version FROM steps_rows FINAL",
        STEPS,
    ),
)


def store_reference_tables(
    database: Database, settings: Mapping[str, str], inputs: InputTopics = CONTRACT_INPUTS
) -> None:
    """Store the declarations that differ from the stored ones; tables that are not there are passed over.

    Args:
        database: the ClickHouse whose tables they are.
        settings: those that the views follow, by name.
        inputs: the input topics.

    Raises:
        TransientWriteError: the database is out of reach.
        PermanentWriteError: the database refused a statement.
    """
    names = select(database, "SELECT name FROM system.tables WHERE database = currentDatabase()")
    stored_settings = ReferenceTable(
        "settings_rows",
        ("name", "value"),
        "SELECT name, value, version FROM settings_rows FINAL",
        list(settings.items()),
    )
    kinds = ReferenceTable(
        "kinds_rows",
        ("kind", "topic"),
        "SELECT kind, topic, version FROM kinds_rows FINAL",
        [(kind, "+".join(topics)) for kind, topics in inputs.by_kind.items()],
    )
    for table in (*REFERENCE_TABLES, kinds, stored_settings):
        if [table.name] in names:
            _store(database, table)


def _store(database: Database, table: ReferenceTable) -> None:
    stored = select(database, table.stored)
    # Compared as text: some formats give large numbers so.
    known = {tuple(map(str, row[:-1])) for row in stored}
    missing = [row for row in table.rows if tuple(map(str, row)) not in known]
    if not missing:
        return
    version = 1 + max((int(str(row[-1])) for row in stored), default=0)
    rows = ", ".join(f"({', '.join(map(_literal, row))})" for row in missing)
    others = (f"row.{place}" for place in range(2, len(table.columns) + 1))
    values = ", ".join([f"(arrayJoin([{rows}]) AS row).1", *others])
    database.execute(
        f"INSERT INTO {DATABASE}.{table.name} ({', '.join(table.columns)}, version) SELECT {values}, {version}"
    )


def _literal(value: str | int) -> str:
    """Return a declared value as SQL writes it."""
    return quoted(value) if isinstance(value, str) else str(value)
