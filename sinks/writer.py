"""What a sink is: the `Writer` that keeps rows and answers queries, and the `Batch` that fills it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from schemas.errors import TouchlineError
from schemas.rows import Row as TypedRow
from schemas.rows import topic_of
from sinks.tables import TABLES, Row, Table


class SinkError(TouchlineError):
    """Something went wrong with a sink."""


class TransientWriteError(SinkError):
    """The sink could not be reached or could not keep up: send the same again, after a pause.

    Whether the rows arrived is unknown. To send them again is safe: a row's identity and version are its own.
    """


class PermanentWriteError(SinkError):
    """The rows or the tables are wrong: to send the same again would fail again."""


class QueryError(SinkError):
    """The sink refused a query; the message is the sink's own."""


class Writer(Protocol):
    """Keeps rows, whichever ClickHouse it is.

    All methods block; they may be called from several threads, one call runs at a time.
    """

    def write(self, table: str, rows: Sequence[Row]) -> None:
        """Store rows of one table; when it returns, the sink has them.

        Args:
            table: a name in `schemas.rows.TABLES`.
            rows: arrays of the fields of that table's row type, in its order.

        Raises:
            TransientWriteError: send the identical rows again.
            PermanentWriteError: they will never be accepted.
        """
        ...

    def query(self, sql: str, parameters: Mapping[str, object] | None = None, output_format: str = "JSON") -> bytes:
        """Return a query's result in a ClickHouse format; nothing can be changed by it.

        Args:
            sql: one statement without FORMAT; unqualified tables are those of database `touchline`.
            parameters: values of the statement's `{name:Type}` placeholders.
            output_format: a ClickHouse format name.

        Raises:
            QueryError: the statement is wrong, or not a reading one.
            TransientWriteError: the sink could not be reached.
        """
        ...

    def execute(self, sql: str) -> None:
        """Run one statement that defines or changes something and gives no rows.

        Raises:
            TransientWriteError: the sink could not be reached.
            PermanentWriteError: the statement was refused.
        """
        ...

    def ping(self) -> None:
        """Return when the sink answers.

        Raises:
            TransientWriteError: it does not.
            PermanentWriteError: it does, but does not let us in.
        """
        ...

    def close(self) -> None:
        """Let go of the sink; the writer is of no more use."""
        ...


def select(writer: Writer, sql: str, parameters: Mapping[str, object] | None = None) -> list[list[object]]:
    """Return a query's rows as Python values (times as text); raises as `Writer.query` does."""
    lines = writer.query(sql, parameters, "JSONCompactEachRow").splitlines()
    return [msgspec.json.decode(line, type=list[object]) for line in lines]


def table_of(name: str) -> Table:
    """Return a stored table by its name.

    Raises:
        PermanentWriteError: there is none of this name.
    """
    try:
        return TABLES[name]
    except KeyError:
        known = ", ".join(sorted(TABLES))
        raise PermanentWriteError(f"no table {name!r}; the tables are {known}") from None


def check_width(table: Table, rows: Sequence[Row]) -> None:
    """Make sure that every row has a value for each column: formats without names would shift them.

    Raises:
        PermanentWriteError: a row is too short or too long.
    """
    wanted = len(table.columns)
    for width in set(map(len, rows)):
        if width != wanted:
            raise PermanentWriteError(
                f"a row of {table.name!r} has {width} fields instead of {wanted}: "
                "the workers and the sink are of different releases"
            )


class Batch:
    """Rows on their way to a writer: of every entity only the highest version seen.

    Of equal versions the first is kept; they are copies of each other.
    """

    def __init__(self) -> None:
        self._rows: dict[str, dict[object, Row]] = {}

    def __len__(self) -> int:
        """Return how many rows are waiting."""
        return sum(map(len, self._rows.values()))

    def add(self, table: str, rows: Iterable[Row]) -> None:
        """Take rows, arrays of fields in the order of the table's row type."""
        kept = self._rows.setdefault(table, {})
        key_of = table_of(table).key_of
        for row in rows:
            key = key_of(row)
            known = kept.setdefault(key, row)
            if known[-1] < row[-1]:  # type: ignore[operator]  # the last field is the version, an int
                kept[key] = row

    def add_message(self, table: str, value: bytes) -> int:
        """Take the rows of one message of topic `facts.<table>.v1`; returns how many it held.

        Raises:
            PermanentWriteError: it is not an array of rows of this table.
        """
        try:
            rows = table_of(table).decode(value)
        except msgspec.MsgspecError as error:
            raise PermanentWriteError(
                f"a message of {topic_of(table)} does not hold rows of {table!r} ({error}): "
                "the workers and the sink are of different releases"
            ) from error
        self.add(table, rows)
        return len(rows)

    def add_row(self, table: str, row: TypedRow) -> None:
        """Take one row as its type in `schemas.rows`."""
        self.add(table, [msgspec.structs.astuple(row)])

    def rows(self, table: str) -> list[Row]:
        """Return the rows of a table that are waiting."""
        return list(self._rows.get(table, {}).values())

    def flush(self, writer: Writer) -> int:
        """Write everything, one insert a table, and return the number of rows written.

        A table is forgotten once it is written. When it raises, the rest is still here: call it again to send
        the identical rows.

        Raises:
            TransientWriteError: call it again, after a pause.
            PermanentWriteError: calling it again would not help.
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
