"""What is wrong with a file of a questionnaire is said with its name, and with that of the setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.settings import Settings
from touchline.errors import CommandError
from touchline.surveys import configured_surveys

HELD = 'id = "{id}"\ntitle = "T"\n[[question]]\nid = "q"\nkind = "text"\ntext = "Why?"\n'


def configured(*paths: Path) -> list[str]:
    return [survey.id for survey in configured_surveys(Settings(surveys=", ".join(map(str, paths))))]


def test_questionnaires_are_those_of_all_files_and_of_all_toml_files_in_folders(tmp_path: Path) -> None:
    folder = tmp_path / "surveys"
    folder.mkdir()
    for name in ("b", "a"):
        (folder / f"{name}.toml").write_text(HELD.format(id=name))
    (folder / "notes.txt").write_text("no questionnaire")
    (tmp_path / "more.toml").write_text(HELD.format(id="more"))

    assert configured() == []
    assert configured(tmp_path / "more.toml", folder) == ["more", "a", "b"]


@pytest.mark.parametrize("text", [None, "\xff", HELD, HELD.format(id="x").replace("text", "words")])
def test_a_file_that_does_not_hold_is_named(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "own.toml"
    if text is not None:
        file.write_bytes(text.replace('"{id}"', "").encode("latin-1"))

    with pytest.raises(CommandError, match=r"TOUCHLINE_SURVEYS: .*own\.toml"):
        configured(file)


def test_a_folder_without_questionnaires_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"TOUCHLINE_SURVEYS: there is no questionnaire .* in the folder"):
        configured(tmp_path)
