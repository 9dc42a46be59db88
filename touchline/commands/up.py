"""`touchline up`: runs the stack of the demo until Ctrl-C."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click

from touchline.database import fresh
from touchline.demo import CHECK_S, running_stack
from touchline.stack.ports import HOST
from touchline.terminal import say


@click.command()
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Leave the database in this new folder, by default in a temporary one.",
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 16))
def command(keep: Path | None, workers: int) -> None:
    """Run an embedded broker, workers and sink until Ctrl-C.

    The broker keeps its topics in memory: they end with it. The database stays. It can be queried, and looked at on
    a page, while the stack runs, and afterwards.
    """
    database = fresh(keep) if keep else Path(tempfile.mkdtemp(prefix="touchline-up-"))
    with running_stack(database) as (stack, _):
        stack.start_sink()
        stack.start_workers(workers)
        say(f"Kafka:    {stack.kafka}")
        say(f"Database: {database}")
        say(f"Publish:  TOUCHLINE_KAFKA={stack.kafka} touchline publish FILE.jsonl")
        port = stack.start_page()
        say(f"Page:     http://{HOST}:{port}/")
        say(f'Query:    touchline query "SELECT ..." --data {database}')
        while True:
            stack.check()
            for remark in stack.remarks():
                say(remark, err=True)
            time.sleep(CHECK_S)
