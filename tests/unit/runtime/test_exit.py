"""The end of a process on an error: what is done before it, whatever that does, and what is said last."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

from streams.runtime.exit import before_exit, exit_with


@pytest.fixture(autouse=True)
def _ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(status: int) -> NoReturn:
        raise SystemExit(status)

    monkeypatch.setattr(os, "_exit", end)


def test_what_is_to_be_done_is_done_before_the_end_and_the_cause_is_said_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    done: list[str] = []

    def fail() -> None:
        done.append("second")
        raise TimeoutError("Kafka is away")

    with (
        pytest.raises(SystemExit) as ended,
        before_exit(lambda: done.append("first")),
        before_exit(fail),
    ):
        exit_with("journeys", ValueError("no such record"))

    assert ended.value.code == 1
    assert done == ["second", "first"]
    assert capsys.readouterr().err.splitlines()[-1] == "touchline: journeys stopped: no such record"


def test_what_belongs_to_a_block_that_is_over_is_not_done() -> None:
    done: list[str] = []
    with before_exit(lambda: done.append("too late")):
        pass
    with pytest.raises(SystemExit):
        exit_with("journeys", ValueError())

    assert done == []


def test_the_cause_is_one_printable_line_of_at_most_500_characters(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        exit_with("journeys", ValueError("\x1b[2J\x9b\u202e\ntouchline: all is well" + "x" * 10_000))

    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("touchline: journeys stopped: \\u001b[2J\\u009b\\u202e\\ntouchline: all is wellxxx")
    assert len(last) == len("touchline: journeys stopped: ") + 500
