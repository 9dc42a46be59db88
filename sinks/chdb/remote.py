"""The database that another process has open, as far as it can be asked."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sinks.chdb.address import folder_of
from sinks.chdb.query_socket import ANSWERED, Question, connect
from sinks.errors import PermanentWriteError, QueryError, TransientWriteError

WITHIN_S = 900.0
"""Seconds for an answer: three times what a question may take, as others may be before it."""


class RemoteDatabase:
    """A `Database` of which another process answers the queries; it runs no statement."""

    def __init__(self, folder: str) -> None:
        """Ask whoever answers for the database in a folder."""
        self._folder = folder

    def query(self, sql: str, parameters: Mapping[str, object] | None = None, output_format: str = "JSON") -> bytes:
        """Return a query's result."""
        connection = connect(self._folder)
        if connection is None:
            raise TransientWriteError(f"the process that had {self._folder} open has ended; ask again")
        question = Question(sql, dict(parameters or {}), output_format)
        with connection:
            try:
                connection.send_bytes(msgspec.msgpack.encode(question))
                if not connection.poll(WITHIN_S):
                    raise TransientWriteError(
                        f"the process that has {self._folder} open has not answered within {WITHIN_S:g} s; ask again"
                    )
                status, answer = connection.recv_bytes(), connection.recv_bytes()
            except (OSError, EOFError) as error:
                raise TransientWriteError(
                    f"the process that has {self._folder} open ended before it answered"
                ) from error
        if status != ANSWERED:
            raise QueryError(answer.decode(errors="replace"))
        return answer

    def execute(self, sql: str) -> None:  # noqa: ARG002  # no statement is run
        """Raise: only the process that has the database open can change it."""
        raise PermanentWriteError(f"cannot change {self._folder}: another process has it open")

    def ping(self) -> None:
        """Return when the other process answers."""
        self.query("SELECT 1")

    def version(self) -> str:
        """Return the release of ClickHouse that is embedded."""
        return self.query("SELECT version()", output_format="TSVRaw").decode().strip()

    def close(self) -> None:
        """Do nothing: each question has a connection of its own."""


def open_remote(url: str) -> RemoteDatabase | None:
    """Return the database at an address if another process answers queries on it, else None."""
    folder = folder_of(url)
    connection = connect(folder)
    if connection is None:
        return None
    connection.close()
    return RemoteDatabase(folder)
