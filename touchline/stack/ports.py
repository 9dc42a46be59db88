"""Ports on loopback: finding free ones, and asking whether a Kafka broker answers on one."""

from __future__ import annotations

import socket
import struct

HOST = "127.0.0.1"

_API_VERSIONS = 18
_CORRELATION = 1
# A request of the Kafka protocol: API key, version 0, correlation id, no client id (a null string).
_REQUEST = struct.pack(">hhih", _API_VERSIONS, 0, _CORRELATION, -1)


def free_port() -> int:
    """Return a TCP port of loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def broker_answers(port: int, timeout_s: float = 2.0) -> bool:
    """Return whether a broker on `port` answers what versions of the protocol it speaks."""
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
