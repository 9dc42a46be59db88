"""The business hours that the settings name."""

from __future__ import annotations

from pathlib import Path

from schemas.calendars import Calendar, CalendarError, read_calendars
from streams.settings import Settings
from touchline.errors import CommandError


def configured_calendars(settings: Settings) -> list[Calendar]:
    """Return the calendars of the file that the settings name, none without one.

    Raises:
        CommandError: there is no such file, or its calendars do not hold.
    """
    if not settings.calendars:
        return []
    file = Path(settings.calendars)
    try:
        return read_calendars(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"TOUCHLINE_CALENDARS: {file} cannot be read: {error}") from error
    except CalendarError as error:
        raise CommandError(f"TOUCHLINE_CALENDARS: {file}: {error}") from None
