"""The database of a demo that nobody named: replaced by the next, but nothing else ever is."""

from __future__ import annotations

import fcntl
import tempfile
from pathlib import Path

import pytest

from touchline.demo_folder import DemoFolder, hold_demo_folder, shared_demo_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def demo_ran() -> DemoFolder:
    """A demo that has ended; its database holds one file."""
    with hold_demo_folder() as place:
        place.database.mkdir(exist_ok=True)
        (place.database / "table").touch()
    return place


def test_each_demo_replaces_the_database_of_the_one_before(temporary: Path) -> None:
    before = demo_ran()

    with hold_demo_folder() as now:
        assert now == before
        assert now.replaced
        assert not now.database.exists()
    assert list(temporary.iterdir()) == [shared_demo_folder()]


def test_only_its_user_may_look_into_it() -> None:
    demo_ran()

    assert shared_demo_folder().stat().st_mode & 0o777 == 0o700


def test_while_a_demo_runs_the_next_one_leaves_its_database_alone() -> None:
    with hold_demo_folder() as running:
        (running.database / "table").mkdir(parents=True)

        other = demo_ran()

        assert not other.replaced
        assert other.database != running.database
        assert (running.database / "table").exists()


def test_a_database_that_is_being_asked_is_left_alone() -> None:
    asked = demo_ran()
    with (asked.database / "status").open("w") as status:
        fcntl.flock(status, fcntl.LOCK_EX)

        assert not demo_ran().replaced
        assert (asked.database / "table").exists()


def test_a_folder_that_we_did_not_make_is_left_alone() -> None:
    mine = shared_demo_folder() / "database"
    mine.mkdir(parents=True)
    (mine / "table").touch()

    assert not demo_ran().replaced
    assert (mine / "table").exists()


def test_a_link_is_not_followed(temporary: Path) -> None:
    elsewhere = temporary / "elsewhere"
    (elsewhere / "database").mkdir(parents=True)
    (elsewhere / "made-by-touchline-demo").touch()
    shared_demo_folder().symlink_to(elsewhere)

    assert not demo_ran().replaced
    assert (elsewhere / "database").exists()
