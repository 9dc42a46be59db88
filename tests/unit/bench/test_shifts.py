"""How found shifts are held against the turns of the truth: by hand."""

from __future__ import annotations

import pytest

from bench.shifts import Found, Turn, match

WORSE, BETTER = True, False


def test_a_shift_at_the_turn_is_exact_and_one_beside_it_is_found() -> None:
    turns = [Turn(5, WORSE), Turn(12, BETTER)]

    found = match(turns, [Turn(5, WORSE), Turn(11, BETTER)], observations=20)

    assert found == Found(turns=2, found=2, exact=1, reported=2, right=2)


@pytest.mark.parametrize("shift", [Turn(5, BETTER), Turn(12, WORSE)])
def test_the_other_way_or_after_the_next_turn_is_none(shift: Turn) -> None:
    assert match([Turn(5, WORSE), Turn(12, BETTER)], [shift], observations=20).right == 0


def test_each_shift_is_one_turn_at_most() -> None:
    found = match([Turn(5, WORSE), Turn(30, WORSE)], [Turn(20, WORSE)], observations=40)

    assert (found.found, found.right) == (1, 1)


def test_a_turn_with_two_observations_on_a_side_cannot_be_seen_but_a_shift_there_is_right() -> None:
    found = match([Turn(5, WORSE)], [Turn(5, WORSE)], observations=7)

    assert found == Found(turns=0, found=0, exact=0, reported=1, right=1)


def test_customers_without_a_turn_are_counted_once_however_many_shifts_they_have() -> None:
    quiet = match([], [], observations=9) + match([], [Turn(3, WORSE), Turn(6, BETTER)], observations=9)

    assert quiet == Found(reported=2, quiet=2, alarmed=1)
