"""Business hours: calendars in TOML that say when a business works, and what moments of UTC that is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from schemas.errors import TouchlineError
from schemas.toml import TomlError, convert_toml

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Opening = tuple[int, int]
"""When a business opens and closes, ms."""

CALENDARS_MAX = 100
"""Calendars of a file: each has a row for each opening of many years."""

_WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HOURS = re.compile(r"(\d\d):([0-5]\d)-(\d\d):([0-5]\d)")
_MINUTES_OF_DAY = 24 * 60


class CalendarError(TouchlineError):
    """A file of calendars that does not hold; the message says which calendar, what, and how to write it."""


class Calendar(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a business, or a part of it, works.

    Attributes:
        name: tells it from other calendars.
        time_zone: in which its hours are, an IANA name.
        hours: by weekday, as `["09:00-12:30", "13:30-17:00"]`; a day that is not named is closed.
        holidays: days on which it is closed.
        special: by day, as `2026-12-24`, hours that hold instead of the weekday's.
        sources: those of the cases for which it holds; the first calendar without any holds for all others.
    """

    name: str
    time_zone: str
    hours: dict[Weekday, list[str]]
    holidays: list[date] = []
    special: dict[date, list[str]] = {}
    sources: list[str] = []

    def openings(self, first: date, last: date) -> Iterator[Opening]:
        """Yield when it opens and closes from a day to another, in order.

        What a change of clocks skips is not worked; what it repeats is worked twice.
        """
        zone = ZoneInfo(self.time_zone)
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            for opens, closes in _minutes_of(self._written(day)):
                opens_at, closes_at = _moment(day, opens, zone, fold=0), _moment(day, closes, zone, fold=1)
                if opens_at < closes_at:
                    yield opens_at, closes_at

    def _written(self, day: date) -> Sequence[str]:
        if day in self.special:
            return self.special[day]
        return () if day in self.holidays else self.hours.get(_WEEKDAYS[day.weekday()], ())


class _Calendars(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    calendar: list[Calendar]


def read_calendars(text: str) -> list[Calendar]:
    """Return the calendars of a TOML file's text, each a `[[calendar]]`.

    Raises:
        CalendarError: they do not hold.
    """
    try:
        calendars = convert_toml(text, _Calendars).calendar
    except TomlError as error:
        raise CalendarError(f"the calendars cannot be read: {error}") from None
    if len(calendars) > CALENDARS_MAX:
        raise CalendarError(
            f"{len(calendars):,} calendars are too many: {CALENDARS_MAX} may stand in a file, and one may have several "
            "sources"
        )
    zones = available_timezones()
    named: dict[str, Calendar] = {}
    for calendar in calendars:
        if calendar.name in named:
            raise CalendarError(f"two calendars are called {calendar.name!r}: give each a name of its own")
        _check(calendar, zones)
        named[calendar.name] = calendar
    if sum(not calendar.sources for calendar in calendars) > 1:
        raise CalendarError("two calendars have no `sources`: one alone can hold for all other sources")
    return calendars


def _check(calendar: Calendar, zones: AbstractSet[str]) -> None:
    if calendar.time_zone not in zones:
        raise CalendarError(f"calendar {calendar.name!r}: {calendar.time_zone!r} is no time zone of the IANA database")
    for day, hours in (*calendar.hours.items(), *calendar.special.items()):
        try:
            _minutes_of(hours)
        except ValueError as error:
            raise CalendarError(f"calendar {calendar.name!r}, {day}: {error}") from None


def _minutes_of(hours: Sequence[str]) -> list[tuple[int, int]]:
    """Return when each opens and closes, minutes of a day.

    Raises:
        ValueError: one cannot be read, or two overlap.
    """
    found: list[tuple[int, int]] = []
    for written in hours:
        match = _HOURS.fullmatch(written)
        if match is None:
            raise ValueError(f"{written!r} are no hours: write them as 09:00-17:00")
        opens, closes = (int(match[place]) * 60 + int(match[place + 1]) for place in (1, 3))
        if not opens < closes <= _MINUTES_OF_DAY:
            advice = "write a night as 22:00-24:00 and 00:00-06:00"
            raise ValueError(f"{written!r} do not end later on the same day: {advice}")
        if found and opens < found[-1][1]:
            raise ValueError(f"{written!r} begin before the hours that stand before them end")
        found.append((opens, closes))
    return found


def _moment(day: date, minute: int, zone: ZoneInfo, *, fold: int) -> int:
    """Return a minute of a local day, ms.

    Args:
        fold: of a minute that comes twice 0 for the first, 1 for the second. One that clocks skip is the moment at
            which they do.
    """
    local = datetime.combine(day, time()) + timedelta(minutes=minute)
    moment = local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    skipped = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if skipped.astimezone(zone).replace(tzinfo=None) > local:
        moment = skipped
        while (earlier := moment - timedelta(minutes=1)).astimezone(zone).replace(tzinfo=None) >= local:
            moment = earlier
    return int(moment.timestamp()) * 1_000
