"""Rows to store, and the one row that a view must then hold."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.contract.engine import Engine
from tests.contract.facts_rows import PLAIN

MINUTE = 60_000
HOUR = 3_600_000
DAY = 86_400_000


def write(chdb: Engine, table: str, **changes: object) -> None:
    """Write the plain row of a table with some fields changed."""
    row = msgspec.structs.replace(PLAIN[table], **changes)
    chdb.write(table, [msgspec.structs.astuple(row)])


def only(chdb: Engine, sql: str) -> dict[str, Any]:
    """Return the one row that a query must give, by column."""
    (row,) = chdb.query(sql, output_format="JSONEachRow").splitlines()
    return dict(msgspec.json.decode(row))
