"""What a stated key has forwarded is forgotten when it can move no more, though the key has fallen silent."""

from __future__ import annotations

import pytest

from schemas.journey_log import Owners
from streams.journeys.ownership import ForwardedTouchpoint
from streams.journeys.partition import CUSTOMER
from streams.journeys.rules import Rules
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, Play, cart, order, seen_page

KEY = "anon:cookie:k"
OWNED = Owners(KEY, [T0], ["ann"], 7)
LATENESS = 3 * DAY
SMALL = 128
"""Bytes of a stated key's entry that has nothing but an owner: 78 of an empty timeline, and whose it is."""


def silent() -> Play:
    """Return a partition with a key that has forwarded what happened in an hour, at a time much later than that."""
    pages = [seen_page(at, customer_key=KEY) for at in (HOUR, 0, MINUTE)]
    return Play().send(OWNED, *pages).tick(50 * DAY, settled=0)


def forwarded(play: Play, key: str = KEY) -> list[ForwardedTouchpoint]:
    ownership = play.partition.customers.timeline(key).ownership
    assert ownership is not None
    return ownership.forwarded


def entry(play: Play, key: str = KEY) -> bytes:
    """Return what the changelog has of a customer."""
    entries = dict(entry for output in play.outputs for entry in output.state)
    return entries[CUSTOMER + key.encode()] or b""


@pytest.mark.parametrize("restarts", [False, True])
def test_it_is_forgotten_when_the_settled_time_alone_has_passed_all_of_it(restarts: bool) -> None:
    play = silent()
    play = play.restarted() if restarts else play

    play.tick(50 * DAY, settled=HOUR + LATENESS)
    assert len(forwarded(play)) == 3

    play.tick(50 * DAY, settled=HOUR + LATENESS + 1)
    assert forwarded(play) == []
    assert len(entry(play)) < SMALL


def test_the_partitions_own_time_forgets_nothing() -> None:
    play = silent().tick(500 * DAY, settled=0)

    assert len(forwarded(play)) == 3


def test_to_forget_writes_no_row() -> None:
    play = silent().tick(50 * DAY, settled=HOUR + LATENESS + 1)

    facts = {table: rows for table, rows in play.outputs[-1].facts.items() if rows}
    assert facts.keys() == {"clocks"}
    assert [key for key, _ in play.outputs[-1].customers] == [CUSTOMER + KEY.encode()]


def test_a_watermark_of_a_touchpoint_forgets_too() -> None:
    """The settled time that a tick has told of was ahead of the partition's own."""
    play = Play().send(OWNED, seen_page(0, customer_key=KEY)).tick(0, settled=9 * DAY)
    assert len(forwarded(play)) == 1

    play.send(seen_page(9 * DAY, customer_key="bob", watermark=T0 + 9 * DAY))

    assert forwarded(play) == []


@pytest.mark.parametrize("restarts", [False, True])
def test_with_a_later_touchpoint_it_waits_for_that(restarts: bool) -> None:
    """So it is forgotten at the same record of the log, whenever it began to wait."""
    play = silent().send(seen_page(60 * DAY, customer_key=KEY))
    play = play.restarted() if restarts else play

    play.tick(70 * DAY, settled=HOUR + LATENESS + 1)
    assert [one.occurred_at - T0 for one in forwarded(play)] == [0, MINUTE, HOUR, 60 * DAY]

    play.tick(70 * DAY, settled=60 * DAY + LATENESS + 1)
    assert forwarded(play) == []


def test_an_active_key_forgets_with_each_touchpoint() -> None:
    play = silent().tick(50 * DAY, settled=MINUTE + LATENESS).send(seen_page(50 * DAY, customer_key=KEY))

    assert [one.occurred_at - T0 for one in forwarded(play)] == [MINUTE, HOUR, 50 * DAY]


def test_what_came_back_leaves_nothing_to_forget() -> None:
    play = silent().send(Owners(KEY, [], [], 8))
    for step in range(1, 4):
        play.tick(50 * DAY + step, settled=HOUR)
    written = entry(play)

    play.tick(50 * DAY + 3, settled=HOUR + LATENESS + 1)

    assert entry(play) == written


def test_it_can_move_no_more_when_it_is_forgotten() -> None:
    play = silent().tick(50 * DAY, settled=HOUR + LATENESS).send(Owners(KEY, [T0], ["bob"], 8))
    # Withdrawn from ann, and sent to bob: what happened at the very last.
    assert len(play.outputs[-1].forwarded) == 2

    play.tick(50 * DAY, settled=HOUR + LATENESS + 1).send(Owners(KEY, [T0], ["cat"], 9))
    assert play.outputs[-1].forwarded == []


def test_guests_who_logged_in_once_take_no_more_than_their_owner() -> None:
    """Every day for a month other guests come, fill a cart, order and log in; what they take is flat."""
    play = Play(Rules(moved_ms=3 * DAY))
    a_day = 20
    for day in range(30):
        for number in range(a_day):
            at, key = day * DAY + number * MINUTE, f"anon:cookie:{day}-{number}"
            play.send(cart(at, "item_added", f"k{key}", customer_key=key), order(at + MINUTE, customer_key=key))
            owned = Owners(key, [T0 + at - 27 * DAY], [f"c{day}-{number}"], day * a_day + number)
            play.send(owned, seen_page(at + HOUR, customer_key=key))
        play.tick((day + 1) * DAY, settled=(day + 1) * DAY)

    entries = dict(entry for output in play.outputs for entry in output.state)
    sizes = [
        [len(entries[CUSTOMER + f"anon:cookie:{day}-{number}".encode()] or b"") for number in range(a_day)]
        for day in range(30)
    ]
    # Six days: what happened before a link can move for three, and a touchpoint may be three late.
    assert max(size for day in sizes[:23] for size in day) < SMALL
    assert min(size for day in sizes[25:] for size in day) > 4 * SMALL
