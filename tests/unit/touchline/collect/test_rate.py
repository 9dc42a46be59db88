"""The rate limit: so many a second on the long run, each name for itself, and a batch is taken whole."""

from __future__ import annotations

from touchline.collect.rate import RateLimit


class Clock:
    """A clock that a test sets, seconds."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_over_a_minute_no_more_is_taken_than_the_rate_and_one_batch() -> None:
    clock = Clock()
    limit = RateLimit(10, ["shop"], clock)
    taken = 0
    for step in range(6000):
        clock.now = step / 100
        if not limit.wait_s("shop"):
            limit.take("shop", 7)
            taken += 7

    assert 600 - 7 <= taken <= 600 + 10 + 7


def test_who_comes_again_after_the_time_that_was_told_is_let_in() -> None:
    clock = Clock()
    limit = RateLimit(10, ["shop"], clock)
    limit.take("shop", 500)

    wait_s = limit.wait_s("shop")
    assert wait_s == 49
    clock.now = wait_s - 0.5
    assert limit.wait_s("shop") == 1
    clock.now = wait_s + 0.01
    assert limit.wait_s("shop") == 0


def test_silence_saves_up_no_more_than_a_second() -> None:
    clock = Clock()
    limit = RateLimit(10, ["shop"], clock)
    clock.now = 3600.0
    assert limit.wait_s("shop") == 0
    limit.take("shop", 20)

    assert limit.wait_s("shop") == 1


def test_each_name_has_its_own_and_0_is_no_limit() -> None:
    limit, unlimited = RateLimit(1, ["shop", "till"], Clock()), RateLimit(0, ["shop"], Clock())
    limit.take("shop", 1000)
    unlimited.take("shop", 1000)

    assert limit.wait_s("shop") > 0
    assert limit.wait_s("till") == 0
    assert unlimited.wait_s("shop") == 0


def test_a_rate_below_one_lets_one_in_from_time_to_time() -> None:
    clock = Clock()
    limit = RateLimit(0.1, ["shop"], clock)

    assert limit.wait_s("shop") == 0
    limit.take("shop", 1)
    clock.now = 0.001
    limit.take("shop", 1)
    assert limit.wait_s("shop") == 10


def test_what_is_given_back_may_be_taken_again_and_saves_nothing_up() -> None:
    clock = Clock()
    limit = RateLimit(10, ["shop"], clock)
    limit.take("shop", 500)
    limit.give_back("shop", 500)
    assert limit.wait_s("shop") == 0

    limit.take("shop", 10)
    clock.now = 3600.0
    limit.give_back("shop", 10)
    assert limit.wait_s("shop") == 0
    limit.take("shop", 20)
    assert limit.wait_s("shop") == 1
