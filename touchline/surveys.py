"""The questionnaires that the settings name."""

from __future__ import annotations

from pathlib import Path

from schemas.surveys import Survey, SurveyError, read_surveys
from streams.settings import Settings
from touchline.errors import CommandError


def configured_surveys(settings: Settings) -> list[Survey]:
    """Return the questionnaires of the files and folders that the settings name, none without any.

    Raises:
        CommandError: there is no such file, a folder holds none, or a questionnaire does not hold.
    """
    texts = {}
    for path in map(Path, settings.survey_paths):
        try:
            for file in _files_at(path):
                texts[str(file)] = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"TOUCHLINE_SURVEYS: {path} cannot be read: {error}") from error
    try:
        return read_surveys(texts)
    except SurveyError as error:
        raise CommandError(f"TOUCHLINE_SURVEYS: {error}") from None


def _files_at(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.toml"))
    if not files:
        raise CommandError(f"TOUCHLINE_SURVEYS: there is no questionnaire (a file *.toml) in the folder {path}")
    return files
