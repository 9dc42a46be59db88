"""Business hours are what a calendar on a wall says, in moments of UTC: cases worked out by hand."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest

from schemas.calendars import CalendarError, read_calendars

BERLIN = """
[[calendar]]
name = "support"
time_zone = "Europe/Berlin"
hours.monday = ["09:00-12:00", "13:00-17:00"]
hours.saturday = ["22:00-24:00"]
hours.sunday = ["00:00-04:00"]
holidays = [2026-05-25]
special.2026-06-01 = ["10:00-11:00"]
special.2026-06-02 = ["10:00-11:00"]
"""


def openings(text: str, first: date, last: date | None = None) -> list[tuple[str, str]]:
    (calendar,) = read_calendars(text)
    return [(utc(opens), utc(closes)) for opens, closes in calendar.openings(first, last or first)]


def utc(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1_000, UTC).strftime("%m-%d %H:%M")


def of(zone: str, hours: str) -> str:
    return f'[[calendar]]\nname = "a"\ntime_zone = "{zone}"\nhours.sunday = ["{hours}"]\n'


def test_hours_are_those_of_the_time_zone_in_summer_and_in_winter() -> None:
    assert openings(BERLIN, date(2026, 1, 5)) == [("01-05 08:00", "01-05 11:00"), ("01-05 12:00", "01-05 16:00")]
    assert openings(BERLIN, date(2026, 7, 6)) == [("07-06 07:00", "07-06 10:00"), ("07-06 11:00", "07-06 15:00")]


def test_days_without_hours_and_holidays_are_closed() -> None:
    assert openings(BERLIN, date(2026, 1, 6), date(2026, 1, 9)) == []
    assert openings(BERLIN, date(2026, 5, 25)) == []


def test_special_hours_hold_instead_of_the_weekdays_also_where_it_is_closed() -> None:
    assert openings(BERLIN, date(2026, 6, 1), date(2026, 6, 2)) == [
        ("06-01 08:00", "06-01 09:00"),
        ("06-02 08:00", "06-02 09:00"),
    ]


def test_a_night_in_which_clocks_change_is_an_hour_shorter_or_longer() -> None:
    assert openings(BERLIN, date(2026, 3, 28), date(2026, 3, 29)) == [
        ("03-28 21:00", "03-28 23:00"),
        ("03-28 23:00", "03-29 02:00"),
    ]
    assert openings(BERLIN, date(2026, 10, 24), date(2026, 10, 25)) == [
        ("10-24 20:00", "10-24 22:00"),
        ("10-24 22:00", "10-25 03:00"),
    ]


@pytest.mark.parametrize(
    ("zone", "day", "hours", "expected"),
    [
        ("Europe/Berlin", date(2026, 3, 29), "02:30-04:00", [("03-29 01:00", "03-29 02:00")]),
        ("Europe/Berlin", date(2026, 3, 29), "01:00-02:30", [("03-29 00:00", "03-29 01:00")]),
        ("Europe/Berlin", date(2026, 3, 29), "02:10-02:50", []),
        ("America/New_York", date(2026, 3, 8), "02:30-04:00", [("03-08 07:00", "03-08 08:00")]),
        ("America/New_York", date(2026, 11, 1), "01:15-01:45", [("11-01 05:15", "11-01 06:45")]),
        ("Australia/Lord_Howe", date(2026, 10, 4), "02:15-03:00", [("10-03 15:30", "10-03 16:00")]),
    ],
)
def test_what_clocks_skip_is_not_worked_and_what_they_repeat_is_worked_twice(
    zone: str, day: date, hours: str, expected: list[tuple[str, str]]
) -> None:
    assert openings(of(zone, hours), day) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[calendar]\n", "cannot be read"),
        ('[[calendar]]\nname = "a"\ntime_zone = "UTC"\nhour = {}\n', "unknown field `hour`"),
        (of("Berlin", "09:00-17:00"), "'Berlin' is no time zone"),
        (of("UTC", "9-17"), "write them as 09:00-17:00"),
        (of("UTC", "22:00-06:00"), "22:00-24:00 and 00:00-06:00"),
        (of("UTC", "09:60-10:00"), "'09:60-10:00'"),
        (of("UTC", "23:00-24:30"), "'23:00-24:30'"),
        (of("UTC", '09:00-12:00", "11:00-13:00'), "'11:00-13:00' begin before"),
        (of("UTC", "09:00-17:00") + of("UTC", "09:00-17:00"), "two calendars are called 'a'"),
        (of("UTC", "09:00-17:00") + of("UTC", "09:00-17:00").replace('"a"', '"b"'), "two calendars have no `sources`"),
    ],
)
def test_a_calendar_that_does_not_hold_is_told_with_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(CalendarError, match=re.escape(said)):
        read_calendars(text)


def test_a_hundred_calendars_are_read_and_no_more() -> None:
    def many(number: int) -> str:
        written = (of("UTC", "09:00-17:00").replace('"a"', f'"c{one}"') for one in range(number))
        return "".join(f'{one}sources = ["s{place}"]\n' for place, one in enumerate(written))

    assert len(read_calendars(many(100))) == 100
    with pytest.raises(CalendarError, match="101 calendars are too many: 100 may stand in a file"):
        read_calendars(many(101))
