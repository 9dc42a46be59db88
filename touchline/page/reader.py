"""Asks the views, off the event loop: a few threads, and for a server as many connections."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import msgspec

from sinks.database import Database
from sinks.errors import SinkError, TransientWriteError
from sinks.open import SCHEMES, open_reader
from touchline.page.query import Query, Rows

THREADS = 4
"""One of them answers what all screens wait for, and the others what each shows: that may take long."""
PATIENCE_S = 0.2
"""Seconds that a screen waits for an answer."""
MOST_KEPT = 128
"""Answers that are kept to be shown again, at most."""
MOST_KEPT_BYTES = 32 << 20
"""Bytes of these, as the database sent them: so they are kept, as rows take ten times as much."""
MOST_ASKED = 64
"""Queries that are under way or wait for a thread, at most: they go on where whoever asked has gone."""
STILL_S = 10.0
"""Seconds for which an answer holds while nothing changes: what does not move the mark is late by so much at most. For
so long whoever asks again is told, too, what a query failed with that nobody waited for."""
STALEST_S = 3600.0
"""While nothing changes an answer that is older is shown, too, until a new one is made, up to so many seconds."""
OLDEST = 5.0
"""So is one of a query that is kept, whatever changes, until it is so many times as old as it may be. An answer that no
screen waited for may be so many times as old as it took: else whoever looks again would wait for the next one."""
CSV = "CSVWithNames"

_Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class _Answer:
    """What the database sent, when it was asked, and what the mark was then; empty where that is not known."""

    at: float
    took_s: float
    mark: str
    sent: bytes

    @property
    def rows(self) -> Rows:
        """Its rows; whoever looks on has them to themselves."""
        return [msgspec.json.decode(line, type=dict[str, Any]) for line in self.sent.splitlines()]


class Reader:
    """Answers queries; a query can change nothing.

    Args:
        databases: each is asked one query at a time; one that answers several at a time may come several times.
        clock: tells the seconds by which answers age.
    """

    def __init__(self, databases: Iterable[Database], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._databases = list(databases)
        self._free: SimpleQueue[Database] = SimpleQueue()
        for database in self._databases:
            self._free.put(database)
        self._first = ThreadPoolExecutor(1, thread_name_prefix="page-basis")
        self._threads = ThreadPoolExecutor(THREADS - 1, thread_name_prefix="page")
        self._kept: OrderedDict[_Key, _Answer] = OrderedDict()
        self._under_way: dict[_Key, asyncio.Task[_Answer]] = {}
        self._failed: OrderedDict[_Key, tuple[float, SinkError]] = OrderedDict()
        self._asked = 0

    async def rows(self, query: Query, values: Mapping[str, object], mark: str = "") -> Rows:
        """Return a query's rows: as they are, as they were at the same mark, or as the query says that they may be.

        Args:
            query: what to ask.
            values: that it names.
            mark: what `MARK` answered: it changes with the tables.

        Raises:
            SinkError: the database is out of reach, or lacks a view.
            TransientWriteError: as many queries as may be are under way.
        """
        named = query.named(values)
        key = _key_of(query, named)
        kept = self._kept.get(key)
        is_same = kept is not None and mark != "" and kept.mark == mark
        age_s = 0.0 if kept is None else self._clock() - kept.at
        kept_s = query.kept_s if kept is None else _kept_s(query, kept)
        if kept is not None and age_s < max(kept_s, STILL_S if is_same else 0.0):
            return kept.rows
        last = kept if age_s < max(OLDEST * kept_s, STALEST_S if is_same else 0.0) else None
        if last is None:
            self._tell_failure(key)
        # Whoever asks meanwhile waits for the same answer, or has the last one if that is not too old.
        asking = self._under_way.get(key) or self._begin(key, query, named, mark)
        if last is not None:
            return last.rows
        try:
            return (await asyncio.shield(asking)).rows
        except SinkError:
            self._failed.pop(key, None)  # told now
            raise

    def is_behind(self, query: Query, values: Mapping[str, object], mark: str) -> bool:
        """Return whether the answer that is shown again was made at another mark: there may be more by now."""
        kept = self._kept.get(_key_of(query, query.named(values)))
        return kept is not None and kept.mark != mark

    async def csv(self, query: Query, values: Mapping[str, object]) -> bytes:
        """Return a query's rows as CSV under the names of the columns; raises as `rows` does."""
        return await self._ask(query, query.named(values), CSV)

    def close(self) -> None:
        """Answer no more; waits for queries under way."""
        self._first.shutdown()
        self._threads.shutdown()
        for database in set(self._databases):
            database.close()

    async def _ask(self, query: Query, named: Mapping[str, object], output_format: str) -> bytes:
        if self._asked >= MOST_ASKED and not query.is_basis:
            raise TransientWriteError(f"{MOST_ASKED} queries are under way; look again in a moment")
        self._asked += 1
        loop = asyncio.get_running_loop()
        threads = self._first if query.is_basis else self._threads
        asking = loop.run_in_executor(threads, self._answer, query.sql, named, output_format)
        asking.add_done_callback(self._has_answered)
        return await asking

    def _has_answered(self, _: asyncio.Future[bytes]) -> None:
        self._asked -= 1

    def _answer(self, sql: str, named: Mapping[str, object], output_format: str) -> bytes:
        database = self._free.get()
        try:
            return database.query(sql, named, output_format)
        finally:
            self._free.put(database)

    async def _answered(self, query: Query, named: Mapping[str, object], mark: str) -> _Answer:
        asked_at = self._clock()
        sent = await self._ask(query, named, "JSONEachRow")
        return _Answer(asked_at, self._clock() - asked_at, mark, sent)

    def _begin(self, key: _Key, query: Query, named: Mapping[str, object], mark: str) -> asyncio.Task[_Answer]:
        def end(asking: asyncio.Task[_Answer]) -> None:
            del self._under_way[key]
            # A task that nobody waits for complains of a failure that nobody looked at: here somebody has.
            failure = None if asking.cancelled() else asking.exception()
            if isinstance(failure, SinkError):
                self._failed[key] = (self._clock(), failure)
                while len(self._failed) > MOST_KEPT:
                    self._failed.popitem(last=False)
            elif failure is None and not asking.cancelled():
                self._keep(key, asking.result())

        asking = asyncio.get_running_loop().create_task(self._answered(query, named, mark))
        self._under_way[key] = asking
        asking.add_done_callback(end)
        return asking

    def _tell_failure(self, key: _Key) -> None:
        """Raise what a query has just failed with that nobody waited for, once."""
        at, failure = self._failed.pop(key, (0.0, None))
        if failure is not None and self._clock() - at < STILL_S:
            raise failure

    def _keep(self, key: _Key, answer: _Answer) -> None:
        self._kept[key] = answer
        self._kept.move_to_end(key)
        while len(self._kept) > MOST_KEPT or sum(len(one.sent) for one in self._kept.values()) > MOST_KEPT_BYTES:
            self._kept.popitem(last=False)


def _key_of(query: Query, named: Mapping[str, object]) -> _Key:
    return query.sql, tuple((name, repr(value)) for name, value in named.items())


def _kept_s(query: Query, answer: _Answer) -> float:
    """Return for how many seconds an answer may be shown again."""
    return max(query.kept_s, OLDEST * answer.took_s if answer.took_s > PATIENCE_S else 0.0)


def open_for_page(url: str) -> Reader:
    """Return a reader of the database at an address.

    Raises:
        AddressError, PermanentWriteError: as `sinks.open.open_reader` raises them.
    """
    if SCHEMES[urlsplit(url).scheme].embedded:
        # It is opened once, and answers several queries at a time.
        return Reader([open_reader(url)] * THREADS)
    return Reader([open_reader(url) for _ in range(THREADS)])
