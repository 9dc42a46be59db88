"""Writes the tables of docs/operating.md that the code knows best: run `python docs/tables.py` after a change.

Each stands between `<!-- name -->` and `<!-- /name -->`; a test holds that they are up to date.
"""

from __future__ import annotations

from pathlib import Path

from schemas.topics import all_topics
from streams.runtime.telemetry import describe
from streams.settings import documented

PAGE = Path(__file__).parent / "operating.md"


def settings_table() -> str:
    """Return every setting with its default and meaning."""
    rows = [
        f"| `{setting.variable}` | {f'`{setting.default}`' if setting.default else ''} | {setting.meaning} |"
        for setting in documented()
    ]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


def topics_table() -> str:
    """Return every topic with what it is created with."""
    rows = [
        f"| `{topic.name}` | {', '.join(f'`{name}={value}`' for name, value in topic.config.items())} |"
        for topic in all_topics()
    ]
    return "\n".join(["| topic | created with |", "|---|---|", *rows])


TABLES = {"settings": settings_table, "topics": topics_table, "metrics": describe}


def with_tables(page: str) -> str:
    """Return a page with its tables as they should be."""
    for name, table in TABLES.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if page.count(start) != 1 or page.count(end) != 1:
            raise ValueError(f"the page should have {start.strip()} and {end} once each")
        before, rest = page.split(start)
        after = rest.split(end)[1]
        page = f"{before}{start}{table()}\n{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")
