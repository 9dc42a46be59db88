"""From an address to a writer: `TOUCHLINE_CLICKHOUSE` in its three forms."""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from sinks.clickhouse import ClickHouseWriter, Server
from sinks.memory import MemoryWriter
from sinks.tables import DATABASE
from sinks.writer import SinkError, Writer

_FORMS = "clickhouse://user:password@host:9000/touchline, chdb:///path/of/a/folder or memory://"
_OPTIONS = ("secure", "verify", "ca_certs", "compression", "timeout")


class AddressError(SinkError):
    """An address is none that a writer can be opened at."""


def open_writer(url: str) -> Writer:
    """Return the writer at an address; a server is not contacted yet (see `Writer.ping`).

    `clickhouse://` takes the options `?secure=1` (TLS, port 9440; or `clickhouses://`), `verify=0`,
    `ca_certs=FILE`, `compression=0` and `timeout=SECONDS`.

    Raises:
        AddressError: the address is malformed; the message shows no password.
        PermanentWriteError: the embedded database cannot be opened, or is not installed.
    """
    parts = urlsplit(url)
    if parts.scheme in {"clickhouse", "clickhouses"}:
        return ClickHouseWriter(parse_server(url))
    if parts.scheme == "chdb":
        return _open_embedded(parts)
    if parts.scheme == "memory":
        return MemoryWriter()
    raise AddressError(f"no sink is addressed {parts.scheme or url!r}: use {_FORMS}")


def parse_server(url: str) -> Server:
    """Return what a `clickhouse://` address says.

    Raises:
        AddressError: it is malformed; the message shows no password.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise AddressError(f"unknown option {unknown[0]!r} in a clickhouse:// address; known: {_OPTIONS}")
    if not parts.hostname:
        raise AddressError(f"a clickhouse:// address names no host: use {_FORMS}")
    if parts.path.strip("/") not in {"", DATABASE}:
        raise AddressError(f"the database is {DATABASE!r}, not {parts.path.strip('/')!r}")
    secure = _flag(options, "secure", default=parts.scheme == "clickhouses")
    return Server(
        host=parts.hostname,
        port=_port(parts) or (9440 if secure else 9000),
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        secure=secure,
        verify=_flag(options, "verify", default=True),
        ca_certs=options.get("ca_certs"),
        compression=_flag(options, "compression", default=True),
        timeout_s=_seconds(options),
    )


def _open_embedded(parts: SplitResult) -> Writer:
    if parts.netloc or not parts.path.strip("/"):
        raise AddressError("an embedded database is chdb:///path/of/a/folder, with three slashes")
    try:
        from sinks.chdb import ChdbWriter  # noqa: PLC0415  # an optional part, half a gigabyte
    except ImportError as error:
        raise AddressError("the embedded ClickHouse is not installed: pip install 'touchline[embedded]'") from error
    return ChdbWriter(unquote(parts.path))


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise AddressError("the port in a clickhouse:// address is no number up to 65535") from None


def _flag(options: dict[str, str], name: str, *, default: bool) -> bool:
    value = options.get(name)
    if value is None:
        return default
    if value.lower() in {"1", "true", "yes"}:
        return True
    if value.lower() in {"0", "false", "no"}:
        return False
    raise AddressError(f"option {name} in a clickhouse:// address is 0 or 1, not {value!r}")


def _seconds(options: dict[str, str]) -> float:
    try:
        return float(options.get("timeout", "10"))
    except ValueError:
        raise AddressError("option timeout in a clickhouse:// address is a number of seconds") from None
