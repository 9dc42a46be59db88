"""What a process waits for is read off its log, once, as soon as the line is whole."""

from __future__ import annotations

from pathlib import Path

from touchline.stack.remarks import Remarks


def test_warnings_with_a_cause_are_told_once(tmp_path: Path) -> None:
    log = tmp_path / "sink.log"
    remarks = Remarks(log)
    before = remarks.new()

    log.write_text(
        '{"event": "running", "level": "info", "cause": "none"}\n'
        "Traceback (most recent call last):\n" + "[" * 100_000 + "\n"
        '{"event": "no rows", "level": "warning", "cause": "disk full"}\n'
        '{"event": "slow", "level": "warning"}\n'
        '{"event": "no Kafka", "level": "err'
    )
    first, again = remarks.new(), remarks.new()
    with log.open("a") as more:
        more.write('or", "cause": "refused"}\n')

    assert (before, first, again) == ([], ["no rows: disk full"], [])
    assert remarks.new() == ["no Kafka: refused"]
