"""Gathers rows for a writer, of every entity only the newest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import msgspec

from schemas.errors import NOT_READ
from schemas.rows import Row as TypedRow
from schemas.rows import topic_of
from sinks.errors import PermanentWriteError
from sinks.tables import TABLES, Row, Rows, Table, table_of, within_columns
from sinks.writer import Writer


class Batch:
    """Rows to be written: of every entity the row with the highest version.

    Rows of equal version are copies of each other; the first is kept.

    Attributes:
        beyond: messages with a number that its column does not hold, by table and column: it is stored as near to what
            it is as the column holds.
    """

    def __init__(self) -> None:
        self._rows: dict[str, dict[object, Row]] = {}
        self.beyond: Counter[tuple[str, str]] = Counter()

    def __len__(self) -> int:
        """Return the number of rows in the batch."""
        return sum(map(len, self._rows.values()))

    def add(self, table: str, rows: Iterable[Row]) -> None:
        """Add rows: arrays of fields in the order of the table's row type.

        Raises:
            PermanentWriteError: no table has this name.
        """
        kept = self._rows.setdefault(table, {})
        key_of = table_of(table).key_of
        for row in rows:
            key = key_of(row)
            known = kept.setdefault(key, row)
            if known[-1] < row[-1]:  # type: ignore[operator]  # the last field is the version, an int
                kept[key] = row

    def add_message(self, table: str, value: bytes) -> int:
        """Add the rows of one message of topic `facts.<table>.v1`; return their number.

        Raises:
            PermanentWriteError: the message is not an array of rows of this table.
        """
        try:
            rows = self._decode(table_of(table), value)
        except NOT_READ as error:
            raise PermanentWriteError(
                f"a message of {topic_of(table)} does not hold rows of {table!r} ({error}): "
                "the workers and the sink are of different releases. "
                "Run one release, or build the rows anew: docs/operating.md#rebuilding"
            ) from error
        self.add(table, rows)
        return len(rows)

    def _decode(self, table: Table, value: bytes) -> Rows:
        try:
            return table.decode(value)
        except msgspec.ValidationError:
            rows, beyond = within_columns(table, table.decode_any(value))
            self.beyond.update((table.name, column) for column in beyond)
            return rows

    def add_row(self, table: str, row: TypedRow) -> None:
        """Add one row, given as its type in `schemas.rows`."""
        self.add(table, [msgspec.structs.astuple(row)])

    def rows(self, table: str) -> list[Row]:
        """Return the rows of one table."""
        return list(self._rows.get(table, {}).values())

    @property
    def tables(self) -> list[str]:
        """The tables of which there are rows."""
        return list(self._rows)

    def drop(self, table: str, is_dropped: Callable[[Row], bool]) -> None:
        """Take rows of a table out."""
        kept = self._rows.get(table, {})
        for key in [key for key, row in kept.items() if is_dropped(row)]:
            del kept[key]

    def flush(self, writer: Writer) -> int:
        """Write all rows, one insert a table, and return their number.

        Each table leaves the batch once it is written. After an error the others are still in the batch: the next
        call sends the identical rows.

        Raises:
            TransientWriteError: call it again, after a pause.
            PermanentWriteError: another call would fail again.
        """
        written = 0
        # In the order of TABLES, where `clocks` comes after the metrics that it calls final.
        for table in sorted(self._rows, key=list(TABLES).index):
            rows = self.rows(table)
            if rows:
                writer.write(table, rows)
            written += len(rows)
            del self._rows[table]
        return written
