"""The writer and database on chDB: a process can open one folder, and one process can open a folder."""

from __future__ import annotations

import os
import re
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import BinaryIO

import msgspec
from chdb.session import Session

from sinks.chdb.address import folder_of
from sinks.chdb.asking import ask, reading_session
from sinks.clickhouse.codes import is_transient
from sinks.clickhouse.messages import brief
from sinks.errors import PermanentWriteError, QueryError, TransientWriteError
from sinks.tables import OWNERS_FROM, Row, check_width, table_of

# A batch may span any number of months. The merges remove superseded rows: views read with FINAL.
_INSERT_SETTINGS = "max_partitions_per_insert_block = 0, optimize_on_insert = 0"

QUERIES_AT_ONCE = 4
"""Most queries that are answered at a time; further ones wait for their turn."""

_encode = msgspec.msgpack.Encoder().encode


class ChdbDatabase:
    """A `Writer` and a `Database` on an embedded ClickHouse; its queries run beside each other, and beside inserts."""

    def __init__(self, path: str) -> None:
        """Open the database in folder `path`; a folder that does not exist is made, for its user alone.

        Raises:
            PermanentWriteError: another process has the folder open, or this process has another one open.
        """
        self._lock = Lock()
        with suppress(OSError):  # chDB then says why it cannot use the folder
            # chDB leaves it to the umask who may look into a folder that it makes.
            Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._session = Session(path)
            readers = [reading_session(path) for _ in range(QUERIES_AT_ONCE)]
        except RuntimeError as error:
            raise PermanentWriteError(_why_not(path, str(error))) from error
        self._free: SimpleQueue[Session] = SimpleQueue()
        for reader in readers:
            self._free.put(reader)
        # An engine that is still open when the interpreter shuts down may crash the process.
        self._close = weakref.finalize(self, _close, *readers, self._session)

    def write(self, table: str, rows: Sequence[Row]) -> None:
        """Store rows of one table, in one insert."""
        known = table_of(table)
        if not rows:
            return
        check_width(known, rows)
        into = f"{known.stored} ({known.column_list})"
        body = _to_msgpack(rows)
        with self._lock:
            try:
                written = insert(self._session, into, _INSERT_SETTINGS, "MsgPack", body)
            except (RuntimeError, OSError) as error:
                raise _failure(error, f"could not write {len(rows)} rows to {known.stored}") from error
        # The engine counts what it has filled other tables with, too.
        wanted = 2 * len(rows) if table == OWNERS_FROM else len(rows)
        if written != wanted:
            raise PermanentWriteError(
                f"{known.stored} took {written} rows of {wanted}, and the embedded ClickHouse did not say why"
            )

    def query(self, sql: str, parameters: Mapping[str, object] | None = None, output_format: str = "JSON") -> bytes:
        """Return a query's result; the engine writes any ClickHouse format."""
        reader = self._free.get()
        try:
            return ask(reader, sql, parameters, output_format)
        except QueryError as error:
            # A sink tries again what fails for want of memory, and ends at all else.
            if isinstance(error.__cause__, RuntimeError) and _is_transient(error.__cause__):
                raise TransientWriteError(str(error)) from error
            raise
        finally:
            self._free.put(reader)

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
        """Close the database, once its queries are answered; the process may then open another one."""
        # An engine that is still asked when it is closed may crash the process.
        readers = [self._free.get() for _ in range(QUERIES_AT_ONCE)]
        with self._lock:
            self._close()
        for reader in readers:
            self._free.put(reader)  # whoever asks a closed one is told so


def open_folder(url: str) -> ChdbDatabase:
    """Return the database in the folder that an address of scheme `chdb` names.

    Raises:
        AddressError: the address names no folder.
        PermanentWriteError: the folder cannot be opened.
    """
    return ChdbDatabase(folder_of(url))


def insert(session: Session, into: str, settings: str, input_format: str, body: bytes) -> int:
    """Store rows by a statement, and return how many: a statement raises whatever the engine fails with.

    chDB's `send_insert` does not: it counts the rows that it has parsed, and drops what fails when they are stored (a
    full disk, a violated constraint, too many parts). A statement reads its rows from a file. So they are put into one
    that lies in memory, and that no other process sees.

    Args:
        session: may write files.
        into: the table, and its columns in parentheses.
        settings: of this insert, as SETTINGS takes them.
        input_format: the ClickHouse format of `body`.
        body: the rows.

    Raises:
        RuntimeError: the engine's error; a partition then has all of its rows or none.
        OSError: there is no room for a file.
    """
    with _file() as file:
        file.write(body)
        file.seek(0)  # written out by this, and read from the beginning
        result = session.query(
            f"INSERT INTO {into} FROM INFILE '/dev/fd/{file.fileno()}' SETTINGS {settings} FORMAT {input_format}"
        )
    return int(result.rows_written())


def _close(*sessions: Session) -> None:
    for session in sessions:
        session.close()


def _file() -> BinaryIO:
    """Return an empty file without a name, on Linux in memory."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("rows"), "w+b")
    return tempfile.TemporaryFile()


def _to_msgpack(rows: Sequence[Row]) -> bytes:
    """Return rows in ClickHouse's format MsgPack: all fields one after the other, without frames."""
    fields = list(chain.from_iterable(rows))
    return _encode(fields)[_header_size(len(fields)) :]


def _header_size(items: int) -> int:
    """Return the length of the header of a MessagePack array, bytes."""
    if items < 16:
        return 1
    return 3 if items < 1 << 16 else 5


def _failure(error: RuntimeError | OSError, what: str) -> TransientWriteError | PermanentWriteError:
    # This process lacks room for its own file as ClickHouse does for its files: that passes.
    transient = isinstance(error, OSError) or _is_transient(error)
    return (TransientWriteError if transient else PermanentWriteError)(f"{what}: {brief(str(error))}")


def _is_transient(error: RuntimeError) -> bool:
    code = re.search(r"Code: (\d+)\.", str(error))
    return code is not None and is_transient(int(code[1]), str(error))


def _why_not(path: str, message: str) -> str:
    if "already initialized with path" in message:
        return f"cannot open {path}: this process has another embedded ClickHouse open; close it first"
    if "initializing EmbeddedServer" in message:
        return f"cannot open {path}: another process has it open, or it is not a folder that can be written to"
    return f"cannot open {path}: {brief(message)}"
