"""What is logged of what the libraries say."""

from __future__ import annotations

import logging

from streams.runtime.logging import MAX_REMEMBERED, REPEAT_AFTER_S, RateLimitFilter


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def said(name: str, text: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, pathname=__file__, lineno=1, msg=text, args=values, exc_info=None)


def test_a_library_says_the_same_once_a_minute() -> None:
    time = Time()
    limiter = RateLimitFilter(time)
    away = "Unable connect to node with id %s: %s"
    assert limiter.filter(said("aiokafka.conn", away, 1, "refused"))
    assert not limiter.filter(said("aiokafka.conn", away, 2, "no route"))
    assert limiter.filter(said("aiokafka.conn", "Something else"))
    assert limiter.filter(said("aiokafka.client", away, 1, "refused"))
    time.now = REPEAT_AFTER_S
    assert limiter.filter(said("aiokafka.conn", away, 1, "refused"))
    assert not limiter.filter(said("aiokafka.conn", away, 1, "refused"))


def test_we_ourselves_say_all() -> None:
    limiter = RateLimitFilter(Time())
    assert all(limiter.filter(said("streams.agents.sink", "the same")) for _ in range(3))


def test_texts_made_anew_each_time_are_not_remembered_for_ever() -> None:
    limiter = RateLimitFilter(Time())
    for number in range(3 * MAX_REMEMBERED):
        assert limiter.filter(said("faust", f"text {number}"))
    assert len(limiter._logged_at) <= MAX_REMEMBERED
