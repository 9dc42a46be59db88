"""`touchline sink`: runs a ClickHouse writer."""

from __future__ import annotations

import click

from streams import settings
from streams.process.run import run_sink


@click.command()
@click.pass_context
def command(context: click.Context) -> None:
    """Write facts to ClickHouse in large blocks. It ends on SIGTERM or Ctrl-C."""
    context.exit(run_sink(settings.load()))
