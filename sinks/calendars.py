"""Stores the business hours of calendars, which the views of cases look up; every `touchline migrate` does."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date

from schemas.calendars import Calendar
from sinks.database import Database, select
from sinks.literals import quoted
from sinks.tables import DATABASE

YEARS_BEFORE, YEARS_AFTER = 10, 2
"""For how many years before and after that of the day the hours are stored."""
ROWS_AT_ONCE = 1_000
"""A statement's length has a limit."""

_Row = tuple[int, int, int, int]


def store_calendars(database: Database, calendars: Sequence[Calendar], today: date) -> str:
    """Store the hours of calendars, unless they are there; return the digest under which they are, "" without any.

    Args:
        database: the ClickHouse in whose tables they are stored.
        today: hours are stored for some years around it.

    Raises:
        TransientWriteError: the database is out of reach.
        PermanentWriteError: the database refused a statement.
    """
    if not calendars:
        return ""
    first, last = date(today.year - YEARS_BEFORE, 1, 1), date(today.year + YEARS_AFTER, 12, 31)
    rows = [row for place, calendar in enumerate(calendars) for row in _rows(place, calendar, first, last)]
    digest = hashlib.sha256(repr((calendars, rows)).encode()).hexdigest()[:16]
    found = select(
        database,
        "SELECT toString(count()) FROM business_hours_rows FINAL WHERE digest = {digest:String}",
        {"digest": digest},
    )
    if found != [[str(len(rows))]]:
        _insert(database, digest, calendars, rows)
    return digest


def _rows(place: int, calendar: Calendar, first: date, last: date) -> list[_Row]:
    """Return when a calendar opens and closes, and how long it was open before, ms."""
    rows, open_before = [], 0
    for opens_at, closes_at in calendar.openings(first, last):
        rows.append((place, opens_at, closes_at, open_before))
        open_before += closes_at - opens_at
    return rows


def _insert(database: Database, digest: str, calendars: Sequence[Calendar], rows: Sequence[_Row]) -> None:
    for place, calendar in enumerate(calendars):
        sources = ", ".join(map(quoted, calendar.sources))
        database.execute(
            f"INSERT INTO {DATABASE}.calendars_rows (digest, place, name, sources) "
            f"SELECT '{digest}', {place}, {quoted(calendar.name)}, CAST([{sources}], 'Array(String)')"
        )
    for start in range(0, len(rows), ROWS_AT_ONCE):
        values = ", ".join(map(str, rows[start : start + ROWS_AT_ONCE]))
        database.execute(
            f"INSERT INTO {DATABASE}.business_hours_rows (digest, place, opens_at, closes_at, open_before_ms) "
            f"SELECT '{digest}', (arrayJoin([{values}]) AS row).1, fromUnixTimestamp64Milli(toInt64(row.2), 'UTC'), "
            "fromUnixTimestamp64Milli(toInt64(row.3), 'UTC'), row.4"
        )
