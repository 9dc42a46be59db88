"""A writer that keeps its rows in memory: the twin of the real ones for tests. It speaks no SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from sinks.tables import Row
from sinks.writer import PermanentWriteError, QueryError, check_width, table_of


class MemoryWriter:
    """Keeps, of every entity, the row with the highest version, as the ClickHouse views show it."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[object, Row]] = {}

    def write(self, table: str, rows: Sequence[Row]) -> None:
        """Keep the rows."""
        known = table_of(table)
        check_width(known, rows)
        kept = self._rows.setdefault(table, {})
        for row in rows:
            key = known.key_of(row)
            if key not in kept or kept[key][-1] < row[-1]:  # type: ignore[operator]  # versions, ints
                kept[key] = row

    def rows(self, table: str) -> list[list[object]]:
        """Return a table's rows in the order of their keys: superseded and deleted ones are gone."""
        known = table_of(table)
        rows = [list(self._rows[table][key]) for key in self._ordered(table)]
        if "deleted" not in known.columns:
            return rows
        deleted = known.columns.index("deleted")
        return [row for row in rows if not row[deleted]]

    def query(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,  # noqa: ARG002  # as the protocol has it
        output_format: str = "JSON",  # noqa: ARG002  # likewise
    ) -> NoReturn:
        """Refuse: there is no engine here."""
        raise QueryError(f"the memory writer has no SQL engine for {sql!r}: use rows(table)")

    def execute(self, sql: str) -> NoReturn:
        """Refuse: there is no engine here."""
        raise PermanentWriteError(f"the memory writer has no SQL engine for {sql!r}")

    def ping(self) -> None:
        """Answer at once."""

    def close(self) -> None:
        """Forget everything."""
        self._rows.clear()

    def _ordered(self, table: str) -> list[object]:
        keys = self._rows.get(table, {})
        return sorted(keys, key=lambda key: key if isinstance(key, tuple) else (key,))
