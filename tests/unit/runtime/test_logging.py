"""What is logged of what the libraries say."""

from __future__ import annotations

import logging

import pytest
import structlog

from streams.runtime.logging import MAX_REMEMBERED, REPEAT_AFTER_S, RateLimitFilter, Sampler, configure
from streams.settings import Settings


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


def test_of_alike_events_one_a_minute_is_logged_with_the_number_of_those_before() -> None:
    time = Time()
    sampler = Sampler(time)
    assert [sampler.count("a") for _ in range(4)] == [1, 0, 0, 0]
    assert sampler.count("b") == 1
    time.now = REPEAT_AFTER_S
    assert [sampler.count("a") for _ in range(2)] == [4, 0]
    time.now = 2 * REPEAT_AFTER_S
    assert [sampler.count(key) for key in ("a", "b")] == [2, 1]


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_the_values_of_variables_are_not_logged_with_an_error(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        configure(Settings.model_validate({"log_format": log_format}))
        written = "ann@example.com is not amused"
        try:
            _ = len(written) // 0
        except ZeroDivisionError as error:
            structlog.get_logger("a test").error("it failed", exc_info=error)
    finally:
        logging.getLogger().handlers[:] = handlers
        logging.getLogger().setLevel(level)
        structlog.reset_defaults()

    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said
    assert "amused" not in said
