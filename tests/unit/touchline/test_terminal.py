"""What the commands print: text from outside is escaped, wherever it comes from, and in one place."""

from __future__ import annotations

import ast
import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from aiokafka.errors import KafkaError
from click.testing import CliRunner
from rich.console import Console

from schemas.errors import RefusalError
from sinks.errors import QueryError
from streams import settings
from tests.unit.touchline.conftest import Outbox
from touchline.commands import doctor
from touchline.commands import query as query_command
from touchline.doctor.check import Check
from touchline.errors import CommandError
from touchline.main import cli
from touchline.publish import run as run_module
from touchline.publish.read import Rejected, read_files
from touchline.publish.run import publish
from touchline.stack.child import Child
from touchline.stack.errors import ChildExitedError
from touchline.terminal import Steps, write

ROOT = Path(__file__).parents[3]
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200f\u202a-\u202e\u2066-\u2069]")
FROM_OUTSIDE = "a\x1b[2Jb\x9b31mc\u202ed\x7fe\rError: all is well"
SHOWN = "a\\u001b[2Jb\\u009b31mc\\u202ed\\u007fe\\rError: all is well"


def calls(path: Path) -> set[str]:
    """Return the functions that a module calls, as they are written there."""
    tree = ast.parse(path.read_text())
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def test_only_one_module_prints_to_the_terminal() -> None:
    for path in (ROOT / "touchline").rglob("*.py"):
        # The main module prints texts of its own and what it has escaped, and must not load much.
        if path.name not in ("terminal.py", "main.py"):
            printing = {"print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write"} & calls(path)
            assert not printing, f"{path}: print by touchline.terminal"


