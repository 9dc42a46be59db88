"""What is logged of what the libraries say."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator

import pytest
import structlog

from streams.runtime.logging import MAX_REMEMBERED, REPEAT_AFTER_S, RateLimitFilter, Sampler, configure
from streams.settings import Settings
from touchline.terminal import quiet_libraries


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


STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200f\u202a-\u202e\u2066-\u2069]")
FROM_OUTSIDE = "a\x1b[2Jb\x9b31mc\u202ed\x7fe\nstopped: all is well"


@pytest.fixture
def _restored() -> Iterator[None]:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()


def log_from_outside() -> None:
    """Log text from outside in every place of an event, by us and by a library."""
    log = structlog.get_logger("a test")
    log.warning(FROM_OUTSIDE, cause=FROM_OUTSIDE * 100, field=FROM_OUTSIDE, listed=[FROM_OUTSIDE])
    log.warning(ValueError(FROM_OUTSIDE))
    logging.getLogger("faust").error("it said %s", FROM_OUTSIDE, exc_info=ValueError(FROM_OUTSIDE))


@pytest.mark.usefixtures("_restored")
@pytest.mark.parametrize("log_format", ["console", "json"])
def test_text_from_outside_is_escaped_in_a_log(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings.model_validate({"log_format": log_format}))

    log_from_outside()

    said = capsys.readouterr().err
    assert not STEERING.search(said)
    assert "a\\u001b[2Jb\\u009b31mc\\u202ed\\u007fe\\nstopped: all is well" in said
    # Of an error's own message the lines stay, as those of a traceback do.
    assert [line for line in said.splitlines() if line.startswith("stopped: ")] == (
        ["stopped: all is well"] if log_format == "console" else []
    )


@pytest.mark.usefixtures("_restored")
def test_a_cause_in_a_log_has_at_most_500_characters(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings.model_validate({"log_format": "json"}))

    log_from_outside()

    first = json.loads(capsys.readouterr().err.splitlines()[0])
    assert len(first["cause"]) == 500
    assert first["field"] == FROM_OUTSIDE


@pytest.mark.usefixtures("_restored")
def test_a_command_escapes_what_it_logs(capsys: pytest.CaptureFixture[str]) -> None:
    quiet_libraries()

    structlog.get_logger("a test").warning(FROM_OUTSIDE, cause=FROM_OUTSIDE)

    said = capsys.readouterr().err
    assert not STEERING.search(said)
    assert len(said.splitlines()) == 1


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
