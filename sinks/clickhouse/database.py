"""The writer and database on a ClickHouse server, over its native protocol."""

from __future__ import annotations

import ssl
import struct
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, NoReturn

from clickhouse_driver import Client, errors

from sinks.clickhouse.address import Server, parse_server
from sinks.clickhouse.codes import advice, is_transient
from sinks.clickhouse.columns import Convert, conversions, to_columns
from sinks.clickhouse.formats import Result, render
from sinks.clickhouse.messages import brief
from sinks.errors import AddressError, PermanentWriteError, QueryError, TransientWriteError
from sinks.tables import DATABASE, Row, Table, check_width, table_of

# A batch may span any number of months. The merges remove superseded rows: views read with FINAL. Current servers queue
# inserts unless told otherwise, and by a user's profile may acknowledge them before they are stored.
_INSERT_SETTINGS = {"max_partitions_per_insert_block": 0, "optimize_on_insert": 0, "async_insert": 0}

# These change nothing on one server. On a cluster (sinks/cluster.py) an insert is acknowledged when the rows are on
# their shards; INSERT … SELECT sends each row to the shard of its own key, where servers of today leave it on the one
# that it was read from; and a block that is sent again after its rows were deleted is stored, as on one server.
_CLUSTER_SETTINGS = {
    "distributed_foreground_insert": 1,
    "parallel_distributed_insert_select": 0,
    "insert_deduplicate": 0,
}
# Each shard joins with all rows of the other table, not with its own ones alone.
_READ_SETTINGS: dict[str, int | str] = {"distributed_product_mode": "global"}

# Larger than any batch, so that an insert is one block: a partition takes a block whole or not at all.
_BLOCK_ROWS = 1 << 30

# How long `close` waits for the end of a call, seconds: enough for a server that answers.
_CLOSE_S = 1.0

_LOST = (errors.NetworkError, errors.SocketTimeoutError, EOFError, OSError)
_CONFUSED = (
    errors.UnexpectedPacketFromServerError,
    errors.UnknownPacketFromServerError,
    errors.PartiallyConsumedQueryError,
    errors.ChecksumDoesntMatchError,
)


