"""Tables as plain values: which columns of a query's rows a screen shows, under which title, written in which way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from touchline.page.asked import Asked, Basis
from touchline.page.charts import BarChart
from touchline.page.marks import N_
from touchline.page.query import Query, Row, Rows

Way = Literal[
    "outside",
    "word",
    "words",
    "number",
    "decimal",
    "money",
    "share",
    "score",
    "seconds",
    "age",
    "moment",
    "month",
    "customer",
    "said",
    "level",
]
"""How a value is written: a text from outside as it is, a word of the views in the reader's language, a number, and so
on. A level is a word that is marked where it is good or bad; an age is that at the end of the data."""
_TEXTS = frozenset({"outside", "word", "words", "customer", "said", "level"})
_WHOLE = frozenset({"number", "money", "moment", "month"})


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: a text of the catalogues.
        name: of the query's column.
        way: how its values are written.
        ends: the columns that hold the ends of its 95 % interval.
    """

    title: str
    name: str
    way: Way = "outside"
    ends: tuple[str, str] | None = None


@dataclass(frozen=True)
class Cell:
    """A value, how it is written, the ends of its interval, and the currency of money."""

    way: Way
    value: Any
    ends: tuple[float, float] | None = None
    currency: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a screen: a table, and what is drawn of it.

    Attributes:
        query: the name of the query that it was made by.
        title: a text of the catalogues, and so are `note` and `empty`, which is said where there are no rows.
        columns: the first one names the row.
        rows: a cell for each column.
        chart: bars by day.
    """

    query: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    empty: str = N_("None.")
    chart: BarChart | None = None


@dataclass(frozen=True)
class Plan:
    """A section without its rows.

    Attributes:
        span: the columns with the time, epoch ms, at which what a row is about begins, and at which it is over; NULL
            where it goes on. Only rows are shown whose time is in the period. The query then names no period: one
            answer does for all of them.
    """

    query: Query
    title: str
    columns: tuple[Column, ...]
    note: str = ""
    empty: str = N_("None.")
    span: tuple[str, str] | None = None

    def filled(self, asked: Asked, answers: Mapping[str, Rows], chart: BarChart | None = None) -> Section:
        """Return the section with the rows of its query."""
        shown = [row for row in answers[self.query.name] if self._is_shown(row, asked)]
        rows = tuple(tuple(_cell(column, row, asked.basis) for column in self.columns) for row in shown)
        return Section(
            query=self.query.name,
            title=self.title,
            columns=self.columns,
            rows=rows,
            note=self.note,
            empty=self.empty,
            chart=chart,
        )

    def _is_shown(self, row: Row, asked: Asked) -> bool:
        if self.span is None:
            return True
        since, until = asked.period.bounds(asked.basis.zone)
        begins, ends = (row[name] for name in self.span)
        return int(begins) < until and (ends is None or int(ends) > since)


def _cell(column: Column, row: Row, basis: Basis) -> Cell:
    ends = None if column.ends is None else tuple(row[name] for name in column.ends)
    value = _valued(column.way, row[column.name])
    return Cell(
        way=column.way,
        value=basis.age(value) if column.way == "age" else value,
        ends=None if ends is None or None in ends else (float(ends[0]), float(ends[1])),
        currency=row.get("currency") or "",
    )


def _valued(way: Way, value: Any) -> Any:
    """Return a value of JSON, where whole numbers of 64 bits are text, as one that can be written."""
    if value is None or way in _TEXTS:
        return value
    if way not in _WHOLE:
        return float(value)
    return int(value) if isinstance(value, str) else round(value)
