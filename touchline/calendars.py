"""The business hours that the settings name."""

from __future__ import annotations

from schemas.calendars import Calendar, read_calendars
from streams.settings import Settings
from streams.settings.files import FileError, read_file
from touchline.errors import CommandError


def configured_calendars(settings: Settings) -> list[Calendar]:
    """Return the calendars of the file that the settings name, none without one.

    Raises:
        CommandError: there is no such file, or its calendars do not hold.
    """
    if not settings.calendars:
        return []
    try:
        return read_file(settings.calendars, read_calendars)
    except FileError as error:
        raise CommandError(f"TOUCHLINE_CALENDARS: {error}") from error
