"""A ClickHouse that a test fills and queries through one connection."""

from __future__ import annotations

from typing import Protocol

from sinks.database import Database
from sinks.open import open_writer
from sinks.writer import Writer


class Engine(Writer, Database, Protocol):
    """A ClickHouse, embedded or on a server: a writer and a database at once."""


def open_engine(url: str) -> Engine:
    """Return the ClickHouse at an address."""
    sink = open_writer(url)
    assert isinstance(sink, Database), url
    return sink
