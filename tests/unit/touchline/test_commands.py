"""The console command as a whole: help, errors on one line, exit statuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from touchline import demo
from touchline.database import fresh
from touchline.errors import CommandError
from touchline.main import COMMANDS, cli
from touchline.publish.read import Rejected
from touchline.publish.run import Published

UNUSED_PORT = 9
"""Discard: nothing listens there on loopback."""


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner(env={f"TOUCHLINE_{k}": v for k, v in environment.items()}).invoke(cli, arguments)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_is_listed_can_be_loaded_and_has_help(name: str) -> None:
    assert isinstance(cli.get_command(click.Context(cli), name), click.Command)
    assert run(name, "--help").exit_code == 0


def test_help_loads_neither_kafka_nor_clickhouse() -> None:
    script = (
        "import sys; from touchline.main import cli; cli(['--help'], standalone_mode=False); "
        "sys.exit(bool({'faust', 'aiokafka', 'clickhouse_driver', 'rich'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_the_version_is_told() -> None:
    assert run("--version").stdout.startswith("touchline 0.")


def test_a_misspelt_setting_is_named_with_the_one_that_was_meant() -> None:
    result = run("topics", KAFKAA="localhost:9092")

    assert result.exit_code == 1
    assert result.stderr == ("Error: TOUCHLINE_KAFKAA: there is no such setting; did you mean TOUCHLINE_KAFKA?\n")


@pytest.mark.parametrize("command", [["topics"], ["dlq", "list"], ["dlq", "replay"]])
def test_an_absent_kafka_is_told_on_one_line(command: list[str]) -> None:
    result = run(*command, KAFKA=f"127.0.0.1:{UNUSED_PORT}")

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "look at TOUCHLINE_KAFKA" in result.stderr


def test_an_absent_clickhouse_is_told_on_one_line_without_its_password() -> None:
    address = f"clickhouse://me:hunter2@127.0.0.1:{UNUSED_PORT}/touchline"

    result = run("query", "SELECT 1", CLICKHOUSE=address)

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "hunter2" not in result.stderr


def test_doctor_names_every_problem_and_exits_with_1_and_shows_no_secret() -> None:
    result = run(
        "doctor",
        KAFKA=f"127.0.0.1:{UNUSED_PORT}",
        CLICKHOUSE=f"clickhouse://me:hunter2@127.0.0.1:{UNUSED_PORT}/touchline",
        SCHEMA_REGISTRY=f"http://me:hunter3@127.0.0.1:{UNUSED_PORT}",
    )

    assert result.exit_code == 1
    problems = [line for line in result.stdout.splitlines() if line.startswith("PROBLEM")]
    assert [line.split()[1] for line in problems] == ["Kafka", "ClickHouse", "schema"]
    assert "3 problems found" in result.stderr
    assert "hunter" not in result.output


def test_doctor_lists_all_settings_with_what_they_mean() -> None:
    result = run("doctor", "--settings", CLICKHOUSE="clickhouse://me:hunter2@db:9000/touchline")

    assert result.exit_code == 0
    assert "TOUCHLINE_PARTITIONS=4\n" in result.stdout
    assert "hunter2" not in result.stdout


def test_asking_a_folder_without_a_database_makes_none(tmp_path: Path) -> None:
    result = run("query", "SELECT 1", "--data", f"{tmp_path}/none")

    assert result.exit_code == 1
    assert "holds no database" in result.stderr


def test_a_database_is_made_only_where_nothing_is(tmp_path: Path) -> None:
    assert fresh(tmp_path / "new") == tmp_path / "new"
    assert fresh(tmp_path) == tmp_path

    (tmp_path / "metadata").mkdir()
    with pytest.raises(CommandError, match="already holds a database"):
        fresh(tmp_path)

    (tmp_path / "metadata").rename(tmp_path / "other")
    with pytest.raises(CommandError, match="not an empty folder"):
        fresh(tmp_path)


def test_a_demo_whose_input_had_bad_lines_reports_all_the_same_and_exits_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text("bad\n")
    reported: list[tuple[Path, int]] = []

    def ran(_inputs: object, database: Path, _console: object) -> Published:
        (database / "metadata").mkdir(parents=True)
        return Published(0, [Rejected(1, tmp_path / "in.jsonl.rejected"), Rejected(2, tmp_path / "b.jsonl.rejected")])

    def report(database: Path, _address: str, _console: object, bad_lines: int) -> None:
        reported.append((database, bad_lines))

    monkeypatch.setattr(demo, "run", ran)
    monkeypatch.setattr(demo, "report", report)

    result = run("demo", "--input", str(file), "--keep", str(tmp_path / "kept"))

    assert result.exit_code == 2
    assert reported == [(tmp_path / "kept", 3)]
