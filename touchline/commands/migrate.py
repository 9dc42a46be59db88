"""`touchline migrate`: creates the tables, or brings them up to date."""

from __future__ import annotations

import click

from sinks.migrate import migrate
from sinks.open import open_writer
from streams import settings


@click.command()
def command() -> None:
    """Create the tables and views in ClickHouse, or bring them up to date. May be repeated."""
    configured = settings.load()
    writer = open_writer(configured.clickhouse)
    try:
        applied = migrate(writer, configured.retention_days)
    finally:
        writer.close()
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("The tables are up to date.")