class ClickHouseDatabase:
    """A `Writer` and a `Database` on a ClickHouse server.

    Every error drops the connection, so that a half-sent request is never continued.
    """

    def __init__(self, server: Server) -> None:
        """Prepare a connection; the first call makes it."""
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
        self._known: frozenset[str] | None = None
        self._reading: dict[str, int | str] | None = None
        self._conversions: dict[str, dict[int, Convert]] = {}

    def write(self, table: str, rows: Sequence[Row]) -> None:
        """Store rows of one table, as one block."""
        known = table_of(table)
        if not rows:
            return
        check_width(known, rows)
        columns = to_columns(rows)
        insert = f"INSERT INTO {known.stored} ({known.column_list}) VALUES"
        with self._lock:
            try:
                settings = self._that_are_known(_INSERT_SETTINGS | _CLUSTER_SETTINGS)
                for place, convert in self._conversions_of(known).items():
                    columns[place] = convert(columns[place])
                self._client.execute(insert, columns, columnar=True, settings=settings)
            except Exception as error:  # every error must drop the connection
                self._fail(error, f"could not write {len(rows)} rows to {known.stored}")

    def query(self, sql: str, parameters: Mapping[str, object] | None = None, output_format: str = "JSON") -> bytes:
        """Return a query's result in one of `formats.FORMATS`: over this protocol the client writes the format."""
        with self._lock:
            try:
                self._client.execute(f"USE {DATABASE}")
                rows, columns = self._client.execute(
                    sql, dict(parameters or {}), with_column_types=True, settings=self._read_settings()
                )
            except errors.ServerException as error:
                self._drop()
                if is_transient(error.code, str(error.message)):
                    raise TransientWriteError(f"{self._server!r}: {_brief(error)}") from error
                raise QueryError(f"{_brief(error)}{advice(error.code)}") from error
            except Exception as error:  # every error must drop the connection
                self._fail(error, "could not run the query")
        return render(Result(columns, rows), output_format)

    def execute(self, sql: str) -> None:
        """Run one statement; it may change the tables, so the column types are read anew."""
        with self._lock:
            try:
                self._client.execute(sql, settings=self._that_are_known(_CLUSTER_SETTINGS))
            except Exception as error:  # every error must drop the connection
                self._fail(error, "the server refused a statement")
            self._conversions.clear()

    def ping(self) -> None:
        """Return when the server has answered a query."""
        self.version()

    def version(self) -> str:
        """Return the server's release."""
        with self._lock:
            try:
                ((version,),) = self._client.execute("SELECT version()")
            except Exception as error:  # every error must drop the connection
                self._fail(error, "no answer")
        return str(version)

    def close(self) -> None:
        """Close the connection; one on which the server does not answer another thread's call is left to it."""
        if self._lock.acquire(timeout=_CLOSE_S):
            try:
                self._drop()
            finally:
                self._lock.release()

    def _that_are_known(self, settings: Mapping[str, int]) -> dict[str, int]:
        """Return the settings that this server knows: it refuses a statement with any other."""
        if self._known is None:
            self._known = frozenset(row[0] for row in self._client.execute("SELECT name FROM system.settings"))
        return {name: value for name, value in settings.items() if name in self._known}

    def _read_settings(self) -> dict[str, int | str]:
        """Return the settings with which queries change nothing and reach nothing outside of the database.

        A user with `readonly` may not set it again, not even to 1: then it is the user's rights that hold. One with
        `readonly = 1` sets nothing at all, and has the others in its profile.
        """
        if self._reading is None:
            ((said,),) = self._client.execute("SELECT value FROM system.settings WHERE name = 'readonly'")
            by_user: dict[str, dict[str, int | str]] = {"0": _READ_SETTINGS | {"readonly": 1}, "2": _READ_SETTINGS}
            self._reading = by_user.get(said, {})
        return self._reading

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
        # The next connection may reach other tables, or another release.
        self._conversions.clear()
        self._known = self._reading = None

    def _fail(self, error: Exception, what: str) -> NoReturn:
        """Drop the connection, and raise the sink's own error for what happened."""
        self._drop()
        what = f"{what} at {self._server!r}"
        if isinstance(error, PermanentWriteError):
            raise error
        if isinstance(error, errors.ServerException):
            if is_transient(error.code, str(error.message)):
                raise TransientWriteError(f"{what}: {_brief(error)}") from error
            raise PermanentWriteError(f"{what}: {_brief(error)}{advice(error.code)}") from error
        if isinstance(error, _LOST + _CONFUSED):
            raise TransientWriteError(f"{what}: {brief(str(error)) or type(error).__name__}") from error
        if isinstance(error, errors.Error | ValueError | TypeError | AttributeError | struct.error):
            raise PermanentWriteError(
                f"{what}: a value does not fit its column ({type(error).__name__}: {brief(str(error))})"
            ) from error
        raise error


def _brief(error: errors.ServerException) -> str:
    return brief(f"Code: {error.code}. {error.message}")


def open_server(url: str) -> ClickHouseDatabase:
    """Return the database on the server at an address of scheme `clickhouse` or `clickhouses`.

    Raises:
        AddressError: the address is malformed, or the file of certificates that it names cannot be used.
    """
    server = parse_server(url)
    if server.ca_certs is not None:
        _check_certificates(server.ca_certs)
    return ClickHouseDatabase(server)


def _check_certificates(file: str) -> None:
    """Raise an AddressError if no certificates can be read: the driver would say that the server is out of reach."""
    try:
        ssl.create_default_context(cafile=file)
    except ssl.SSLError as error:
        raise AddressError(f"ca_certs={file} in a clickhouse:// address holds no certificates in PEM format") from error
    except OSError as error:
        raise AddressError(f"ca_certs={file} in a clickhouse:// address cannot be read: {error.strerror}") from error
