"""Opens the sink at an address, such as the one in `TOUCHLINE_CLICKHOUSE`."""

from __future__ import annotations

from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Protocol
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
        remote, answering: of an embedded one, `module:function`: opens the database that another process has open, or
            returns None; and what answers queries of others while it is open here.
    """

    example: str
    opener: str
    extra: str | None = None
    embedded: bool = False
    remote: str | None = None
    answering: str | None = None


class Answering(Protocol):
    """Answers queries until it is closed."""

    def close(self) -> None:
        """Answer no more; questions under way get none."""
        ...


SCHEMES: dict[str, Scheme] = {
    "clickhouse": Scheme("clickhouse://user:password@host:9000/touchline", "sinks.clickhouse.database:open_server"),
    "clickhouses": Scheme("clickhouses://user:password@host:9440/touchline", "sinks.clickhouse.database:open_server"),
    "chdb": Scheme(
        "chdb:///path/of/a/folder",
        "sinks.chdb.database:open_folder",
        extra="embedded",
        embedded=True,
        remote="sinks.chdb.remote:open_remote",
        answering="sinks.chdb.answering:QueryServer",
    ),
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


def open_reader(url: str) -> Database:
    """Return the database at an address for queries alone: an embedded one may be open in another process.

    Raises:
        AddressError, PermanentWriteError: as `open_database` raises them.
    """
    scheme = SCHEMES.get(urlsplit(url).scheme)
    if scheme is not None and scheme.remote is not None:
        remote: Database | None = resolve_name(scheme.remote)(url)
        if remote is not None:
            return remote
    return open_database(url)


def is_answered(url: str) -> bool:
    """Return whether another process answers queries on the embedded database at an address."""
    remote = SCHEMES[urlsplit(url).scheme].remote
    return remote is not None and resolve_name(remote)(url) is not None


def answer_queries(url: str) -> Answering | None:
    """Answer queries of other processes on the database at an address, if it is embedded, and open here.

    Raises:
        PermanentWriteError: others cannot reach it.
    """
    scheme = SCHEMES[urlsplit(url).scheme]
    if scheme.answering is None:
        return None
    answering: Answering = resolve_name(scheme.answering)(url)
    return answering


def open_beside(writer: Writer, url: str) -> Database | None:
    """Return a database for queries beside the inserts of the writer at an address.

    On a server it has a connection of its own: one call runs at a time on each. An embedded database is the writer
    itself. None stands for a sink that speaks no SQL.
    """
    if not isinstance(writer, Database):
        return None
    return writer if SCHEMES[urlsplit(url).scheme].embedded else open_database(url)
