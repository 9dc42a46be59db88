"""Asks the views, off the event loop: a few threads, and for a server as many connections."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import msgspec

from sinks.database import Database
from sinks.open import SCHEMES, open_reader
from touchline.page.query import Query, Rows

THREADS = 4
MOST_KEPT = 128
"""Answers that are kept to be shown again, at most."""
STILL_S = 10.0
"""Seconds for which an answer holds while nothing changes: what does not move the mark is late by so much at most."""
OLDEST = 2.0
"""An answer is shown while a new one is made until it is so many times as old as it may be."""
CSV = "CSVWithNames"

_Key = tuple[str, str, tuple[tuple[str, str], ...]]


class Reader:
    """Answers queries; a query can change nothing.

    Args:
        databases: each is asked one query at a time.
        clock: tells the seconds by which answers age.
    """

    def __init__(self, databases: Iterable[Database], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._databases = list(databases)
        self._free: SimpleQueue[Database] = SimpleQueue()
        for database in self._databases:
            self._free.put(database)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="page")
        self._kept: OrderedDict[_Key, tuple[float, Rows]] = OrderedDict()
        self._under_way: dict[_Key, asyncio.Task[Rows]] = {}

    async def rows(self, query: Query, values: Mapping[str, object]) -> Rows:
        """Return a query's rows: as they are, or as the query says that they may be kept.

        Raises:
            SinkError: the database is out of reach, or lacks a view.
        """
        return await self._kept_rows(query, query.named(values), query.kept_s, OLDEST)

    async def rows_by(self, mark: str, query: Query, values: Mapping[str, object]) -> Rows:
        """Return a query's rows as `rows` does, or those of moments ago if the mark is still the same.

        Args:
            mark: what `MARK` answered: it changes with the tables.
            query: what to ask.
            values: that it names.
        """
        if query.kept_s:
            return await self.rows(query, values)
        return await self._kept_rows(query, query.named(values), STILL_S, 1.0, mark)

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

    async def _kept_rows(
        self, query: Query, named: Mapping[str, object], kept_s: float, oldest: float, mark: str = ""
    ) -> Rows:
        key = (query.sql, mark, tuple((name, repr(value)) for name, value in named.items()))
        at, rows = self._kept.get(key, (-math.inf, []))
        age_s = self._clock() - at
        if age_s < kept_s:
            return rows
        # Whoever asks meanwhile waits for the same answer, or has the last one if that is not much older.
        asking = self._under_way.get(key) or self._begin(key, query, named)
        return rows if age_s < oldest * kept_s else await asyncio.shield(asking)

    async def _decoded(self, query: Query, named: Mapping[str, object]) -> Rows:
        answer = await self._ask(query, named, "JSONEachRow")
        return [msgspec.json.decode(line, type=dict[str, Any]) for line in answer.splitlines()]

    def _begin(self, key: _Key, query: Query, named: Mapping[str, object]) -> asyncio.Task[Rows]:
        def end(asking: asyncio.Task[Rows]) -> None:
            del self._under_way[key]
            # A task that nobody waits for complains of a failure that nobody looked at: here somebody has.
            if not asking.cancelled() and asking.exception() is None:
                self._keep(key, asking.result())

        asking = asyncio.get_running_loop().create_task(self._decoded(query, named))
        self._under_way[key] = asking
        asking.add_done_callback(end)
        return asking

    def _keep(self, key: _Key, rows: Rows) -> None:
        self._kept[key] = (self._clock(), rows)
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