@pytest.mark.parametrize(
    "error",
    [
        CommandError(FROM_OUTSIDE),
        QueryError(FROM_OUTSIDE),
        RefusalError("undecodable", FROM_OUTSIDE),
        KafkaError(FROM_OUTSIDE),
        OSError(2, "no such file", FROM_OUTSIDE),
        TimeoutError(FROM_OUTSIDE),
        ChildExitedError("worker", 1, FROM_OUTSIDE),
        click.UsageError(FROM_OUTSIDE),
        click.ClickException(FROM_OUTSIDE),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_told_in_printable_text(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise error

    monkeypatch.setattr(query_command, "run_query", fail)
    result = CliRunner(env={"TOUCHLINE_CLICKHOUSE": "chdb:///nowhere"}).invoke(cli, ["query", "SELECT 1"])

    assert result.exit_code != 0
    assert result.stderr.startswith(("Error: ", "Usage: "))
    assert not STEERING.search(result.stderr)
    assert "u202e" in result.stderr


def test_an_error_that_nobody_expected_is_told_in_printable_text() -> None:
    script = (
        "import sys, touchline.main as main\n"
        f"def fail(**_): raise LookupError({FROM_OUTSIDE!r})\n"
        "main.cli.get_command(None, 'query').callback = fail\n"
        "sys.argv = ['touchline', 'query', 'SELECT 1']\n"
        "main.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 1
    assert done.stderr.endswith(f"LookupError: {SHOWN}\n")


def test_a_bad_line_is_named_in_at_most_500_printable_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send(*_: object) -> None:
        """There is nothing to send."""

    def read(
        paths: object, spool: object, name: Callable[[str, int, str], None], tell: object, _inputs: object
    ) -> list[Rejected]:
        name(FROM_OUTSIDE, 7, FROM_OUTSIDE + "x" * 10_000)
        return list(read_files(paths, spool, name, tell))  # type: ignore[arg-type]  # the caller's

    monkeypatch.setattr(run_module, "send", send)
    monkeypatch.setattr(run_module, "read_files", read)
    file = tmp_path / "in.jsonl"
    file.write_text('{"kind": "' + "\\u001b\\u009b\\u202e" * 300 + '"}\n{"' + "\u202e\x9b" * 900 + "\n")
    page = io.StringIO()

    publish(settings.load(kafka="127.0.0.1:9"), [file], Console(file=page, width=80), lambda *_: None)

    named = [line for line in page.getvalue().splitlines() if ", line " in line]
    reasons = [re.split(r", line \d: ", line)[1] for line in named]
    assert [len(reason) == 500 for reason in reasons] == [True, False, False]
    assert max(map(len, reasons)) == 500
    assert not STEERING.search(page.getvalue())


def test_a_step_and_a_remark_are_printable() -> None:
    page = io.StringIO()
    with Steps(Console(file=page, width=400)) as steps:
        steps.begin(FROM_OUTSIDE)
        steps.show(1, 2)
        steps.remark(f"[red]{FROM_OUTSIDE}")

    assert page.getvalue() == f"{SHOWN} ...\n[red]{SHOWN}\n"


def test_what_a_check_of_doctor_found_is_printable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "run_checks", lambda _: [Check("Kafka", True, FROM_OUTSIDE)])
    result = CliRunner().invoke(cli, ["doctor"])

    assert result.stdout.splitlines()[-1].endswith(SHOWN)


def written(output: bytes) -> bytes:
    """Return what `write` prints of a result on a terminal."""
    return on_terminal(f"from touchline.terminal import write; write({output!r})")


def on_terminal(script: str) -> bytes:
    """Return what a script prints on a terminal of 100 columns."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=follower, stderr=follower) as child:
        os.close(follower)
        said = b""
        while True:
            try:
                more = os.read(leader, 1 << 16)
            except OSError:  # the child has closed its end
                break
            said += more
        assert child.wait(60) == 0
    os.close(leader)
    return said


def test_a_format_is_printable_on_a_terminal_and_as_it_is_elsewhere(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    result = "a\tb\x1b[2J\x9b\u202e\n日本\n".encode() + b"\xff\n"

    write(result)

    assert capfdbinary.readouterr().out == result
    # A terminal gets CR LF for each line.
    assert written(result).decode() == "a\tb\\u001b[2J\\u009b\\u202e\r\n日本\r\n\ufffd\r\n"
    line = '{"a":"\x9b\u202e\x7f"}\n'
    assert json.loads(written(line.encode())) == json.loads(line)


STEPS = """
from touchline.terminal import Steps, progress_console
with Steps(progress_console()) as steps:
    steps.begin("sending")
    for done in range(51):
        steps.show(done, {total})
"""


def test_on_a_terminal_a_step_has_a_bar_with_its_pace_and_the_time_that_is_left() -> None:
    shown = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", on_terminal(STEPS.format(total=200))).decode()

    assert re.search(r"sending .*━.* 25% [\d,]+/s \d:\d\d:\d\d \d:\d\d:\d\d", shown), shown


def test_of_a_step_of_unknown_length_it_is_shown_how_much_is_done() -> None:
    shown = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", on_terminal(STEPS.format(total=None))).decode()

    assert re.search(r"sending .* 50 [\d,]+/s \d:\d\d:\d\d", shown), shown


def test_publishing_counts_the_bytes_that_it_reads_and_then_the_messages_that_it_sends(
    outbox: Outbox, tmp_path: Path
) -> None:
    file, told = tmp_path / "in.jsonl", list[tuple[int, int]]()
    lines = [
        {"kind": "page_view", "event_id": f"e{n}", "occurred_at": n, "source": "s", "customer_id": "c", "page": "/"}
        for n in range(3)
    ]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    publish(settings.load(kafka="127.0.0.1:9"), [file], Console(file=io.StringIO()), lambda *far: told.append(far))

    size = file.stat().st_size
    assert [total for _, total in told if total != size] == [3, 3]
    assert told[-3:] == [(size, size), (0, 3), (3, 3)]
    assert sum(len(messages) for batch in outbox.sends for messages in batch.values()) == 3


def test_the_last_lines_of_a_childs_log_are_printable(tmp_path: Path) -> None:
    child = Child("broker", [], tmp_path / "log")
    child.log.write_text(f"first\n{FROM_OUTSIDE}\n".replace("\r", ""), newline="")

    assert child.tail() == f"first\n{SHOWN}".replace("\\r", "")


def test_an_unknown_setting_is_named_in_printable_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHLINE_\x1b\nX", "1")

    result = CliRunner().invoke(cli, ["topics"])

    assert result.stderr.startswith("Error: TOUCHLINE_\\u001b\\nX: there is no such setting; ")
    assert len(result.stderr.splitlines()) == 1
