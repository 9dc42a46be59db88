"""Empties the stored tables, so that they can be filled again from the inputs."""

from __future__ import annotations

from collections.abc import Collection

from sinks.cluster import cluster_of, in_place
from sinks.database import Database, select
from sinks.tables import DATABASE, table_of


def empty_tables(database: Database, keep: Collection[str]) -> list[str]:
    """Delete all rows of the stored tables, those of definitions too; may be repeated.

    `sinks.migrate.migrate` stores the definitions again.

    Args:
        database: has been migrated.
        keep: names of tables, as in `sinks.tables.TABLES`, that stay as they are.

    Returns:
        The qualified names of the tables that were emptied.

    Raises:
        TransientWriteError: the database is out of reach.
        PermanentWriteError: the database refused a statement; or a name in `keep` is that of no table.
    """
    kept = {table_of(name).stored for name in keep}
    found = select(
        database,
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE '%_rows' ORDER BY name",
    )
    # Above 50 GB a table is not emptied, unless the statement lifts this limit; old releases cannot lift it so.
    limited = select(database, "SELECT name FROM system.settings WHERE name = 'max_table_size_to_drop'")
    unlimited = " SETTINGS max_table_size_to_drop = 0" if limited else ""
    stored = [f"{DATABASE}.{name}" for (name,) in found]
    emptied = [name for name in stored if name not in kept]
    cluster = cluster_of(database)
    for name in emptied:
        database.execute(f"TRUNCATE TABLE {in_place(name, cluster)}{unlimited}")
    return emptied
