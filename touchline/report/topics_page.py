"""The section of the report on what people talk about."""

from __future__ import annotations

from rich.console import Console

from touchline.report.printing import Cell, Part, Rows, Said, print_section
from touchline.report.topics import Topic, Topics


def print_topics(topics: Topics, console: Console) -> None:
    """Print the section."""
    parts: list[Part] = [Said("No topic was found in what they say.")]
    if topics.most:
        columns = ("", "times", "customers", "sound bad", "sound good")
        parts = [Rows(columns, [_row(topic) for topic in topics.most], "SELECT * FROM topics", topics.others)]
    if topics.growing:
        growing = "; ".join(f"{one.name} {one.mentions:,}, before {one.before:,}" for one in topics.growing)
        parts.append(Said(f"More often in the last 14 days than in the 14 before: {growing}.", "yellow"))
    print_section("What people talk about", parts, console)


def _row(topic: Topic) -> list[Cell]:
    shares = (f"{part / topic.scored:.0%}" if topic.scored else "-" for part in (topic.negative, topic.positive))
    return [topic.name, f"{topic.mentions:,}", f"{topic.customers:,}", *shares]
