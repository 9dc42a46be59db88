"""A file that a setting names is read up to a bound, and what is wrong with it is said with its name."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.errors import TouchlineError
from streams.settings import Settings, load
from streams.settings.files import FILE_BYTES, FileError, read_file, text_of
from touchline.calendars import configured_calendars
from touchline.collect.keys import load_keys
from touchline.notify.run import load_targets
from touchline.surveys import configured_surveys

USES: dict[str, Callable[[Settings], object]] = {
    "surveys": configured_surveys,
    "calendars": configured_calendars,
    "follow_ups": lambda settings: settings.follow_up_rules,
    "notify": load_targets,
    "collect_keys_file": load_keys,
    "pseudonym_key_file": lambda settings: settings.pseudonym_keys(),
}
TOML = ("surveys", "calendars", "follow_ups", "notify")


def refused(setting: str, file: Path) -> str:
    """Return what is said of a file that a setting names."""
    with pytest.raises(TouchlineError) as error:
        USES[setting](load(**{setting: str(file)}))
    return str(error.value)


@pytest.mark.parametrize("setting", TOML)
@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "{a = " * 100_000, "a." * 100_000 + "a = 1"])
def test_a_file_that_is_nested_without_end_is_refused_with_its_line(setting: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(f"\n{text}")

    said = refused(setting, tmp_path / "own.toml")

    assert said.startswith(f"TOUCHLINE_{setting.upper()}: {tmp_path / 'own.toml'}: ")
    assert said.endswith(
        "line 2 is nested too deeply: write at most 16 brackets within each other, and keys of at most 16 parts"
    )


@pytest.mark.parametrize("setting", USES)
def test_what_is_no_such_file_is_named_with_its_setting_and_what_to_do(setting: str, tmp_path: Path) -> None:
    absent, latin, large = (tmp_path / f"{name}.toml" for name in ("absent", "latin", "large"))
    latin.write_bytes("one\nK\u00f6nig".encode("latin-1"))
    large.write_bytes(b"#" * (FILE_BYTES + 1))
    where = f"TOUCHLINE_{setting.upper()}: {tmp_path}"

    assert refused(setting, absent) == (
        f"{where}/absent.toml cannot be read: No such file or directory; name one that is there and may be read"
    )
    assert refused(setting, latin) == f"{where}/latin.toml is not text in UTF-8, from line 2 on: save it as UTF-8"
    assert refused(setting, large) == f"{where}/large.toml has more than 1 MiB: name another file, or make it smaller"


def test_of_what_has_no_end_only_so_much_is_read() -> None:
    with pytest.raises(FileError, match="/dev/zero has more than 1 MiB"):
        text_of("/dev/zero")


def test_a_file_of_the_largest_size_and_a_pipe_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"#" * FILE_BYTES)
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=("from a pipe",))
    writer.start()

    assert text_of(tmp_path / "pipe") == "from a pipe"
    assert text_of(tmp_path / "file") == "#" * FILE_BYTES
    writer.join()


def test_what_is_said_of_a_text_is_said_with_the_name_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("7")

    def read(text: str) -> int:
        if text != "8":
            raise TouchlineError(f"{text} is not 8")
        return 8

    with pytest.raises(FileError, match=r"/file: 7 is not 8$"):
        read_file(tmp_path / "file", read)
