"""Reads the address of a ClickHouse server: `clickhouse://user:password@host:9000/touchline?option=value`."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from sinks.errors import AddressError
from sinks.tables import DATABASE

_EXAMPLE = "clickhouse://user:password@host:9000/touchline"
_OPTIONS = ("secure", "verify", "ca_certs", "compression", "timeout")


@dataclass(frozen=True)
class Server:
    """The address of a server, and how to log in.

    Attributes:
        secure: use TLS.
        verify: check the server's certificate (with `secure`).
        ca_certs: file of the authorities to trust, None for the system's.
        compression: compress inserts with LZ4.
        timeout_s: how long to wait for a connection, seconds; an answer may take ten times as long.
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


def parse_server(url: str) -> Server:
    """Return the server that an address names.

    Args:
        url: `clickhouse://…` with the options `secure=1` (TLS, port 9440; the same as `clickhouses://…`), `verify=0`,
            `ca_certs=FILE`, `compression=0` and `timeout=SECONDS`.

    Raises:
        AddressError: the address is malformed; the message shows no password.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise AddressError(f"unknown option {unknown[0]!r} in a clickhouse:// address; known: {_OPTIONS}")
    if not parts.hostname:
        raise AddressError(f"a clickhouse:// address names no host: write {_EXAMPLE}")
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


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise AddressError("the port in a clickhouse:// address is not a number up to 65535") from None


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
