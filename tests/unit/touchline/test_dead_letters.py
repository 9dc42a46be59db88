"""Which dead letters can be sent back, once each: those that hold a message that the place it names takes."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

import pytest

from schemas.dead_letters import DeadLetter
from streams.settings import Settings
from tests.unit.streams.records import FakeRecord
from touchline import dead_letters as module
from touchline.dead_letters import Counts, latest, once_each, returnable, with_messages, without_messages

TWEETS = "touchpoints.tweets.v1"
PARTITIONS = {TWEETS: 4, "other": 4}


def letter(value: bytes | None = b"v", topic: str = TWEETS, partition: int = 3) -> DeadLetter:
    return DeadLetter("undecodable", "", "ingest", topic, partition, 7, "", b"k", value)


def test_a_letter_with_its_message_and_a_place_that_is_there_is_returnable() -> None:
    assert returnable(letter(), PARTITIONS)
    assert returnable(letter(b"v" * (4_194_304 - 200)), PARTITIONS)


@pytest.mark.parametrize(
    "other",
    [
        letter(None),
        letter(topic="other"),
        letter(topic="touchpoints.page_views.v1"),
        letter(partition=-1),
        letter(partition=4),
        # Topics take messages of 4 MiB; that of dead letters takes twice as much.
        letter(b"v" * 4_194_304),
    ],
)
def test_any_other_is_not(other: DeadLetter) -> None:
    assert not returnable(other, PARTITIONS)


def once(letters: Iterable[DeadLetter]) -> tuple[list[DeadLetter], Counts]:
    """Return the letters that are left, and the counts."""
    counts = Counts(PARTITIONS)

    async def left() -> list[DeadLetter]:
        return [one async for one in once_each(_all(letters), counts)]

    return asyncio.run(left()), counts


def test_letters_of_one_message_are_one() -> None:
    place = DeadLetter("undecodable", "", "ingest", TWEETS, 3, 8, "", b"k", b"v")
    other_key = DeadLetter("undecodable", "", "ingest", TWEETS, 3, 7, "", b"l", b"v")
    other_place = DeadLetter("undecodable", "", "ingest", TWEETS, 3, 8, "")
    without = DeadLetter("undecodable", "", "ingest", TWEETS, 3, 7, "")

    left, counts = once([letter(), place, letter(b"w"), other_key, without, other_place, letter(), without])

    assert left == [letter(), letter(b"w"), other_key, without, other_place]
    assert (counts.letters, counts.messages, counts.returnable) == (8, 5, 3)


def test_a_value_that_looks_like_a_place_is_none() -> None:
    without = DeadLetter("undecodable", "", "ingest", TWEETS, 3, 7, "", b"k")

    assert once([letter(b"3/7"), without])[0] == [letter(b"3/7"), without]


def test_of_more_messages_than_are_remembered_those_met_lately_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MESSAGES_REMEMBERED", 2)
    first, second, third = letter(b"1"), letter(b"2"), letter(b"3")

    assert once([first, second, first, third, first, second])[0] == [first, second, third, second]


async def _all(letters: Iterable[DeadLetter]) -> AsyncIterator[DeadLetter]:
    for one in letters:
        yield one


def test_the_latest_are_those_that_were_refused_last_whatever_topics_they_name() -> None:
    """Anybody can write a letter that names a topic of its own: as many of each topic would be of any number."""
    letters = [replace(letter(), topic=f"t{number}", at=f"2024-05-{number % 30 + 1:02}") for number in range(90)]

    found = asyncio.run(latest(_all(letters), 7))

    assert [(one.at[-2:], one.topic) for one in found] == [
        ("28", "t87"),
        ("29", "t28"),
        ("29", "t58"),
        ("29", "t88"),
        ("30", "t29"),
        ("30", "t59"),
        ("30", "t89"),
    ]


def test_letters_with_long_keys_take_no_more_memory_than_their_digests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MESSAGES_REMEMBERED", 1_000)
    long = DeadLetter("undecodable", "", "ingest", TWEETS, 3, 7, "", None, b"v")

    letters = (replace(long, key=b"%d" % number + b"k" * 10_000) for number in range(5_000))

    async def count() -> int:
        return sum([1 async for _ in once_each(_all(letters), Counts(PARTITIONS))])

    tracemalloc.start()
    try:
        assert asyncio.run(count()) == 5_000
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 1 << 20


@pytest.mark.parametrize(("detail", "most"), [("gone", 500), ("long " * 20_000, 42)])
def test_of_letters_without_messages_a_page_is_held_and_their_messages_one_by_one(
    detail: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4 MiB hold 41 letters of 100,000 characters, and the one with which it is full."""
    read, fetched = 0, 0

    async def letters() -> AsyncIterator[DeadLetter]:
        nonlocal read
        for offset in range(1_200):
            read += 1
            yield DeadLetter("undecodable", detail, "ingest", TWEETS, offset % 4, offset, "")

    async def read_some(_: Settings, _topic: str, _partition: int, offsets: list[int]) -> AsyncIterator[FakeRecord]:
        nonlocal fetched
        for offset in offsets:
            fetched += 1
            yield FakeRecord(offset, b"%d" % offset)

    async def follow() -> list[DeadLetter]:
        found = []
        async for one in with_messages(Settings(), letters(), PARTITIONS):
            found.append(one)
            assert read - len(found) < most
            assert fetched == len(found)
        return found

    monkeypatch.setattr(module, "read_some", read_some)

    found = asyncio.run(follow())

    assert sorted(one.offset for one in found) == list(range(1_200))
    assert all(one.value == b"%d" % one.offset for one in found)


def test_a_line_of_a_letter_needs_nothing_of_its_message() -> None:
    async def stripped() -> list[DeadLetter]:
        return [one async for one in without_messages(_all([replace(letter(), headers=(("h", b"x"),))]))]

    assert asyncio.run(stripped()) == [replace(letter(None), key=None)]
