"""The section of the report on who the customers are: how many are known, and examples of whom links put together."""

from __future__ import annotations

from rich.console import Console

from touchline.report.formatting import short_moment, what_happened
from touchline.report.people import Appearance, People, Stitched
from touchline.report.printing import heading, say, say_indented

NAMES = {
    "": "with the customer's number",
    "email": "with an e-mail address",
    "phone": "by a telephone",
    "loyalty_card": "with a loyalty card",
    "twitter": "by a Twitter name",
    "device": "on a device",
    "cookie": "in a browser",
}
"""How somebody comes who is known by an identity of a kind; other kinds are accounts."""


def print_people(people: People, console: Console) -> None:
    """Print the section."""
    heading("Who they are", console)
    if not people.touchpoints:
        say("Nobody came.", console)
        return
    named, linked = (f"{part / people.touchpoints:.0%}" for part in (people.named, people.linked))
    say(f"{named} of the touchpoints are of customers who are known by name.", console)
    if people.linked:
        say(f"{linked} of all are theirs by a link alone: they state a cookie, address or such.", console)
    for one in people.stitched:
        say(f"{one.customer_id}, put together in one journey:", console)
        say_indented(_lines(one), console, "dim")


def _lines(one: Stitched) -> list[str]:
    return [f"{short_moment(step.at)}  {_came(step)}" for step in one.appearances]


def _came(step: Appearance) -> str:
    how = NAMES.get(step.identity, f"by an account of {step.identity}")
    return f"{how}: {what_happened(step.kind, step.action)}"
