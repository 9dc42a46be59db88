"""Parts of a screen whose answers take longer than it waits: it says so, and they come after it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from threading import Event
from typing import Never

import pytest
from starlette.testclient import TestClient

from sinks.errors import QueryError
from sinks.migrate import migrate
from streams.identity.identities import Identities
from tests.contract.engine import Engine
from tests.unit.touchline.page.door import HERE, NOW, PERIOD, Lent, Shown
from tests.unit.touchline.page.test_page import write_story
from touchline.page.access import Access
from touchline.page.app import build_app, page_of
from touchline.page.query import Query
from touchline.page.reader import THREADS, Reader

LATE = "This takes longer. It comes by itself, or when you load the page again."
PLAIN = Query("plain", "SELECT 1")
BASIS = Query("basis", "SELECT 2", is_basis=True)
TRIES = 10_000


class Clock:
    """Seconds that pass when a test says so."""

    s = 0.0

    def __call__(self) -> float:
        return self.s


class Slow:
    """A database whose answers are numbered; each takes three seconds of a clock, and some wait until they may come."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.asked = 0
        self.may_come = Event()
        self.may_come.set()
        self.fails = False

    def query(self, sql: str, parameters: Mapping[str, object] | None = None, output_format: str = "JSON") -> bytes:
        self.asked += 1
        number = self.asked
        if sql == PLAIN.sql:
            self.may_come.wait()
            self.clock.s += 3
        if self.fails:
            raise QueryError(f"{parameters} {output_format}")
        return json.dumps({"n": number}).encode()

    def execute(self, sql: str) -> Never:
        raise AssertionError(sql)

    def ping(self) -> None: ...

    def version(self) -> str:
        return ""

    def close(self) -> None: ...


@pytest.fixture
def database() -> Slow:
    return Slow(Clock())


@pytest.fixture
def reader(database: Slow) -> Iterator[Reader]:
    made = Reader([database] * THREADS, database.clock)
    yield made
    made.close()


async def all_others() -> None:
    """Wait for the queries that go on."""
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)


def test_a_screen_that_waits_for_nothing_says_what_is_late_and_has_it_when_it_is_looked_at_again(chdb: Engine) -> None:
    migrate(chdb)
    write_story(chdb)
    reader = Reader([Lent(chdb)] * THREADS, clock=lambda: 0.0)
    page = page_of(reader, Access(None, "127.0.0.1"), [Identities("GB")], clock=lambda: NOW, patience_s=0)
    with TestClient(build_app(page), base_url=HERE) as browser:
        first = Shown(browser.get(f"/voice?{PERIOD}").text)
        again = first
        for _ in range(TRIES):
            if LATE not in again.text:
                break
            again = Shown(browser.get(f"/voice?{PERIOD}").text)
    reader.close()

    assert first.text.count(LATE) == 5
    assert "None." not in first.text  # nobody knows yet
    assert "data-late" in first.attributes
    assert "/static/live.js" in first.scripts
    assert LATE not in again.text
    assert "None." in again.text
    assert "data-late" not in again.attributes
    assert again.scripts == set()


def test_an_answer_that_no_screen_waits_for_holds_for_five_times_as_long_as_it_took(
    reader: Reader, database: Slow
) -> None:
    async def run() -> list[int]:
        found = []
        for mark, at in (("a", 0.0), ("b", 14.9), ("c", 15.1), ("d", 15.1)):
            database.clock.s = max(database.clock.s, at)
            (row,) = await reader.rows(PLAIN, {}, mark)
            found.append(row["n"])
            await all_others()
        return found

    # The third is shown what there is, while a new one is made.
    assert asyncio.run(run()) == [1, 1, 1, 2]


def test_an_answer_of_another_mark_is_told_from_one_of_this(reader: Reader) -> None:
    async def run() -> list[bool]:
        before = reader.is_behind(PLAIN, {}, "a")
        await reader.rows(PLAIN, {}, "a")
        await reader.rows(PLAIN, {}, "b")  # that of before
        return [before, *(reader.is_behind(PLAIN, {}, mark) for mark in "ab")]

    assert asyncio.run(run()) == [False, False, True]


def test_what_all_screens_wait_for_waits_for_no_other_query(reader: Reader, database: Slow) -> None:
    async def run() -> int:
        database.may_come.clear()
        slow = [asyncio.create_task(reader.csv(PLAIN, {})) for _ in range(2 * THREADS)]
        try:
            async with asyncio.timeout(10):
                await asyncio.sleep(0)  # they are asked first
                await reader.rows(BASIS, {})
            are_waiting = sum(not one.done() for one in slow)
        finally:
            database.may_come.set()
        await asyncio.gather(*slow)
        return are_waiting

    assert asyncio.run(run()) == 2 * THREADS


def test_whoever_looks_again_is_told_once_that_what_was_late_has_failed(reader: Reader, database: Slow) -> None:
    async def run() -> int:
        database.fails = True
        database.may_come.clear()
        waiting = asyncio.create_task(reader.rows(PLAIN, {}))
        await asyncio.sleep(0)
        waiting.cancel()
        database.may_come.set()
        await all_others()
        database.fails = False
        with pytest.raises(QueryError):
            await reader.rows(PLAIN, {})
        (row,) = await reader.rows(PLAIN, {})
        return int(row["n"])

    assert asyncio.run(run()) == 2


def test_while_there_is_an_answer_to_show_a_failure_of_the_next_one_is_not_told(reader: Reader, database: Slow) -> None:
    async def run() -> list[int]:
        found = []
        for at, fails in ((0.0, False), (16.0, True), (20.0, False)):
            database.clock.s, database.fails = max(database.clock.s, at), fails
            (row,) = await reader.rows(PLAIN, {})
            found.append(row["n"])
            await all_others()
        return found

    assert asyncio.run(run()) == [1, 1, 1]


def test_a_failure_of_long_ago_is_not_told(reader: Reader, database: Slow) -> None:
    async def run() -> int:
        database.fails = True
        waiting = asyncio.create_task(reader.rows(PLAIN, {}))
        await asyncio.sleep(0)
        waiting.cancel()
        await all_others()
        database.fails = False
        database.clock.s += 11
        (row,) = await reader.rows(PLAIN, {})
        return int(row["n"])

    assert asyncio.run(run()) == 2


def test_a_failure_that_was_told_is_not_told_again(reader: Reader, database: Slow) -> None:
    async def run() -> int:
        database.fails = True
        with pytest.raises(QueryError):
            await reader.rows(PLAIN, {})
        database.fails = False
        (row,) = await reader.rows(PLAIN, {})
        return int(row["n"])

    assert asyncio.run(run()) == 2
