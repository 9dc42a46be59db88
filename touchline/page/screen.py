"""What a screen is: its address, its queries, and how it is made of their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from touchline.page.asked import Asked
from touchline.page.query import Query, Rows


@dataclass(frozen=True)
class Screen:
    """One screen.

    Attributes:
        name: its address without the slash.
        title: a text of the catalogues.
        queries: what it asks.
        parameters: the values that the queries name, of what an address asks for; may raise AskedError.
        build: makes what the template shows of the rows of each query, by the queries' names.
        in_navigation: whether it can be gone to without saying more.
    """

    name: str
    title: str
    queries: tuple[Query, ...]
    parameters: Callable[[Asked], dict[str, object]]
    build: Callable[[Asked, Mapping[str, Rows]], object]
    in_navigation: bool = True

    @property
    def template(self) -> str:
        """The file that shows it."""
        return f"{self.name}.html"

    def query(self, name: str) -> Query | None:
        """Return the query of a name."""
        return next((query for query in self.queries if query.name == name), None)
