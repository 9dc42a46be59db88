"""`touchline demo`: everything on this machine, from touchpoints to a report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import click

from streams import settings
from touchline import demo
from touchline.commands.publish import REJECTED_STATUS
from touchline.database import address_of, fresh
from touchline.demo_folder import hold_demo_folder
from touchline.errors import CommandError
from touchline.page.run import run_page
from touchline.terminal import progress_console, result_console, say

SAMPLE = "sample.jsonl"


@click.command()
@click.option(
    "--input",
    "inputs",
    metavar="FILE.jsonl",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Touchpoints to publish; may be repeated. The default is a sample shop.",
)
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Leave the database in this new folder; by default it stays in a temporary one until the next demo.",
)
@click.option("--page", is_flag=True, help="Serve a page of what is in the database, until Ctrl-C.")
@click.pass_context
def command(context: click.Context, inputs: tuple[Path, ...], keep: Path | None, page: bool) -> None:
    """Run everything on this machine and print a report; it needs no server.

    Starts an embedded Kafka broker, workers and an embedded ClickHouse, publishes the input, waits
    until all of it is in the tables, and stops everything again.
    """
    with resources.as_file(resources.files("touchline") / SAMPLE) as sample, _database_folder(keep) as database:
        if not inputs and not sample.is_file():
            raise CommandError("this installation has no sample; name a file with --input FILE.jsonl")
        published = demo.run(inputs or (sample,), database, progress_console())
        bad_lines = sum(source.lines for source in published.rejected)
        demo.report(database, address_of(database), result_console(), bad_lines)
        if page:
            run_page(settings.load(clickhouse=address_of(database)))
    if published.rejected:
        context.exit(REJECTED_STATUS)


@contextmanager
def _database_folder(keep: Path | None) -> Iterator[Path]:
    """Hold the folder for the database; at the end, name the folder that was chosen here."""
    if keep is not None:
        yield fresh(keep)
        return
    with hold_demo_folder() as folder:
        yield folder.database
        fate = "the next demo replaces it" if folder.replaced else "delete it when you are done"
        say(err=True)
        say(f"The database is in {folder.database}; {fate}.", err=True)
