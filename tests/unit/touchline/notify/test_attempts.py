"""Attempts: waits that double, chance, Retry-After, the rate, and when one gives up. Figures by hand."""

from __future__ import annotations

import pytest

from streams.runtime.retry import Backoff
from touchline.notify.attempts import Attempts


def attempts(per_minute: float = 0, chance: float = 1.0) -> Attempts:
    return Attempts(900, Backoff(1, 60), per_minute, now=0, chance=lambda: chance)


def waits(of: Attempts, count: int) -> list[float]:
    """Return the waits after so many attempts that fail one after the other, seconds."""
    found, now = [], 0.0
    for _ in range(count):
        of.begin(now)
        of.failed(now, 0)
        found.append(of.begins_at() - now)
        now = of.begins_at()
    return found


def test_waits_double_up_to_the_longest() -> None:
    assert waits(attempts(), 9) == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_chance_takes_at_most_half_of_a_wait_away() -> None:
    assert waits(attempts(chance=0.0), 4) == [0.5, 1, 2, 4]
    assert waits(attempts(chance=0.5), 2) == [0.75, 1.5]


def test_after_a_success_waits_begin_anew() -> None:
    target = attempts()
    waits(target, 5)
    target.answered(100)

    assert not target.failing
    assert target.begins_at() == 100
    assert waits(target, 2) == [1, 2]


def test_what_the_target_wants_to_wait_is_waited() -> None:
    target = attempts()
    target.failed(10, retry_after_s=120)
    assert target.begins_at() == 130
    target.failed(130, retry_after_s=0.5)
    assert target.begins_at() == 132


@pytest.mark.parametrize("wanted", [999_999_999.0, 1e300])
def test_what_the_target_wants_to_wait_is_waited_no_longer_than_it_may_fail(wanted: float) -> None:
    """A proxy's one answer would keep a target from all that comes until the process ends."""
    target = attempts()
    target.failed(10, retry_after_s=wanted)
    assert target.begins_at() == 10 + 900


def test_attempts_are_apart_by_the_rate() -> None:
    target = attempts(per_minute=30)
    target.begin(10)
    target.answered(10.2)

    assert target.begins_at() == 12


def test_one_gives_up_when_nothing_was_taken_for_long_since_it_began_to_wait() -> None:
    target = attempts()
    assert target.gives_up_at(50, 50, tried=True) == 950
    target.answered(700)
    assert target.gives_up_at(50, 700, tried=True) == 1600
    assert target.gives_up_at(800, 800, tried=True) == 1700


def test_until_two_were_given_up_each_has_its_try_within_the_longest_wait() -> None:
    target = attempts()
    assert target.gives_up_at(0, 2000, tried=False) == 2060
    target.gave_up()
    assert target.gives_up_at(0, 2000, tried=False) == 2060
    assert target.gives_up_at(0, 2000, tried=True) == 900
    target.gave_up()
    assert target.gives_up_at(0, 2000, tried=False) == 900
    target.answered(2000)
    assert target.gives_up_at(0, 4000, tried=False) == 4060
