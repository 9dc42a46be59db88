"""The questionnaires that the settings name."""

from __future__ import annotations

from pathlib import Path

from schemas.surveys import Survey, SurveyError, read_surveys
from streams.settings import Settings
from streams.settings.files import FileError, text_of
from touchline.errors import CommandError


def configured_surveys(settings: Settings) -> list[Survey]:
    """Return the questionnaires of the files and folders that the settings name, none without any.

    Raises:
        CommandError: there is no such file, a folder holds none, or a questionnaire does not hold.
    """
    try:
        files = [file for path in map(Path, settings.survey_paths) for file in _files_at(path)]
        return read_surveys({str(file): text_of(file) for file in files})
    except (FileError, SurveyError) as error:
        raise CommandError(f"TOUCHLINE_SURVEYS: {error}") from error


def _files_at(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.toml"))
    if not files:
        raise CommandError(f"TOUCHLINE_SURVEYS: there is no questionnaire (a file *.toml) in the folder {path}")
    return files
