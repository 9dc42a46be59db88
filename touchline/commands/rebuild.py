"""`touchline rebuild`: computes everything anew from the input topics, also with more partitions."""

from __future__ import annotations

import asyncio

import click

from sinks.open import open_database
from sinks.release import check_release
from streams import settings
from streams.settings import mask
from touchline.rebuild.plan import describe
from touchline.rebuild.run import look, rebuild
from touchline.terminal import Steps, progress_console, say


@click.command()
@click.option("--yes", is_flag=True, help="Do it without asking.")
def command(yes: bool) -> None:
    """Delete all that was computed, so that the workers compute it anew from the input topics.

    Stop all workers and sinks before, and start them after. For more partitions, set TOUCHLINE_PARTITIONS to
    the new number, here and for every process; nothing else has to be set. A rebuild that was interrupted is
    finished by running it again.
    """
    configured = settings.load()
    plan, held = asyncio.run(look(configured))
    database = open_database(configured.clickhouse)
    try:
        check_release(database.version())
        for line in describe(plan, held, mask(configured.clickhouse)):
            say(line)
        if not yes:
            click.confirm("Go on?", abort=True)
        with Steps(progress_console()) as steps:
            asyncio.run(rebuild(configured, database, steps.begin))
    finally:
        database.close()
    say(
        f"Done. Start all workers and sinks, with TOUCHLINE_PARTITIONS={configured.partitions} and the other settings "
        "as they were."
    )
