"""Languages: their texts by gettext, and numbers, money and times as they write them, in the business's time zone."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent
from babel.units import format_unit

from schemas.metrics import ValueKind
from touchline.report.money import DEFAULT_EXPONENT, EXPONENTS

CATALOGUES = Path(__file__).with_name("texts")
SOURCE = "en"
"""The language that the texts are written in: it needs no catalogue."""
LEFT_TO_RIGHT, RIGHT_TO_LEFT, END = "\u2066", "\u2067", "\u2069"
"""Marks of Unicode: what stands between one of the first two and the last has a direction of its own."""
NOTHING = "\N{EN DASH}"


@dataclass(frozen=True)
class Language:
    """A language that the page can be read in.

    Attributes:
        code: of BCP 47, such as `en`.
        texts: its catalogue.
    """

    code: str
    texts: NullTranslations

    @property
    def name(self) -> str:
        """What it calls itself."""
        return Locale.parse(self.code, sep="-").get_display_name() or self.code

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return Locale.parse(self.code, sep="-").text_direction


def read_languages(folder: Path = CATALOGUES) -> dict[str, Language]:
    """Return every language by its code: that of the texts, and those with a catalogue in a folder."""
    languages = {SOURCE: Language(SOURCE, NullTranslations())}
    for file in sorted(folder.glob("*.po")):
        with file.open("rb") as catalogue:
            compiled = io.BytesIO()
            write_mo(compiled, read_po(catalogue, locale=file.stem.replace("-", "_")))
        compiled.seek(0)
        languages[file.stem] = Language(file.stem, GNUTranslations(compiled))
    return languages


def preferred(header: str, known: Iterable[str]) -> str:
    """Return which of the known languages a header `Accept-Language` asks for first; the source's where none is.

    Args:
        header: as a browser sends it: `ur-PK,ur;q=0.9,en;q=0.8`.
        known: codes of languages.
    """
    codes = set(known)
    for _, wanted in sorted(_weighed(header), key=lambda one: -one[0]):
        if wanted in codes:
            return wanted
        if (general := wanted.partition("-")[0]) in codes:
            return general
    return SOURCE


def _weighed(header: str) -> list[tuple[float, str]]:
    found = []
    for entry in header[:1000].split(","):
        code, _, weight = entry.partition(";q=")
        try:
            share = float(weight or 1)
        except ValueError:
            continue
        if share > 0:
            found.append((share, code.strip().lower()))
    return found


class Formats:
    """Writes numbers, money, times and lengths of time as a language does; None is a dash."""

    def __init__(self, language: Language, zone: ZoneInfo) -> None:
        self._language, self._zone = language, zone
        self._locale = Locale.parse(language.code, sep="-")

    def number(self, value: float | None, decimals: int = 0) -> str:
        """Return a number with at most so many decimals."""
        if value is None:
            return NOTHING
        pattern = "#,##0" + ("." + "#" * decimals if decimals else "")
        return self._apart(format_decimal(Decimal(repr(value)), format=pattern, locale=self._locale))

    def decimal(self, value: float | None) -> str:
        """Return a number with at most two decimals."""
        return self.number(value, 2)

    def share(self, value: float | None) -> str:
        """Return a share as a percentage with at most one decimal."""
        if value is None:
            return NOTHING
        return self._apart(format_percent(Decimal(repr(value)), format="#,##0.#%", locale=self._locale))

    def score(self, value: float | None) -> str:
        """Return an experience, or another score from -1 to 1, with its sign and two decimals."""
        if value is None:
            return NOTHING
        shown = Decimal(repr(round(value, 2)))
        pattern = "+0.00;-0.00" if shown else "0.00"
        return self._apart(format_decimal(shown, format=pattern, locale=self._locale))

    def money(self, minor: float | None, currency: str | None) -> str:
        """Return an amount in minor units; one without a currency is a dash."""
        if minor is None or not currency:
            return NOTHING
        amount = Decimal(round(minor)).scaleb(-EXPONENTS.get(currency, DEFAULT_EXPONENT))
        return self._apart(format_currency(amount, currency, locale=self._locale, decimal_quantization=False))

    def seconds(self, value: float | None) -> str:
        """Return a length of time in the unit that a person would use."""
        if value is None:
            return NOTHING
        for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
            if abs(value) >= 1.5 * size:
                return format_unit(round(value / size, 1), f"duration-{unit}", "short", locale=self._locale)
        return format_unit(round(value, 1), "duration-second", "short", locale=self._locale)

    def value(self, value: float | None, kind: ValueKind, currency: str) -> str:
        """Return a metric's value in its unit."""
        if kind == "share":
            return self.share(value)
        if kind == "sum":
            return self.money(value, currency)
        if kind == "duration":
            return self.seconds(value)
        return self.score(value) if kind == "mean" else self.number(value, 1)

    def of_kind(self, currency: str) -> Callable[[ValueKind], Callable[[float | None], str]]:
        """Return what makes, of a kind of value, the function that writes it; `currency` is that of sums."""
        return lambda kind: lambda value: self.value(value, kind, currency)

    def day(self, day: date) -> str:
        """Return a day without its year."""
        return self._apart(format_date(day, format="d MMM", locale=self._locale), RIGHT_TO_LEFT)

    def whole_day(self, day: date) -> str:
        """Return a day with its year."""
        return self._apart(format_date(day, format="medium", locale=self._locale), RIGHT_TO_LEFT)

    def month(self, at: int) -> str:
        """Return the month of a moment, epoch ms."""
        return format_skeleton("yMMM", self.moment(at), locale=self._locale)

    def day_at(self, at: int | None) -> str:
        """Return the day of a moment, epoch ms, with its year."""
        return NOTHING if at is None else self.whole_day(self.moment(at).date())

    def time(self, at: int | None) -> str:
        """Return a moment, epoch ms, to the minute."""
        if at is None:
            return NOTHING
        return format_datetime(self.moment(at), format="d MMM y, HH:mm", locale=self._locale)

    def machine(self, at: int) -> str:
        """Return a moment, epoch ms, as machines read it."""
        return self.moment(at).isoformat(timespec="seconds")

    def _apart(self, text: str, begin: str = LEFT_TO_RIGHT) -> str:
        """Return a text that keeps its own direction.

        Beside words from right to left a sign would stand behind its number, and on an axis from left to right a day
        behind its month.
        """
        return f"{begin}{text}{END}" if self._language.direction == "rtl" else text

    def moment(self, at: int) -> datetime:
        """Return a moment, epoch ms, by the business's clock."""
        return datetime.fromtimestamp(at / 1000, self._zone)

    def listed(self, names: Sequence[str]) -> str:
        """Return names with commas."""
        return ", ".join(names) or NOTHING
