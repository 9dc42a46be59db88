"""The section of the report on who the customers are: how many are known, and an example of whom links put together."""

from __future__ import annotations

from rich.console import Console

from touchline.report.formatting import short_moment, what_happened
from touchline.report.people import Appearance, People
from touchline.report.printing import Cell, Part, Rows, Said, print_section

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
    if not people.touchpoints:
        print_section("Who they are", [Said("Nobody came.")], console)
        return
    named, linked = (f"{part / people.touchpoints:.0%}" for part in (people.named, people.linked))
    parts: list[Part] = [Said(f"{named} of the touchpoints are of customers who are known by name.")]
    if people.linked:
        parts.append(Said(f"{linked} of all are theirs by a link alone: they state a cookie, address or such."))
    if people.stitched is not None:
        others = people.stitched_people - 1
        also = f" and {others:,} others are" if others > 1 else " and another one are" if others else " is"
        parts.append(Said(f"{people.stitched.customer_id}{also} put together in one journey, the first so:"))
        rows: list[list[Cell]] = [[f"  {_line(step)}"] for step in people.stitched.appearances]
        parts.append(Rows(("",), rows, "SELECT * FROM identities"))
    print_section("Who they are", parts, console)


def _line(step: Appearance) -> str:
    how = NAMES.get(step.identity, f"by an account of {step.identity}")
    return f"{short_moment(step.at)}  {how}: {what_happened(step.kind, step.action)}"
