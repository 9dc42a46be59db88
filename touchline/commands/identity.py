"""`touchline identity`: tells whose an identity is and why; links two of them, or parts them."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click
from rich.table import Table

from schemas.identity_links import CUSTOMER, Identity
from sinks.open import open_database
from streams import settings
from streams.agents.identities import identities_of, looked_up_by
from touchline.database import address_of
from touchline.errors import CommandError
from touchline.identity.between import Stated, between
from touchline.identity.deciding import decide, identity_of
from touchline.identity.known import LIMIT, Known, known_of
from touchline.options import data_option
from touchline.terminal import result_console, say, styled

_REASONS = {
    "two_customers": "each is a customer's: {}",
    "too_many": "one of the two was stated with too many others",
    "too_connected": "too many identifiers are connected by such links",
}

_WIDEST = 100_000
"""Characters of a row in a pipe: more than identities and ids can have."""


@click.group()
def command() -> None:
    """Tell whose an identity is and why; link two identities, or part them.

    An identity is a customer's id, or a kind and a value: email:ann@example.com, phone:+442079460958, cookie:k-17. A
    name as views show it, anon:cookie:k-17, is that profile's. An id with a colon is written customer:ID.
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
    configured, one, other = _read(first, second)
    _decide(configured, "link", one, other)


@command.command()
@click.argument("first")
@click.argument("second")
@click.option(
    "--anyway", is_flag=True, help="Write it, also where no touchpoint in the tables states the two together."
)
@data_option
def unlink(first: str, second: str, anyway: bool, data: Path | None) -> None:
    """Say that FIRST and SECOND are not one person's by what was stated so far; what is stated later counts again.

    That parts two which touchpoints link themselves. Of two that are linked by way of others, it names the links.
    """
    configured, one, other = _read(first, second)
    # Nothing but a decision links two customers.
    if not anyway and {one[0], other[0]} != {CUSTOMER}:
        database = open_database(address_of(data) if data else configured.clickhouse)
        try:
            found = between(database, one, other, identities_of(configured))
        finally:
            database.close()
        # Who has so many that not all were looked at may have been given them, so that the link is not found.
        if len(found.way) != 1 and not found.decided and found.is_whole:
            _explain(found.way, one, other)
            raise CommandError("nothing was written; --anyway writes it all the same")
    _decide(configured, "unlink", one, other)


def _read(first: str, second: str) -> tuple[settings.Settings, Identity, Identity]:
    configured = settings.load()
    identities = identities_of(configured)
    return configured, identity_of(first, identities), identity_of(second, identities)


def _decide(configured: settings.Settings, action: Literal["link", "unlink"], one: Identity, other: Identity) -> None:
    done = asyncio.run(decide(configured, action, one, other))
    verb = "linked" if action == "link" else "parted"
    say(f"{verb} {' '.join(done.first)} and {' '.join(done.second)}; the workers take it up within seconds")


def _explain(way: Sequence[Stated], one: Identity, other: Identity) -> None:
    """Say that nothing links two identities themselves, and what links them."""
    say(f"No touchpoint in the tables links {_named(one)} and {_named(other)} themselves: that parts nothing.")
    if not way:
        say("No links that touchpoints in the tables state lead from one to the other.")
        return
    say("They are one person's by these links:")
    for link in way:
        say(f"  {_named(link.first)} and {_named(link.second)}, stated by {link.event_id} at {link.occurred_at}")
    say("Unlink one of these instead, the one that is wrong:")
    for link in way:
        say(f"  touchline identity unlink {shlex.quote(_named(link.first))} {shlex.quote(_named(link.second))}")


def _named(identity: Identity) -> str:
    return ":".join(identity)


def _print(known: Known) -> None:
    console = result_console()
    table = Table(box=None, pad_edge=False)
    for title in ("identity", "whose", "since", "by event", "known from", "until"):
        # Two values whose ends are cut look alike.
        table.add_column(title, overflow="fold")
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
    if not console.is_terminal:
        # In a pipe a row is a line, however long.
        console.width = console.measure(table, options=console.options.update(max_width=_WIDEST)).maximum
    console.print(table)
    for refused in known.refused:
        why = _REASONS[refused.reason].format(" and ".join(refused.customer_ids))
        say(
            f"no link: {refused.kind}:{refused.value} and {refused.other_kind}:{refused.other_value}, "
            f"stated by {refused.event_id} at {refused.occurred_at}: {why}"
        )
    if len(known.owned) == LIMIT:
        say(f"the first {LIMIT} only; the view `identities` has all", err=True)
