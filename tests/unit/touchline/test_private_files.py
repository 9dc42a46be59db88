"""What touchline writes on disk is for its user alone, whatever the umask: it tells of customers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.touchline.conftest import Outbox
from touchline.main import cli

ROOT = Path(__file__).parents[3]
UNDER = {"PYTHONPATH": str(ROOT)}
DATABASE = """
import sys
from sinks.migrate import migrate
from sinks.open import open_database
database = open_database("chdb://" + sys.argv[1])
migrate(database)
database.close()
"""


@pytest.fixture(autouse=True)
def open_to_all() -> Iterator[None]:
    """The umask that leaves everything to everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, in a folder."""
    told = {**os.environ, **UNDER, **environment}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=told, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.embedded
def test_a_database_is_made_in_a_folder_that_is_its_users_alone(tmp_path: Path) -> None:
    made = tmp_path / "new" / "database"
    run(tmp_path, "-c", DATABASE, str(made))

    assert mode(made) == 0o700


@pytest.mark.embedded
def test_in_a_folder_that_others_may_read_what_the_command_makes_is_its_users_alone_and_doctor_tells(
    tmp_path: Path,
) -> None:
    wide = tmp_path / "wide"
    wide.mkdir(0o755)
    told = {"TOUCHLINE_CLICKHOUSE": f"chdb://{wide}"}
    run(tmp_path, "-m", "touchline", "migrate", **told)
    inside = [path for path in wide.rglob("*") if not path.is_symlink()]
    seen = subprocess.run(
        [sys.executable, "-m", "touchline", "doctor"],
        env={**os.environ, **UNDER, **told},
        capture_output=True,
        text=True,
        check=False,
    )

    assert mode(wide) == 0o755, "it is not ours to change"
    assert {mode(path) for path in inside} == {0o600, 0o700}
    assert f"other users of this machine may read it (chmod -R go= {wide})" in " ".join(seen.stdout.split())


def test_rejected_lines_are_their_users_alone(tmp_path: Path, outbox: Outbox) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text("bad\n")

    assert CliRunner().invoke(cli, ["publish", str(file)]).exit_code == 2

    assert outbox is not None
    assert mode(tmp_path / "in.jsonl.rejected") == 0o600


@pytest.mark.parametrize("link", [False, True])
def test_an_earlier_file_of_rejected_lines_is_replaced_and_no_link_is_followed(
    tmp_path: Path, outbox: Outbox, link: bool
) -> None:
    file, rejected, other = tmp_path / "in.jsonl", tmp_path / "in.jsonl.rejected", tmp_path / "other"
    file.write_text("bad\n")
    other.write_text("of somebody else")
    if link:
        rejected.symlink_to(other)
    else:
        rejected.hardlink_to(other)

    assert CliRunner().invoke(cli, ["publish", str(file)]).exit_code == 2

    assert outbox is not None
    assert mode(rejected) == 0o600
    assert not rejected.is_symlink()
    assert rejected.read_text() == "bad\n"
    assert other.read_text() == "of somebody else"


def test_whatever_a_command_writes_is_its_users_alone(tmp_path: Path) -> None:
    run(tmp_path, "-m", "touchline", "simulate", "--customers", "1", "--days", "1", "--seed", "1", "--out", "a.jsonl")

    assert {path.name: mode(path) for path in tmp_path.iterdir()} == {"a.jsonl": 0o600, "a.truth.json": 0o600}


def test_spools_of_publish_have_no_name_and_are_their_users_alone(
    tmp_path: Path, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"kind": "purchase", "event_id": "a", "occurred_at": 1_735_689_600_000, "source": "till",
            "customer_id": "C1", "order_id": "o", "amount_minor": 1, "currency": "EUR"}  # fmt: skip
    file = tmp_path / "in.jsonl"
    file.write_text(json.dumps(line))
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    modes = set()
    opened = os.open

    def watched(path: str, flags: int, asked: int = 0o777, **more: int) -> int:
        number = opened(path, flags, asked, **more)
        if str(path).startswith(str(folder)):
            modes.add(os.fstat(number).st_mode & 0o777)
        return number

    monkeypatch.setattr(os, "open", watched)
    assert CliRunner().invoke(cli, ["publish", str(file)]).exit_code == 0

    assert outbox.event_ids("touchpoints.purchases.v1") == ["a"]
    assert modes == {0o600}
    assert list(folder.iterdir()) == []
