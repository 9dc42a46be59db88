"""The writer and database on chDB: a process can open one folder, and one process can open a folder."""

from __future__ import annotations

import re
import weakref
from collections.abc import Mapping, Sequence
from itertools import chain
from threading import Lock
from urllib.parse import unquote, urlsplit

import msgspec
from chdb.session import Session

from sinks.clickhouse.codes import is_transient
from sinks.errors import AddressError, PermanentWriteError, QueryError, TransientWriteError
from sinks.tables import DATABASE, Row, check_width, table_of

# A batch may span any number of months. The merges remove superseded rows: views read with FINAL.
_INSERT_SETTINGS = "max_partitions_per_insert_block = 0, optimize_on_insert = 0"

_PYTHON_FORMATS = {"dataframe", "arrowtable", "debug"}
"""What chDB's client makes objects or warnings of, instead of bytes."""

_encode = msgspec.msgpack.Encoder().encode


class ChdbDatabase:
    """A `Writer` and a `Database` on an embedded ClickHouse."""

    def __init__(self, path: str) -> None:
        """Open the database in folder `path`; a folder that does not exist is made.

        Raises:
            PermanentWriteError: another process has the folder open, or this process has another one open.
        """
        self._lock = Lock()
        try:
            self._session = Session(path)
            self._reader = Session(path)
        except RuntimeError as error:
            raise PermanentWriteError(_why_not(path, str(error))) from error
        # An engine that is still open when the interpreter shuts down may crash the process.
        self._close = weakref.finalize(self, _close, self._reader, self._session)
        # No statement can take `readonly` back from the session. With 2, it could read and write files.
        self._reader.query("SET readonly = 1")

    def write(self, table: str, rows: Sequence[Row]) -> None:
        """Store rows of one table, in one insert."""
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
        """Return a query's result; the engine writes any ClickHouse format."""
        if output_format.lower() in _PYTHON_FORMATS:
            raise QueryError(f"{output_format} is not a format of ClickHouse")
        with self._lock:
            try:
                self._reader.query(f"USE {DATABASE}")
                result = self._reader.query(sql, output_format, params=dict(parameters or {}))
            except RuntimeError as error:
                raise QueryError(str(error)) from error
            return bytes(result.bytes())

    def execute(self, sql: str) -> None:
        """Run one statement."""
        with self._lock:
            try:
                self._session.query(sql)
            except RuntimeError as error:
                raise _failure(error, "the embedded ClickHouse refused a statement") from error

    def ping(self) -> None:
        """Return when the engine, which is in this process, has answered `SELECT 1`."""
        with self._lock:
            self._session.query("SELECT 1")

    def version(self) -> str:
        """Return the release of ClickHouse that is embedded."""
        with self._lock:
            return str(self._session.query("SELECT version()", "TSVRaw")).strip()

    def close(self) -> None:
        """Close the database; the process may then open another one."""
        with self._lock:
            self._close()


def open_folder(url: str) -> ChdbDatabase:
    """Return the database in the folder that an address of scheme `chdb` names.

    Raises:
        AddressError: the address names no folder.
        PermanentWriteError: the folder cannot be opened.
    """
    parts = urlsplit(url)
    if parts.netloc or not parts.path.strip("/"):
        raise AddressError("an embedded database is chdb:///path/of/a/folder, with three slashes")
    return ChdbDatabase(unquote(parts.path))


def _close(*sessions: Session) -> None:
    for session in sessions:
        session.close()


def _to_msgpack(rows: Sequence[Row]) -> bytes:
    """Return rows in ClickHouse's format MsgPack: all fields one after the other, without frames."""
    fields = list(chain.from_iterable(rows))
    return _encode(fields)[_header_size(len(fields)) :]


def _header_size(items: int) -> int:
    """Return the length of the header of a MessagePack array, bytes."""
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
        return f"cannot open {path}: another process has it open, or it is not a folder that can be written to"
    return f"cannot open {path}: {message}"
