"""The protocol of what runs SQL, and its rows as Python values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import msgspec


@runtime_checkable
class Database(Protocol):
    """Answers queries and runs statements.

    All methods block. Several threads may call them; one call runs at a time.
    """

    def query(self, sql: str, parameters: Mapping[str, object] | None = None, output_format: str = "JSON") -> bytes:
        """Return a query's result in a ClickHouse format; a query can change nothing.

        Args:
            sql: one statement without FORMAT; unqualified tables are those of database `touchline`.
            parameters: values of the statement's `{name:Type}` placeholders: texts, numbers, and lists of these.
            output_format: a ClickHouse format name.

        Raises:
            QueryError: the statement is wrong, or would change something.
            TransientWriteError: the database is out of reach.
        """
        ...

    def execute(self, sql: str) -> None:
        """Run one statement that defines or changes something and gives no rows.

        Raises:
            TransientWriteError: the database is out of reach.
            PermanentWriteError: the database refused the statement.
        """
        ...

    def ping(self) -> None:
        """Return when the database answers.

        Raises:
            TransientWriteError: it does not answer.
            PermanentWriteError: it answers, and refuses the login.
        """
        ...

    def version(self) -> str:
        """Return the database's release, such as `24.8.4.1`; no table is needed for it.

        Raises:
            TransientWriteError: it does not answer.
            PermanentWriteError: it answers, and refuses the login.
        """
        ...

    def close(self) -> None:
        """Release the database; no other method may be called afterwards."""
        ...


def select(database: Database, sql: str, parameters: Mapping[str, object] | None = None) -> list[list[object]]:
    """Return a query's rows as Python values, times as text; raises as `Database.query` does."""
    lines = database.query(sql, parameters, "JSONCompactEachRow").splitlines()
    return [msgspec.json.decode(line, type=list[object]) for line in lines]
