"""The section of the report on what people talk about."""

from __future__ import annotations

from rich.console import Console

from touchline.report.printing import heading, new_table, say
from touchline.report.topics import Topics
from touchline.terminal import styled


def print_topics(topics: Topics, console: Console) -> None:
    """Print the section."""
    heading("What people talk about", console)
    if not topics.most:
        say("No topic was found in what they say.", console)
        return
    table = new_table("", "times", "customers", "sound bad", "sound good")
    for topic in topics.most:
        bad, good = (f"{part / topic.scored:.0%}" if topic.scored else "-" for part in (topic.negative, topic.positive))
        table.add_row(styled(topic.name), f"{topic.mentions:,}", f"{topic.customers:,}", bad, good)
    console.print(table)
    if topics.growing:
        growing = "; ".join(f"{one.name} {one.mentions:,}, before {one.before:,}" for one in topics.growing)
        say(f"More often in the last 14 days than in the 14 before: {growing}.", console, "yellow")
