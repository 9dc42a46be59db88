"""Asks the views, off the event loop: a few threads, and for a server as many connections."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import msgspec

from sinks.database import Database
from sinks.open import SCHEMES, open_reader
from touchline.page.query import Query, Rows

THREADS = 4
MOST_KEPT = 256
"""Answers that are kept to be shown again, at most."""
CSV = "CSVWithNames"

_Key = tuple[str, tuple[tuple[str, str], ...]]


class Reader:
    """Answers queries; a query can change nothing.

    Args:
        databases: each is asked one query at a time.
    """

    def __init__(self, databases: Iterable[Database]) -> None:
        self._databases = list(databases)
        self._free: SimpleQueue[Database] = SimpleQueue()
        for database in self._databases:
            self._free.put(database)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="page")
        self._kept: OrderedDict[_Key, tuple[float, Rows]] = OrderedDict()

    async def rows(self, query: Query, values: Mapping[str, object]) -> Rows:
        """Return a query's rows.

        Raises:
            SinkError: the database is out of reach, or lacks a view.
        """
        named = query.named(values)
        key = (query.sql, tuple((name, repr(value)) for name, value in named.items()))
        kept = self._kept.get(key)
        if kept is not None and time.monotonic() - kept[0] < query.kept_s:
            return kept[1]
        answer = await self._ask(query, named, "JSONEachRow")
        rows = [msgspec.json.decode(line, type=dict[str, Any]) for line in answer.splitlines()]
        if query.kept_s:
            self._keep(key, rows)
        return rows

    async def csv(self, query: Query, values: Mapping[str, object]) -> bytes:
        """Return a query's rows as CSV under the names of the columns; raises as `rows` does."""
        return await self._ask(query, query.named(values), CSV)

    def close(self) -> None:
        """Answer no more; waits for queries under way."""
        self._threads.shutdown()
        for database in self._databases:
            database.close()

    async def _ask(self, query: Query, named: Mapping[str, object], output_format: str) -> bytes:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._answer, query.sql, named, output_format)

    def _answer(self, sql: str, named: Mapping[str, object], output_format: str) -> bytes:
        database = self._free.get()
        try:
            return database.query(sql, named, output_format)
        finally:
            self._free.put(database)

    def _keep(self, key: _Key, rows: Rows) -> None:
        self._kept[key] = (time.monotonic(), rows)
        self._kept.move_to_end(key)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)


def open_for_page(url: str) -> Reader:
    """Return a reader of the database at an address.

    Raises:
        AddressError, PermanentWriteError: as `sinks.open.open_reader` raises them.
    """
    embedded = SCHEMES[urlsplit(url).scheme].embedded
    return Reader([open_reader(url) for _ in range(1 if embedded else THREADS)])
