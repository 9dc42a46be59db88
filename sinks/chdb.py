"""The writer on chDB, the ClickHouse engine inside this process: `chdb:///path/of/a/folder`.

A process can have one such folder open, and a folder one process.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Mapping, Sequence
from itertools import chain
from threading import Lock

import msgspec
from chdb.session import Session

from sinks.errors import is_transient
from sinks.tables import DATABASE, Row
from sinks.writer import (
    PermanentWriteError,
    QueryError,
    TransientWriteError,
    check_width,
    table_of,
)

# A batch may span any number of months. Superseded rows are left to the merges: views read with FINAL.
_INSERT_SETTINGS = "max_partitions_per_insert_block = 0, optimize_on_insert = 0"

_encode = msgspec.msgpack.Encoder().encode


class ChdbWriter:
    """Keeps rows in an embedded ClickHouse."""

    def __init__(self, path: str) -> None:
        """Open the database in folder `path`, which is made if need be.

        Raises:
            PermanentWriteError: the folder is in use by another process, or this process has another one open.
        """
        self._lock = Lock()
        try:
            self._session = Session(path)
            self._reader = Session(path)
        except RuntimeError as error:
            raise PermanentWriteError(_why_not(path, str(error))) from error
        # The engine must be closed before the interpreter goes down, or it may bring the process down with it.
        self._close = weakref.finalize(self, _close, self._reader, self._session)
        # A session that may only read stays so: no statement can lift it.
        self._reader.query("SET readonly = 2")

    def write(self, table: str, rows: Sequence[Row]) -> None:
        """Store rows; see `sinks.writer.Writer`."""
        known = table_of(table)
        if not rows:
            return
        check_width(known, rows)
        insert = f"INSERT INTO {known.stored} ({known.column_list}) SETTINGS {_INSERT_SETTINGS}"
        body = _to_msgpack(rows)
        with self._lock:
            try:
                with self._session.send_insert(insert, "MsgPack") as stream:
                    stream.append(body)
                    written = int(stream.finish().rows_written)
            except RuntimeError as error:
                raise _failure(error, f"could not write {len(rows)} rows to {known.stored}") from error
        if written != len(rows):
            raise PermanentWriteError(
                f"{known.stored} took {written} rows of {len(rows)}: its columns are not those of this "
                "release; run `touchline migrate`"
            )

    def query(self, sql: str, parameters: Mapping[str, object] | None = None, output_format: str = "JSON") -> bytes:
        """Return a query's result; see `sinks.writer.Writer`."""
        with self._lock:
            try:
                self._reader.query(f"USE {DATABASE}")
                result = self._reader.query(sql, output_format, params=dict(parameters or {}))
            except RuntimeError as error:
                raise QueryError(str(error)) from error
            return bytes(result.bytes())

    def execute(self, sql: str) -> None:
        """Run a statement; see `sinks.writer.Writer`."""
        with self._lock:
            try:
                self._session.query(sql)
            except RuntimeError as error:
                raise _failure(error, "the embedded ClickHouse refused a statement") from error

    def ping(self) -> None:
        """Return at once: the engine is in this process."""
        with self._lock:
            self._session.query("SELECT 1")

    def close(self) -> None:
        """Close the database; another may then be opened."""
        with self._lock:
            self._close()


def _close(*sessions: Session) -> None:
    for session in sessions:
        session.close()


def _to_msgpack(rows: Sequence[Row]) -> bytes:
    """Return rows as ClickHouse's format MsgPack has them: all fields one after the other, no frames."""
    fields = list(chain.from_iterable(rows))
    return _encode(fields)[_header_size(len(fields)) :]


def _header_size(items: int) -> int:
    """Return how many bytes a MessagePack array of so many items begins with."""
    if items < 16:
        return 1
    return 3 if items < 1 << 16 else 5


def _failure(error: RuntimeError, what: str) -> TransientWriteError | PermanentWriteError:
    code = re.search(r"Code: (\d+)\.", str(error))
    transient = code is not None and is_transient(int(code[1]))
    return (TransientWriteError if transient else PermanentWriteError)(f"{what}: {error}")


def _why_not(path: str, message: str) -> str:
    if "already initialized with path" in message:
        return f"cannot open {path}: this process has another embedded ClickHouse open; close it first"
    if "initializing EmbeddedServer" in message:
        return f"cannot open {path}: another process has it open, or it is not a folder to write to"
    return f"cannot open {path}: {message}"
