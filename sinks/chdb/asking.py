"""Asks an embedded database: one statement that reads, on a session that can do nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from chdb.session import Session

from sinks.chdb.parameters import escaped
from sinks.clickhouse.messages import brief
from sinks.errors import QueryError
from sinks.statement import reading_statement
from sinks.tables import DATABASE

_PYTHON_FORMATS = {"dataframe", "arrowtable", "debug"}
"""What chDB's client makes objects or warnings of, instead of bytes."""


def reading_session(path: str, limits: str = "") -> Session:
    """Return a session on the database in a folder, which this process has open; no statement of it can change a thing.

    Args:
        path: the folder.
        limits: settings, as SET takes them, which no statement can lift.
    """
    session = Session(path)
    # No statement can take `readonly` back from the session. With 2, it could read and write files.
    session.query(f"SET {limits}{', ' if limits else ''}readonly = 1")
    return session


def ask(session: Session, sql: str, parameters: Mapping[str, object] | None, output_format: str) -> bytes:
    """Return the result of a query, as `sinks.database.Database.query` does.

    Raises:
        QueryError: the statement is wrong, or would change something.
    """
    if output_format.lower() in _PYTHON_FORMATS:
        raise QueryError(f"{output_format} is not a format of ClickHouse")
    # By itself the engine would let a reader write INTO OUTFILE, read any file by `file`, and end queries.
    reading_statement(sql)
    given = escaped(parameters or {})
    try:
        session.query(f"USE {DATABASE}")
        return bytes(session.query(sql, output_format, params=given).bytes())
    except RuntimeError as error:
        raise QueryError(brief(str(error))) from error
