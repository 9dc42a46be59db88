"""`touchline worker`: runs a stream worker against the configured Kafka."""

from __future__ import annotations

import click

from streams import settings
from streams.process.run import run_worker


@click.command()
@click.pass_context
def command(context: click.Context) -> None:
    """Run a stream worker: it reads touchpoints, makes journeys, writes facts and signals.

    Start as many as you like, up to the number of partitions. It ends on SIGTERM or Ctrl-C.
    """
    context.exit(run_worker(settings.load()))
