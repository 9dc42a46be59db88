"""The project's tables for Debian's ClickHouse 18.16, which lacks their newer types.

Times become Int64 milliseconds, maps become JSON text, codecs, indexes and LowCardinality are left out; `fields` is
stored as it comes. Plain views replace the project's: the rows of highest version that are not deleted, in stored
units.
"""

from __future__ import annotations

import re

from schemas.rows import TABLES
from sinks.migrate import Migration, shipped

_REPLACED = (
    (r"LowCardinality\((Nullable\(\w+\)|\w+)\)", r"\1"),
    (r"DateTime64\(3, 'UTC'\)", "Int64"),
    (r"Map\(\w+, \w+\)", "String"),
    (r"\bBool\b", "UInt8"),
    (r" EPHEMERAL", ""),
    (r",\n    INDEX [^\n,]*", ""),
    (r" CODEC\((?:Delta, )?ZSTD\(1\)\)", ""),
    (r"(toYYYYMM|toYear)\((\w+)\)", r"\1(toDateTime(intDiv(\2, 1000)))"),
)
_TABLE = re.compile(r"^CREATE TABLE IF NOT EXISTS touchline\.(\w+)_rows$", re.MULTILINE)


def lowered() -> list[Migration]:
    """Return migrations that give an old server the same tables, for `sinks.migrate.migrate`."""
    tables, *later = shipped()
    sql = tables.sql
    for migration in later:
        sql += "".join(f"{one};\n" for one in migration.statements if _table_of(one) in TABLES)
    for pattern, replacement in _REPLACED:
        sql = re.sub(pattern, replacement, sql)
    return [Migration(tables.name, sql), Migration("0002_views", "".join(map(_view, TABLES)))]


def _table_of(statement: str) -> str:
    made = _TABLE.search(statement)
    return made[1] if made else ""


def _view(table: str) -> str:
    columns = TABLES[table].__struct_fields__
    shown = ", ".join(f"`{column}`" for column in columns if column not in {"deleted", "version"})
    alive = " WHERE deleted = 0" if "deleted" in columns else ""
    return f"CREATE VIEW IF NOT EXISTS touchline.{table} AS SELECT {shown} FROM touchline.{table}_rows FINAL{alive};\n"
