"""Streams of events: when a page is told, how many are, and when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sinks.errors import TransientWriteError
from touchline.page.live import MOVED, STILL_HERE, STREAMS, CrowdedError, Live


class Marks:
    """A database whose mark a test moves."""

    def __init__(self) -> None:
        self.now, self.asked, self.is_away = "a", 0, False
        self.was_asked = asyncio.Event()

    async def __call__(self) -> str:
        self.asked += 1
        self.was_asked.set()
        if self.is_away:
            raise TransientWriteError("away")
        return self.now

    async def looked_at(self, times: int = 2) -> None:
        """Wait until it was asked so many times more."""
        for _ in range(times):
            self.was_asked.clear()
            await self.was_asked.wait()


async def opened(live: Live, shown: str = "a") -> AsyncIterator[bytes]:
    """Return a stream that has begun."""
    stream = live.stream(shown)
    assert await anext(stream) == b"retry: 3000\n\n"
    return stream


async def watching(marks: Marks) -> tuple[AsyncIterator[bytes], asyncio.Future[bytes]]:
    """Return a stream that has begun, and its next event, once the database has been looked at for it."""
    stream = await opened(Live(marks, every_s=0.001))
    waiting = asyncio.ensure_future(anext(stream))
    await marks.looked_at()
    return stream, waiting


async def closed(*streams: AsyncIterator[bytes]) -> None:
    """Go away, as a client does."""
    for stream in streams:
        await stream.aclose()  # type: ignore[attr-defined]  # streams are generators


async def test_of_many_pages_that_come_at_once_so_many_are_told_as_may_be_and_the_others_end() -> None:
    live = Live(Marks())
    crowd = [live.stream("a") for _ in range(STREAMS + 5)]

    assert [await anext(stream) for stream in crowd] == [b"retry: 3000\n\n"] * len(crowd)
    assert [await anext(stream, None) for stream in crowd[STREAMS:]] == [None] * 5
    await closed(*crowd[:STREAMS])


async def test_every_page_is_told_when_the_mark_moves_and_by_one_question() -> None:
    marks = Marks()
    live = Live(marks, every_s=0.001)
    streams = [await opened(live) for _ in range(3)]
    waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
    await marks.looked_at(3)
    assert not any(one.done() for one in waiting)
    marks.now = "b"

    assert await asyncio.gather(*waiting) == [MOVED] * 3
    await closed(*streams)


async def test_a_page_that_shows_what_was_is_told_at_once() -> None:
    live = Live(Marks())
    stream = await opened(live, "older")

    assert await anext(stream) == MOVED
    await closed(stream)


async def test_where_nothing_moves_a_stream_says_that_it_is_there() -> None:
    live = Live(Marks(), heartbeat_s=0.001)
    stream = await opened(live)

    assert [await anext(stream), await anext(stream)] == [STILL_HERE] * 2
    await closed(stream)


async def test_a_database_that_is_away_for_a_while_ends_no_stream() -> None:
    marks = Marks()
    stream, waiting = await watching(marks)
    marks.is_away = True
    await marks.looked_at()
    marks.is_away, marks.now = False, "b"

    assert await waiting == MOVED
    await closed(stream)


async def test_without_a_page_nobody_is_asked() -> None:
    marks = Marks()
    stream, waiting = await watching(marks)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await closed(stream)
    asked = marks.asked
    for _ in range(20):
        await asyncio.sleep(0)  # a turn of the loop

    assert marks.asked == asked
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_so_many_pages_are_told_and_when_one_goes_another_may_come() -> None:
    live = Live(Marks())
    streams = [await opened(live) for _ in range(STREAMS)]
    with pytest.raises(CrowdedError):
        live.stream("a")
    await closed(streams.pop())

    streams.append(await opened(live))
    await closed(*streams)


async def test_at_the_end_all_streams_end() -> None:
    live = Live(Marks())
    stream = await opened(live)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    live.end()

    with pytest.raises(StopAsyncIteration):
        await waiting
