"""Ports on loopback: finds free ones, and tells whether a Kafka broker or an HTTP server answers on one."""

from __future__ import annotations

import secrets
import socket
import struct
from http.client import HTTPConnection, HTTPException

HOST = "127.0.0.1"
OURS = range(20_000, 32_000)
"""Below the range that systems give to outgoing connections, which could take a free port before we do."""
TRIES = 50

_API_VERSIONS = 18
_CORRELATION = 1
# A request of the Kafka protocol: API key, version 0, correlation id, no client id (a null string).
_REQUEST = struct.pack(">hhih", _API_VERSIONS, 0, _CORRELATION, -1)


def free_port() -> int:
    """Return a TCP port of loopback that nothing listens on, and that the system gives to no outgoing connection."""
    for port in (secrets.choice(OURS) for _ in range(TRIES)):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port found between {OURS.start} and {OURS.stop}")


def broker_answers(port: int, timeout_s: float = 2.0) -> bool:
    """Return whether a Kafka broker on `port` answers an ApiVersions request."""
    try:
        with socket.create_connection((HOST, port), timeout_s) as connection:
            connection.sendall(struct.pack(">i", len(_REQUEST)) + _REQUEST)
            answer = connection.makefile("rb").read(10)
    except OSError:
        return False
    if len(answer) < 10:
        return False
    _size, correlation, error = struct.unpack(">iih", answer)
    return bool(correlation == _CORRELATION and error == 0)


def http_answers(port: int, path: str, timeout_s: float = 2.0) -> bool:
    """Return whether an HTTP server on `port` has what is at a path."""
    connection = HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
