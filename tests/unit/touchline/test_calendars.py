"""What is wrong with a file of business hours is said with its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.settings import Settings
from touchline.calendars import configured_calendars
from touchline.errors import CommandError

HELD = '[[calendar]]\nname = "support"\ntime_zone = "UTC"\nhours.monday = ["09:00-17:00"]\n'


def test_without_a_file_there_are_no_calendars() -> None:
    assert configured_calendars(Settings()) == []


def test_calendars_are_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "calendars.toml"
    file.write_text(HELD)

    assert [calendar.name for calendar in configured_calendars(Settings(calendars=str(file)))] == ["support"]


@pytest.mark.parametrize("text", [None, "\xff", HELD.replace("UTC", "Mars")])
def test_a_file_that_does_not_hold_is_named(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "calendars.toml"
    if text is not None:
        file.write_bytes(text.encode("latin-1"))

    with pytest.raises(CommandError, match=r"TOUCHLINE_CALENDARS: .*calendars\.toml"):
        configured_calendars(Settings(calendars=str(file)))
