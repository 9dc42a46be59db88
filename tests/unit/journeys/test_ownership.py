"""Who owns what happened when, and which of it others have."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from streams.journeys import ownership
from streams.journeys.ownership import ForwardedTouchpoint, Ownership


def touchpoint(at: int, size: int = 10) -> ForwardedTouchpoint:
    return ForwardedTouchpoint(at, f"e{at}", f"e{at}\0k", at, "ann", 1, b"x" * size)


SIZE = 10 + 4 * len("e1" + "e1\0k" + "ann")
"""Bytes of a record and, of the longest characters, its names."""


def owning(*times: int) -> Ownership:
    found = Ownership([], [], 0)
    for at in times:
        found.keep(touchpoint(at))
    return found


def times(found: Ownership) -> list[int]:
    return [one.occurred_at for one in found.forwarded]


@pytest.mark.parametrize(
    ("at", "owner"), [(9, None), (10, "ann"), (19, "ann"), (20, "bob"), (29, "bob"), (30, "k"), (1 << 60, "k")]
)
def test_an_owner_owns_from_its_time_on(at: int, owner: str | None) -> None:
    assert Ownership([10, 20, 30], ["ann", "bob", "k"], 0).owner_at(at) == owner


def test_without_owners_a_key_is_its_own() -> None:
    assert Ownership([], [], 0).owner_at(5) is None


def test_what_others_have_is_found_by_its_event_id() -> None:
    found = owning(3, 1)

    assert found.find("e3") == touchpoint(3)
    assert found.find("e2") is None


def test_what_others_have_is_in_the_order_of_its_time() -> None:
    assert times(owning(3, 1, 2)) == [1, 2, 3]


@pytest.mark.parametrize(("settled_before", "left"), [(1, [1, 2, 3]), (2, [2, 3]), (3, [3]), (4, [])])
def test_what_can_move_no_more_is_forgotten(settled_before: int, left: list[int]) -> None:
    found = owning(3, 1, 2)

    found.forget_settled(settled_before)

    assert (times(found), found.forwarded_bytes, found.forgotten_until) == (left, SIZE * len(left), -1)


def test_of_too_many_the_oldest_are_forgotten() -> None:
    with patch.object(ownership, "FORWARDED_MAX", 2):
        found = owning(3, 1, 2, 5)

    assert (times(found), found.forwarded_bytes, found.forgotten_until) == ([3, 5], 2 * SIZE, 2)


def test_of_too_large_ones_the_oldest_are_forgotten() -> None:
    with patch.object(ownership, "FORWARDED_MAX_BYTES", 2 * SIZE + 1):
        found = owning(3, 1, 2)
        assert (times(found), found.forgotten_until) == ([2, 3], 1)

        found.keep(touchpoint(9, size=2 * SIZE))

    assert (times(found), found.forwarded_bytes, found.forgotten_until) == ([], 0, 9)


def test_what_was_forgotten_last_does_not_make_less_of_what_was_forgotten() -> None:
    with patch.object(ownership, "FORWARDED_MAX", 1):
        assert owning(5, 9, 1).forgotten_until == 5
