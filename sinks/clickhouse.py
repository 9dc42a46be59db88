"""The writer on a ClickHouse server, over its native protocol: `clickhouse://user:password@host:9000/touchline`."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, NoReturn

from clickhouse_driver import Client, errors

from sinks.columns import Convert, conversions, to_columns
from sinks.errors import is_transient
from sinks.formats import Result, render
from sinks.tables import DATABASE, Row, Table
from sinks.writer import PermanentWriteError, QueryError, TransientWriteError, check_width, table_of

# A batch may span any number of months. Superseded rows are left to the merges: views read with FINAL.
_INSERT_SETTINGS = {"max_partitions_per_insert_block": 0, "optimize_on_insert": 0}

# Larger than any batch: an insert is one block, which a partition takes whole or not at all.
_BLOCK_ROWS = 1 << 30

_UNKNOWN_TABLE, _UNKNOWN_DATABASE = 60, 81
_REFUSED_LOGINS = {192, 193, 194, 195, 516}

_LOST = (errors.NetworkError, errors.SocketTimeoutError, EOFError, OSError)
_CONFUSED = (
    errors.UnexpectedPacketFromServerError,
    errors.UnknownPacketFromServerError,
    errors.PartiallyConsumedQueryError,
    errors.ChecksumDoesntMatchError,
)


@dataclass(frozen=True)
class Server:
    """Where a server is and how to log in.

    Attributes:
        secure: use TLS.
        verify: check the server's certificate (with `secure`).
        ca_certs: file of the authorities to trust, None for the system's.
        compression: compress inserts with LZ4.
        timeout_s: how long to wait for a connection; answers may take ten times as long.
    """

    host: str
    port: int = 9000
    user: str = "default"
    password: str = ""
    secure: bool = False
    verify: bool = True
    ca_certs: str | None = None
    compression: bool = True
    timeout_s: float = 10.0

    def __repr__(self) -> str:
        """Name the server without its password."""
        return f"{self.user}@{self.host}:{self.port}"


class ClickHouseWriter:
    """Keeps rows in a ClickHouse server.

    After any error the connection is dropped, so nothing half sent is ever continued.
    """

    def __init__(self, server: Server) -> None:
        """Prepare a connection; it is made when first needed."""
        self._server = server
        self._lock = Lock()
        self._client: Any = Client(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password,
            secure=server.secure,
            verify=server.verify,
            ca_certs=server.ca_certs,
            compression="lz4" if server.compression else False,
            connect_timeout=server.timeout_s,
            send_receive_timeout=10 * server.timeout_s,
            client_name="touchline",
            settings={"insert_block_size": _BLOCK_ROWS, "server_side_params": True},
        )
        self._insert_settings: dict[str, int] | None = None
        self._conversions: dict[str, dict[int, Convert]] = {}

    def write(self, table: str, rows: Sequence[Row]) -> None:
        """Store rows; see `sinks.writer.Writer`."""
        known = table_of(table)
        if not rows:
            return
        check_width(known, rows)
        columns = to_columns(rows)
        insert = f"INSERT INTO {known.stored} ({known.column_list}) VALUES"
        with self._lock:
            try:
                settings = self._settings()
                for place, convert in self._conversions_of(known).items():
                    columns[place] = convert(columns[place])
                self._client.execute(insert, columns, columnar=True, settings=settings)
            except Exception as error:  # every error must drop the connection
                self._fail(error, f"could not write {len(rows)} rows to {known.stored}")

    def query(self, sql: str, parameters: Mapping[str, object] | None = None, output_format: str = "JSON") -> bytes:
        """Return a query's result; see `sinks.writer.Writer`.

        Over this protocol the client writes the format: `sinks.formats.FORMATS` are known.
        """
        with self._lock:
            try:
                self._client.execute(f"USE {DATABASE}")
                rows, columns = self._client.execute(
                    sql, dict(parameters or {}), with_column_types=True, settings={"readonly": 2}
                )
            except errors.ServerException as error:
                self._drop()
                if is_transient(error.code):
                    raise TransientWriteError(f"{self._server!r}: {_brief(error)}") from error
                raise QueryError(f"{_brief(error)}{_advice(error.code)}") from error
            except Exception as error:  # every error must drop the connection
                self._fail(error, "could not run the query")
        return render(Result(columns, rows), output_format)

    def execute(self, sql: str) -> None:
        """Run a statement; see `sinks.writer.Writer`."""
        with self._lock:
            try:
                self._client.execute(sql)
            except Exception as error:  # every error must drop the connection
                self._fail(error, "the server refused a statement")
            # The tables may be others now.
            self._conversions.clear()

    def ping(self) -> None:
        """Return when the server answers; see `sinks.writer.Writer`."""
        with self._lock:
            try:
                self._client.execute("SELECT 1")
            except Exception as error:  # every error must drop the connection
                self._fail(error, "no answer")

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop()

    def _settings(self) -> dict[str, int]:
        """Return the insert settings that this server knows: old ones refuse the others."""
        if self._insert_settings is None:
            known = {row[0] for row in self._client.execute("SELECT name FROM system.settings")}
            self._insert_settings = {name: value for name, value in _INSERT_SETTINGS.items() if name in known}
        return self._insert_settings

    def _conversions_of(self, table: Table) -> dict[int, Convert]:
        if table.name not in self._conversions:
            described = self._client.execute(f"DESCRIBE TABLE {table.stored}")
            types = {str(row[0]): str(row[1]) for row in described}
            missing = [name for name in table.columns if name not in types]
            if missing:
                raise PermanentWriteError(f"{table.stored} has no column {', '.join(missing)}: run `touchline migrate`")
            self._conversions[table.name] = conversions(table, types)
        return self._conversions[table.name]

    def _drop(self) -> None:
        self._client.disconnect()
        # Whoever answers next may have other tables, or be another release.
        self._conversions.clear()
        self._insert_settings = None

    def _fail(self, error: Exception, what: str) -> NoReturn:
        """Drop the connection, and say what happened in the writer's own terms."""
        self._drop()
        what = f"{what} at {self._server!r}"
        if isinstance(error, PermanentWriteError):
            raise error
        if isinstance(error, errors.ServerException):
            if is_transient(error.code):
                raise TransientWriteError(f"{what}: {_brief(error)}") from error
            raise PermanentWriteError(f"{what}: {_brief(error)}{_advice(error.code)}") from error
        if isinstance(error, _LOST + _CONFUSED):
            raise TransientWriteError(f"{what}: {error or type(error).__name__}") from error
        if isinstance(error, errors.Error | ValueError | TypeError | AttributeError | struct.error):
            raise PermanentWriteError(
                f"{what}: a value does not fit its column ({type(error).__name__}: {error})"
            ) from error
        raise error


def _brief(error: errors.ServerException) -> str:
    """Return the server's message without its stack trace."""
    message = str(error.message).split("Stack trace:")[0].strip()
    return f"Code: {error.code}. {message}"


def _advice(code: int) -> str:
    if code in {_UNKNOWN_TABLE, _UNKNOWN_DATABASE}:
        return ": run `touchline migrate`"
    if code in _REFUSED_LOGINS:
        return ": check the user and password in TOUCHLINE_CLICKHOUSE"
    return ""
