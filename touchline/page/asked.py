"""What an address asks for: a period, a part of the business, and a screen's own words; checked before any query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from schemas.errors import TouchlineError

DAYS = 28
"""Days of a period that is not stated: four of each weekday."""
MOST_DAYS = 732
"""Most days of a period: two years, leap days too."""
LONGEST = 2048
"""Most characters of a word of an address, as an identifier may have them."""
_DAY_S = 86_400
ALL = "all"
"""The dimension that has everything in it."""


class AskedError(TouchlineError):
    """An address asks for what cannot be shown; the text is for the person who followed it.

    Attributes:
        text: a message of the catalogues, with `%(name)s` for its values.
        values: by name.
    """

    def __init__(self, text: str, **values: str) -> None:
        super().__init__(text % values)
        self.text = text
        self.values = values


@dataclass(frozen=True)
class Period:
    """Days of the business, both included."""

    since: date
    until: date

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.until - self.since).days + 1

    def bounds(self, zone: ZoneInfo) -> tuple[int, int]:
        """Return its first moment and the first one after it, epoch ms."""
        return _midnight(self.since, zone), _midnight(self.until + timedelta(days=1), zone)


@dataclass(frozen=True)
class Part:
    """A part of the business: one value of a dimension, or all of it."""

    dimension: str = ALL
    value: str = ""

    @property
    def word(self) -> str:
        """As an address says it."""
        return "" if self.dimension == ALL else f"{self.dimension}:{self.value}"


@dataclass(frozen=True)
class Basis:
    """What all screens go by.

    Attributes:
        zone: the business's time zone.
        currency: its own currency; empty where it has none or several.
        last_at: the last minute that a metric was counted in, epoch ms; None before the first one.
        parts: the parts that metrics are kept by.
        clock_at: the time that the pipeline has reached, epoch ms; None before anything came.
    """

    zone: ZoneInfo
    currency: str = ""
    last_at: int | None = None
    parts: tuple[Part, ...] = ()
    clock_at: int | None = None

    @classmethod
    def unknown(cls) -> Self:
        """Return that of a page that asks no database."""
        return cls(ZoneInfo("UTC"))

    @property
    def silent_s(self) -> float:
        """For how many seconds nothing has come, by the pipeline's clock, since the last day was over.

        The views count ages up to that clock. It goes on where data have ended, as a demo's have; ages then say how
        long ago that was. Up to one day it is 0: so long nothing may come in any business.
        """
        if self.last_at is None or self.clock_at is None:
            return 0.0
        last = datetime.fromtimestamp(self.last_at / 1000, self.zone).date()
        silent_s = (self.clock_at - _midnight(last + timedelta(days=1), self.zone)) / 1000
        return silent_s if silent_s > _DAY_S else 0.0

    def age(self, seconds: float | None) -> float | None:
        """Return an age that a view tells, in seconds, as of the end of the data."""
        return None if seconds is None else max(0.0, seconds - self.silent_s)


@dataclass(frozen=True)
class Asked:
    """What an address asks for, checked.

    Attributes:
        period: the days.
        part: of the business.
        basis: what all screens go by.
        words: all that the address says, by name.
        found: the customers of the search that the address names; None where it names none.
    """

    period: Period
    part: Part
    basis: Basis
    words: Mapping[str, str]
    found: tuple[str, ...] | None = None

    @property
    def parameters(self) -> dict[str, object]:
        """The values that every query may name."""
        since, until = self.period.bounds(self.basis.zone)
        return {
            "since": since,
            "until": until,
            "zone": self.basis.zone.key,
            "dimension": self.part.dimension,
            "value": self.part.value,
        }


def read_asked(words: Mapping[str, str], basis: Basis, today: date) -> Asked:
    """Return what an address asks for.

    Args:
        words: its query string, by name.
        basis: what all screens go by.
        today: the day on which a period ends that nothing else says the end of.

    Raises:
        AskedError: it asks for what cannot be shown.
    """
    for word in words.values():
        if len(word) > LONGEST:
            raise AskedError("A part of the address is too long.")
    return Asked(_period(words, basis, today), _part(words.get("part", "")), basis, words)


def _period(words: Mapping[str, str], basis: Basis, today: date) -> Period:
    last = today if basis.last_at is None else datetime.fromtimestamp(basis.last_at / 1000, basis.zone).date()
    until = _day(words["until"]) if words.get("until") else None
    since = _day(words["since"]) if words.get("since") else None
    if until is None:
        until = max(last, since) if since else last
    if since is None:
        since = until - timedelta(days=DAYS - 1)
    if since > until:
        raise AskedError(
            "The period begins on %(since)s, after it ends on %(until)s.",
            since=since.isoformat(),
            until=until.isoformat(),
        )
    period = Period(since, until)
    if period.days > MOST_DAYS:
        raise AskedError("The period has more than %(days)s days; choose a shorter one.", days=str(MOST_DAYS))
    return period


def _day(word: str) -> date:
    try:
        day = date.fromisoformat(word)
    except ValueError:
        raise AskedError("“%(word)s” is no day; write it as 2026-05-31.", word=word) from None
    if not 1990 <= day.year < 2200:
        raise AskedError("“%(word)s” is outside of the years 1990 to 2199.", word=word)
    return day


def _part(word: str) -> Part:
    if word in {"", ALL}:
        return Part()
    dimension, colon, value = word.partition(":")
    if not colon or not dimension:
        raise AskedError("“%(word)s” is no part of the business; write it as channel:phone.", word=word)
    return Part(dimension, value)


def _midnight(day: date, zone: ZoneInfo) -> int:
    # Where clocks skip midnight, the day begins when they go on: the way by UTC finds that moment.
    at = datetime.combine(day, time(), zone).astimezone(UTC)
    return int(at.timestamp() * 1000)
