"""Opens the sink at an address, such as the one in `TOUCHLINE_CLICKHOUSE`."""

from __future__ import annotations

from dataclasses import dataclass
from pkgutil import resolve_name
from urllib.parse import urlsplit

from sinks.database import Database
from sinks.errors import AddressError
from sinks.writer import Writer


@dataclass(frozen=True)
class Scheme:
    """One kind of address.

    Attributes:
        example: an address of this kind, for messages.
        opener: `module:function`; the function takes an address and returns a `Writer`. The module is imported when
            the first address is opened: a driver takes 0.2 s to import, and an embedded engine may not be installed.
        extra: the extra of the package `touchline` that installs what the module imports; None if it needs none.
        embedded: whether it runs in this process, which can open it once.
    """

    example: str
    opener: str
    extra: str | None = None
    embedded: bool = False


SCHEMES: dict[str, Scheme] = {
    "clickhouse": Scheme("clickhouse://user:password@host:9000/touchline", "sinks.clickhouse.database:open_server"),
    "clickhouses": Scheme("clickhouses://user:password@host:9440/touchline", "sinks.clickhouse.database:open_server"),
    "chdb": Scheme("chdb:///path/of/a/folder", "sinks.chdb.database:open_folder", extra="embedded", embedded=True),
    "memory": Scheme("memory://", "sinks.memory.writer:open_memory"),
}
"""Every sink by the scheme of its addresses."""


def open_writer(url: str) -> Writer:
    """Return the writer at an address; a server is not contacted before the first call.

    Raises:
        AddressError: the address is malformed, or its sink is not installed; the message shows no password.
        PermanentWriteError: the embedded database cannot be opened.
    """
    name = urlsplit(url).scheme
    scheme = SCHEMES.get(name)
    if scheme is None:
        examples = ", ".join(scheme.example for scheme in SCHEMES.values())
        raise AddressError(f"no sink is addressed {name or url!r}: use one of {examples}")
    try:
        opener = resolve_name(scheme.opener)
    except ImportError as error:
        if scheme.extra is None:
            raise
        raise AddressError(
            f"{name}:// needs packages that are not installed: pip install 'touchline[{scheme.extra}]'"
        ) from error
    writer: Writer = opener(url)
    return writer


def open_database(url: str) -> Database:
    """Return the database at an address; a server is not contacted before the first call.

    Raises:
        AddressError: the address is malformed, its sink is not installed, or its sink speaks no SQL.
        PermanentWriteError: the embedded database cannot be opened.
    """
    sink = open_writer(url)
    if not isinstance(sink, Database):
        sink.close()
        raise AddressError(f"a sink at {urlsplit(url).scheme}:// stores rows only: it runs no SQL")
    return sink


def open_beside(writer: Writer, url: str) -> Database | None:
    """Return a database for queries beside the inserts of the writer at an address.

    On a server it has a connection of its own: one call runs at a time on each. An embedded database is the writer
    itself. None stands for a sink that speaks no SQL.
    """
    if not isinstance(writer, Database):
        return None
    return writer if SCHEMES[urlsplit(url).scheme].embedded else open_database(url)
