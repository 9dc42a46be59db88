"""The page as a browser meets it: its ASGI application over a database of the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser

from starlette.testclient import TestClient

from sinks.database import Database
from streams.identity.identities import Identities
from touchline.page.access import Access
from touchline.page.app import build_app, page_of
from touchline.page.reader import Reader

PERIOD = "since=2024-04-30&until=2024-05-02"
"""The days of the plain rows."""
HERE = "http://127.0.0.1:8090"
NOW = 1_714_700_000_000
"""2024-05-03, two days after the plain rows, ms."""


class Lent:
    """A database that outlives the page."""

    def __init__(self, database: Database) -> None:
        self.query = database.query
        self.execute = database.execute
        self.ping = database.ping
        self.version = database.version

    def close(self) -> None:
        """Leave it open."""


@contextmanager
def page_over(database: Database, access: Access | None = None) -> Iterator[TestClient]:
    """Serve the page, and return a browser."""
    reader = Reader([Lent(database)])
    app = build_app(
        page_of(reader, access or Access(None, "127.0.0.1"), [Identities("GB")], clock=lambda: NOW, patience_s=60)
    )
    try:
        yield TestClient(app, base_url=HERE, follow_redirects=False)
    finally:
        reader.close()


def shown(browser: TestClient, path: str) -> Shown:
    """Return what a screen shows."""
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return Shown(answer.text)


class Shown(HTMLParser):
    """What of HTML is shown: its texts and tags, and where its scripts are; None for one that stands in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.scripts: set[str | None] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "script":
            self.scripts.add(dict(attrs).get("src"))

    def handle_data(self, data: str) -> None:
        if text := " ".join(data.split()):
            self.texts.append(text)

    @property
    def text(self) -> str:
        return " ".join(self.texts)
