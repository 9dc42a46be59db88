"""Asking the views: what is kept, for how long, and what whoever asks meanwhile is given."""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from collections.abc import Iterator, Mapping
from typing import Never

import pytest

from sinks.errors import QueryError, TransientWriteError
from touchline.page.query import Query
from touchline.page.reader import Reader

KEPT = Query("kept", "SELECT {a:String}", kept_s=10.0)


class Counting:
    """A database whose answers are numbered."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails = False

    def query(self, sql: str, parameters: Mapping[str, object] | None = None, output_format: str = "JSON") -> bytes:
        self.asked += 1
        if self.fails:
            raise QueryError(f"{sql} {parameters} {output_format}")
        return json.dumps({"n": self.asked}).encode()

    def execute(self, sql: str) -> Never:
        raise AssertionError(sql)

    def ping(self) -> None: ...

    def version(self) -> str:
        return ""

    def close(self) -> None: ...


class Clock:
    """Seconds that pass when a test says so."""

    s = 0.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def database() -> Counting:
    return Counting()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reader(database: Counting, clock: Clock) -> Iterator[Reader]:
    made = Reader([database], clock)
    yield made
    made.close()


async def ask(reader: Reader, a: str = "x") -> int:
    (only,) = await reader.rows(KEPT, {"a": a})
    return int(only["n"])


def test_who_asks_the_same_at_the_same_time_has_one_answer(reader: Reader) -> None:
    async def run() -> list[int]:
        return [*await asyncio.gather(ask(reader), ask(reader)), await ask(reader, "y")]

    assert asyncio.run(run()) == [1, 1, 2]


def test_an_answer_is_renewed_behind_whoever_reads_it_and_waited_for_once_it_is_old(
    reader: Reader, clock: Clock
) -> None:
    async def run() -> list[int]:
        told = []
        for s in (0, 9, 11):
            clock.s = s
            told.append(await ask(reader))
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})  # the new one is there
        told.append(await ask(reader))
        clock.s = 11 + 51
        return [*told, await ask(reader)]

    assert asyncio.run(run()) == [1, 1, 1, 2, 3]


def test_a_failure_is_told_and_not_kept(reader: Reader, database: Counting) -> None:
    async def run() -> int:
        database.fails = True
        with pytest.raises(QueryError):
            await ask(reader)
        database.fails = False
        return await ask(reader)

    assert asyncio.run(run()) == 2


async def told_at(reader: Reader, clock: Clock, times: list[tuple[int, str]]) -> list[int]:
    """Return what is told at times, each with its mark; what is renewed behind is there at once."""
    told = []
    for s, mark in times:
        clock.s = s
        (only,) = await reader.rows(Query("q", "SELECT 1"), {}, mark)
        told.append(int(only["n"]))
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    return told


def test_while_nothing_changes_an_answer_holds_for_moments_and_is_shown_while_a_new_one_is_made(
    reader: Reader, clock: Clock
) -> None:
    times = [(0, "a"), (9, "a"), (11, "a"), (12, "a"), (12 + 3601, "a")]

    assert asyncio.run(told_at(reader, clock, times)) == [1, 1, 1, 2, 3]


def test_whatever_changes_is_asked_for_anew(reader: Reader, clock: Clock) -> None:
    assert asyncio.run(told_at(reader, clock, [(0, "a"), (1, "b"), (2, "b"), (3, "a")])) == [1, 2, 2, 3]


def test_without_a_mark_nothing_is_shown_again(reader: Reader, clock: Clock) -> None:
    assert asyncio.run(told_at(reader, clock, [(0, ""), (0, "")])) == [1, 2]


def test_beyond_a_number_of_queries_whoever_asks_is_told_so_and_the_others_are_answered(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("touchline.page.reader.MOST_ASKED", 3)

    async def run() -> list[object]:
        crowd = await asyncio.gather(*(ask(reader, str(number)) for number in range(5)), return_exceptions=True)
        return [*crowd, await ask(reader, "later")]

    *crowd, later = asyncio.run(run())

    assert [type(one) for one in crowd] == [int, int, int, TransientWriteError, TransientWriteError]
    assert later == 4


def test_answers_are_kept_up_to_their_bytes_the_newest(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("touchline.page.reader.MOST_KEPT_BYTES", 2 * len('{"n": 1}'))

    async def run() -> list[int]:
        return [await ask(reader, one) for one in ("a", "b", "c", "c", "b", "a")]

    assert asyncio.run(run()) == [1, 2, 3, 3, 2, 4]


def test_what_is_kept_takes_no_more_memory_than_it_counts(
    reader: Reader, database: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of a few short cells took ten times the bytes that the database had sent of them."""
    sent = 200_000

    def query(*_: object) -> bytes:
        return b"\n".join(b'{"day":"2026-01-01","n":%d}' % number for number in range(sent // 30))

    monkeypatch.setattr(database, "query", query)

    async def kept() -> int:
        await reader.rows(KEPT, {"a": "first"})
        tracemalloc.start()
        try:
            await reader.rows(KEPT, {"a": "x"})
            gc.collect()
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    assert asyncio.run(kept()) < 1.2 * sent
