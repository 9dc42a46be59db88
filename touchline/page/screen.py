"""What a screen is: its address, its queries, and how it is made of their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from touchline.page.asked import Asked
from touchline.page.cards import VALUES, Card, cards_of
from touchline.page.query import Query, Rows
from touchline.page.tables import Plan, Section

Build = Callable[[Asked, Mapping[str, Rows]], object]
"""Makes what the template shows of the rows of each query, by the queries' names."""


@dataclass(frozen=True)
class Sections:
    """What most screens show: tables, below metrics; `cards` is None where there is none to show."""

    sections: tuple[Section, ...]
    cards: tuple[Card, ...] | None = None


def tables_of(plans: Sequence[Plan], metrics: Sequence[str] = ()) -> Build:
    """Return what makes a screen of tables, below metrics if there are any, whose rows are those of `cards.VALUES`."""

    def build(asked: Asked, answers: Mapping[str, Rows]) -> Sections:
        cards = cards_of(asked, metrics, answers[VALUES.name]) if metrics else None
        return Sections(tuple(plan.filled(asked, answers) for plan in plans), cards)

    return build


@dataclass(frozen=True)
class Screen:
    """One screen.

    Attributes:
        name: its address without the slash.
        title: a text of the catalogues.
        queries: what it asks.
        parameters: the values that the queries name, of what an address asks for; may raise AskedError.
        build: makes what the template shows of the rows of each query, by the queries' names.
        template: the file that shows it; that of sections, unless it has one of its own.
        in_navigation: whether it can be gone to without saying more.
        is_live: whether it keeps itself up to date.
    """

    name: str
    title: str
    queries: tuple[Query, ...]
    parameters: Callable[[Asked], dict[str, object]]
    build: Build
    template: str = "sections.html"
    in_navigation: bool = True
    is_live: bool = False

    def query(self, name: str) -> Query | None:
        """Return the query of a name."""
        return next((query for query in self.queries if query.name == name), None)
