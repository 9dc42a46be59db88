"""What a target was told of lately: for a time, and so many."""

from __future__ import annotations

from touchline.notify.remembered import Remembered


def test_a_delivery_is_remembered_for_so_long() -> None:
    remembered = Remembered(for_s=60)
    remembered.add("a", 0)

    assert remembered.has("a", 59)
    assert not remembered.has("b", 59)
    assert not remembered.has("a", 60)


def test_beyond_a_number_the_oldest_is_forgotten() -> None:
    remembered = Remembered(for_s=60, most=2)
    for now, key in enumerate("abac"):
        remembered.add(key, now)

    assert [remembered.has(key, 4) for key in "abc"] == [True, False, True]
