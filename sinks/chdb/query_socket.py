"""The Unix socket in a database's folder, on which the process that has it open answers queries of others."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

NAME = "queries.sock"
LONGEST_QUESTION = 4 << 20
"""Bytes."""
ANSWERED, REFUSED = b"+", b"-"
"""What precedes an answer: it is the result, or says in UTF-8 what is wrong with the question."""


class Question(msgspec.Struct):
    """A query, as it goes through the socket in MessagePack."""

    sql: str
    parameters: dict[str, object]
    output_format: str


@contextmanager
def socket_address(folder: str) -> Iterator[str]:
    """Yield the address of the socket of a folder.

    A socket's address has at most 107 bytes, a folder's name may have more. Linux has a short name for an open folder.

    Raises:
        OSError: the folder is not there.
    """
    if not Path("/proc/self/fd").is_dir():
        yield str(Path(folder) / NAME)
        return
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{opened}/{NAME}"
    finally:
        os.close(opened)


def connect(folder: str) -> Connection | None:
    """Return a connection to the process that answers for the database in a folder; None if there is none."""
    with closing(socket.socket(socket.AF_UNIX)) as client:
        try:
            with socket_address(folder) as address:
                client.connect(address)
        except OSError:
            return None
        return Connection(client.detach())
