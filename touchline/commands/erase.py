"""`touchline erase`: erases a customer, proves it by counting what is left, and says what ends in Kafka when."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import click
from aiokafka.errors import KafkaConnectionError
from rich.table import Table

from sinks.errors import PermanentWriteError
from sinks.open import open_database
from streams import settings
from streams.runtime.clock import wall_clock
from streams.settings import Settings
from touchline.database import address_of
from touchline.erase import embedded
from touchline.erase.ends import ends, line_of
from touchline.erase.left import await_sink, rows_left, state_left
from touchline.erase.letters import DeadLetters
from touchline.erase.links import forget_links, left_in_links
from touchline.erase.order import Erased, decided, give_order, identities_named
from touchline.errors import CommandError
from touchline.options import data_option
from touchline.terminal import Steps, progress_console, result_console, say


@click.command()
@click.argument("customer", required=False)
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option("--check", "erasure_id", metavar="ID", help="Prove an erasure that was ordered before, instead.")
@click.option(
    "--unsure-letters",
    is_flag=True,
    help="Delete dead letters, too, that nobody can read and that hold one of their identifiers anywhere: a word that "
    "others use, too, takes theirs with it.",
)
@click.option("--wait", "wait_s", default=120.0, show_default=True, help="Seconds to wait for workers and sinks.")
@data_option
@click.pass_context
def command(
    ctx: click.Context,
    customer: str | None,
    yes: bool,
    erasure_id: str | None,
    unsure_letters: bool,
    wait_s: float,
    data: Path | None,
) -> None:
    """Erase whoever CUSTOMER is, and all identifiers that are linked to them.

    CUSTOMER is a customer's id, a kind and a value (email:ann@example.com), or a profile's name as views show it. An id
    with a colon is written customer:ID. Rows, state, links and dead letters are deleted. What happened up to now goes
    nowhere, also if it is published again; what happens later begins a new profile. Workers and sinks have to run. The
    exit status is 1 if anything is left.
    """
    if (customer is None) == (erasure_id is None):
        raise click.UsageError("name a CUSTOMER, or an erasure with --check")
    if unsure_letters and customer is None:
        raise click.UsageError("--unsure-letters is a part of an order: name a CUSTOMER")
    configured = settings.load()
    in_memory = _in_memory(configured, data)
    if customer is not None:
        identities = identities_named(configured, customer)
        if not yes:
            shown = " or ".join(f"{kind} {value}" for kind, value in identities)
            click.confirm(f"Erase {shown}, and whoever that belongs to? Nothing brings them back.", abort=True)
        erasure_id = asyncio.run(give_order(configured, identities, unsure_letters=unsure_letters)).erasure_id
        say(f"order {erasure_id} is given")
    with Steps(progress_console()) as steps:
        steps.begin("waiting until it is decided what is theirs")
        erased = asyncio.run(decided(configured, str(erasure_id), wait_s))
    say(f"{len(erased.rows.customer_keys)} identities are theirs")
    if in_memory:
        with Steps(progress_console()) as steps:
            steps.begin("waiting until the sink has deleted the rows")
            left = embedded.prove(configured, erased, wait_s)
        _print({}, left)
        told = embedded.said_of(erased.erasure.erasure_id)
    else:
        left = _prove(configured, erased, wait_s, address_of(data) if data else configured.clickhouse)
        told = [*map(line_of, asyncio.run(ends(configured, wall_clock())))]
    for line in (*told, "metrics, which name nobody, stay as they are"):
        say(line)
    if any(left.values()):
        say(f"LEFT: {', '.join(f'{count} in {name}' for name, count in left.items() if count)}", err=True)
        ctx.exit(1)
    say("nothing is left in tables, state, links and dead letters; what other topics hold ends as above")


def _in_memory(configured: Settings, data: Path | None) -> bool:
    """Return whether Kafka is the broker of `touchline up`, which keeps all in memory."""
    try:
        return asyncio.run(embedded.is_embedded(configured))
    except KafkaConnectionError as error:
        if data is None:
            raise
        raise CommandError(
            "Kafka does not answer; look at TOUCHLINE_KAFKA. Workers and sinks erase, and those of a demo have ended: "
            f"all that it has left is in {data}. Delete that folder"
        ) from error


def _prove(configured: Settings, erased: Erased, wait_s: float, url: str) -> Mapping[str, int]:
    """Have links and dead letters deleted in Kafka, wait for the sink, and return what is left, by table and topic."""
    erasure, rows, parts = erased
    letters = DeadLetters(configured, rows)
    gone = {}
    with Steps(progress_console()) as steps:
        steps.begin("deleting links in Kafka")
        gone["links in Kafka"] = asyncio.run(forget_links(configured, wait_s))
        steps.begin("deleting dead letters in Kafka")
        gone["dead letters in Kafka"] = asyncio.run(letters.forget(wait_s))
    try:
        database = open_database(url)
    except PermanentWriteError as error:
        raise CommandError(
            f"{error}. The rows are deleted by the sink that has it open; have it proved when that has stopped, and "
            f"Kafka still runs: touchline erase --check {erasure.erasure_id}"
        ) from error
    with Steps(progress_console()) as steps:
        steps.begin("waiting until the sink has deleted the rows")
        try:
            deleted = asyncio.run(await_sink(database, parts, wait_s))
            left = dict(rows_left(database, configured, rows))
        finally:
            database.close()
        steps.begin("counting what is left in state, links and dead letters")
        left["state"] = asyncio.run(state_left(configured, rows, erasure))
        left["links in Kafka"] = asyncio.run(left_in_links(configured))
        left["dead letters in Kafka"] = sum(asyncio.run(letters.count()).values())
    _print({**deleted, **gone}, left)
    if letters.unsure:
        say(
            f"{letters.unsure} dead letters that nobody can read hold a word that is an identifier of theirs, where it "
            "may be anything: they stay. Look at them (touchline dlq list); to have them deleted, give the order again "
            "with --unsure-letters"
        )
    return left


def _print(deleted: Mapping[str, int], left: Mapping[str, int]) -> None:
    table = Table("what", "deleted", "left", box=None, pad_edge=False)
    for name, count in left.items():
        table.add_row(name, str(deleted[name]) if name in deleted else "", str(count))
    result_console().print(table)
