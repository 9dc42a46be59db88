"""The writer that keeps its rows in memory, under the same promises as the writers on ClickHouse."""

from __future__ import annotations

from collections.abc import Sequence

from sinks.tables import Row, check_width, table_of


class MemoryWriter:
    """Keeps the row with the highest version of every entity, as the ClickHouse views show it."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[object, Row]] = {}

    def write(self, table: str, rows: Sequence[Row]) -> None:
        """Keep each row, unless a newer one of its entity is kept already."""
        known = table_of(table)
        check_width(known, rows)
        kept = self._rows.setdefault(table, {})
        for row in rows:
            key = known.key_of(row)
            if key not in kept or kept[key][-1] < row[-1]:  # type: ignore[operator]  # versions, ints
                kept[key] = row

    def rows(self, table: str) -> list[list[object]]:
        """Return a table's rows in the order of their keys, without superseded and deleted ones."""
        known = table_of(table)
        rows = [list(self._rows[table][key]) for key in self._ordered(table)]
        if "deleted" not in known.columns:
            return rows
        deleted = known.columns.index("deleted")
        return [row for row in rows if not row[deleted]]

    def ping(self) -> None:
        """Return at once: the rows are in this process."""

    def close(self) -> None:
        """Delete all rows."""
        self._rows.clear()

    def _ordered(self, table: str) -> list[object]:
        keys = self._rows.get(table, {})
        return sorted(keys, key=lambda key: key if isinstance(key, tuple) else (key,))


def open_memory(_: str) -> MemoryWriter:
    """Return an empty writer; the address `memory://` has no other part."""
    return MemoryWriter()
