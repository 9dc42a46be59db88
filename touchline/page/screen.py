"""What a screen is: its address, its queries, and how it is made of their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from touchline.page.asked import Asked
from touchline.page.cards import Card
from touchline.page.query import Query, Rows
from touchline.page.tables import Section


@dataclass(frozen=True)
class Sections:
    """What most screens show: tables, below metrics; `cards` is None where there is none to show."""

    sections: tuple[Section, ...]
    cards: tuple[Card, ...] | None = None


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
    """

    name: str
    title: str
    queries: tuple[Query, ...]
    parameters: Callable[[Asked], dict[str, object]]
    build: Callable[[Asked, Mapping[str, Rows]], object]
    template: str = "sections.html"
    in_navigation: bool = True

    def query(self, name: str) -> Query | None:
        """Return the query of a name."""
        return next((query for query in self.queries if query.name == name), None)
