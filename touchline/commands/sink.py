"""`touchline sink`: the ClickHouse writers."""

from __future__ import annotations

import click

from streams import settings
from streams.app import run_sink


@click.command()
def command() -> None:
    """Write facts to ClickHouse in large blocks. It ends on SIGTERM or Ctrl-C."""
    run_sink(settings.load())
