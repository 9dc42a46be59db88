"""The writers under one contract, each with a way to read back its rows, in the units of the facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol, get_origin, get_type_hints

from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.bufferedwriter import BufferedSocketWriter
from clickhouse_driver.context import Context
from clickhouse_driver.streams.native import BlockOutputStream

from schemas.rows import TABLES
from sinks.clickhouse.address import Server
from sinks.clickhouse.database import ClickHouseDatabase
from sinks.database import Database, select
from sinks.memory.writer import MemoryWriter
from sinks.tables import TABLES as STORED
from sinks.writer import Writer

if TYPE_CHECKING:
    from chdb.session import Session  # an optional part


class Store(Protocol):
    """A writer under test, and the rows that it keeps."""

    @property
    def writer(self) -> Writer:
        """The writer under test."""
        ...

    def rows(self, table: str) -> list[list[object]]:
        """Return rows as facts, by key, without superseded and deleted ones."""
        ...


@dataclass
class MemoryStore:
    writer: MemoryWriter

    def rows(self, table: str) -> list[list[object]]:
        return self.writer.rows(table)


@dataclass
class SqlStore:
    """Reads the rows back by SQL.

    Attributes:
        writer: the writer under test.
        database: answers queries on the tables that it fills.
    """

    writer: Writer
    database: Database

    def rows(self, table: str) -> list[list[object]]:
        return stored_rows(self.database, table)


def stored_rows(database: Database, table: str) -> list[list[object]]:
    """Return the rows of a stored table, not of its view, whatever the types of its columns; as `Store.rows`."""
    described = select(database, f"DESCRIBE TABLE touchline.{table}_rows")
    types = {str(row[0]): str(row[1]) for row in described}
    # What is not stored, since columns are made of it, is empty.
    gone = {str(row[0]) for row in described if row[2] == "EPHEMERAL"}
    hints = get_type_hints(TABLES[table])
    names = list(TABLES[table].__struct_fields__)
    shown = ", ".join("''" if name in gone else _shown(name, types[name], hints[name]) for name in names)
    alive = "WHERE NOT deleted" if "deleted" in names else ""
    found = select(
        database,
        f"SELECT {shown} FROM touchline.{table}_rows FINAL {alive} ORDER BY {', '.join(STORED[table].key)}",
    )
    return [[_fact(value, hints[name]) for name, value in zip(names, row, strict=True)] for row in found]


def _shown(name: str, column_type: str, hint: object) -> str:
    if column_type.startswith("Array(DateTime64"):
        return f"arrayMap(time -> toUnixTimestamp64Milli(time), `{name}`)"
    if "DateTime64" in column_type:
        return f"toUnixTimestamp64Milli(`{name}`)"
    return f"hex(`{name}`)" if hint is bytes else f"`{name}`"


def _fact(value: object, hint: object) -> object:
    if hint is bool:
        return bool(value)
    if hint is bytes:
        return bytes.fromhex(str(value))
    if get_origin(hint) is dict and isinstance(value, str):
        return json.loads(value)
    return value


class DriverOnChdb:
    """Replaces the driver's client: a current ClickHouse reads the blocks of columns that the driver would send.

    The native protocol and ClickHouse's format Native share their serialization. So a test shows, without a current
    server, that the driver's blocks fit the types of the tables.
    """

    def __init__(self, chdb: Database, session: Session) -> None:
        self._chdb = chdb
        self._session = session

    def execute(
        self,
        sql: str,
        data: Any = None,
        *,
        columnar: bool = False,
        settings: Mapping[str, int] | None = None,
    ) -> list[list[object]]:
        if not columnar:
            return select(self._chdb, sql)
        into = sql.removeprefix("INSERT INTO ").removesuffix(" VALUES")
        table, _, columns = into.partition(" ")
        described = {f"`{row[0]}`": row[1] for row in select(self._chdb, f"DESCRIBE TABLE {table}")}
        types = [(name.strip("`"), described[name]) for name in columns.strip("()").split(", ")]
        # Imported here: chDB is an optional part.
        from sinks.chdb.database import insert  # noqa: PLC0415

        insert(self._session, into, _clause(settings), "Native", _native_block(types, data))
        return []

    def disconnect(self) -> None:
        """Nothing to drop."""


def driver_on_chdb(chdb: Database, session: Session) -> ClickHouseDatabase:
    """Return the native protocol's writer with this client in place of the driver's."""
    writer = ClickHouseDatabase(Server("nowhere.invalid"))
    # The class takes no client from outside.
    writer._client = DriverOnChdb(chdb, session)
    return writer


def _clause(settings: Mapping[str, int] | None) -> str:
    return ", ".join(f"{name} = {value}" for name, value in (settings or {}).items())


class _Sent:
    """A socket that keeps the bytes sent to it."""

    def __init__(self) -> None:
        self.sent = bytearray()

    def sendall(self, data: bytes) -> None:
        self.sent += data


def _native_block(types: list[Any], data: list[Any]) -> bytes:
    """Return the block that the driver would send in protocol revision 0, which is format Native."""
    context = Context()
    context.server_info = SimpleNamespace(used_revision=0, get_timezone=lambda: "UTC")
    context.client_settings = {"strings_as_bytes": False, "use_numpy": False}
    context.settings = {}
    to = _Sent()
    BlockOutputStream(BufferedSocketWriter(to, 1 << 20), context).write(ColumnOrientedBlock(types, data))
    return bytes(to.sent)
