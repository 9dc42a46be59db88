"""`touchline identity`: tells whose an identity is and why; links two of them, or parts them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

import click
from rich.table import Table

from sinks.open import open_database
from streams import settings
from streams.agents.identities import identities_of, looked_up_by
from touchline.database import address_of
from touchline.identity.deciding import decide, identity_of
from touchline.identity.known import LIMIT, Known, known_of
from touchline.options import data_option
from touchline.terminal import result_console, say, styled

_REASONS = {
    "two_customers": "each is a customer's: {}",
    "too_many": "one of the two was stated with too many others",
    "too_connected": "too many identifiers are connected by such links",
}


@click.group()
def command() -> None:
    """Tell whose an identity is and why; link two identities, or part them.

    An identity is a customer's id, or a kind and a value: email:ann@example.com, phone:+442079460958, cookie:k-17.
    """


@command.command()
@click.argument("identity")
@data_option
def show(identity: str, data: Path | None) -> None:
    """Show whose IDENTITY is, since when and by which event, the owner's others, and what links nothing.

    A value without its kind is looked for as each kind that it can be of.
    """
    configured = settings.load()
    url = address_of(data) if data else configured.clickhouse
    database = open_database(url)
    try:
        known = known_of(database, identity, *looked_up_by(configured))
    finally:
        database.close()
    if not known.owned and not known.refused:
        say(f"{identity}: linked to nothing. What is stated alone, such as a visitor's cookie, is its own profile.")
        return
    _print(known)


@command.command()
@click.argument("first")
@click.argument("second")
def link(first: str, second: str) -> None:
    """Say that FIRST and SECOND are one person; of two customers, both are FIRST from now on."""
    _decide("link", first, second)


@command.command()
@click.argument("first")
@click.argument("second")
def unlink(first: str, second: str) -> None:
    """Say that FIRST and SECOND are not one person's by what was stated so far; what is stated later counts again."""
    _decide("unlink", first, second)


def _decide(action: Literal["link", "unlink"], first: str, second: str) -> None:
    configured = settings.load()
    identities = identities_of(configured)
    done = asyncio.run(decide(configured, action, identity_of(first, identities), identity_of(second, identities)))
    verb = "linked" if action == "link" else "parted"
    say(f"{verb} {' '.join(done.first)} and {' '.join(done.second)}; the workers take it up within seconds")


def _print(known: Known) -> None:
    console = result_console()
    table = Table("identity", "whose", "since", "by event", "known from", "until", box=None, pad_edge=False)
    for one in known.owned:
        style = "" if one.superseded_at is None else "dim"
        cells = (
            f"{one.kind}:{one.value}",
            one.customer_id,
            one.since,
            one.event_id,
            one.known_from,
            one.superseded_at or "",
        )
        table.add_row(*(styled(cell, style) for cell in cells))
    console.print(table)
    for refused in known.refused:
        why = _REASONS[refused.reason].format(" and ".join(refused.customer_ids))
        say(
            f"no link: {refused.kind}:{refused.value} and {refused.other_kind}:{refused.other_value}, "
            f"stated by {refused.event_id} at {refused.occurred_at}: {why}"
        )
    if len(known.owned) == LIMIT:
        say(f"the first {LIMIT} only; the view `identities` has all", err=True)
