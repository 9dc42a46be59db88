"""`touchline migrate`: creates the tables, or brings them up to date."""

from __future__ import annotations

import click

from sinks.open import open_database
from streams import settings
from touchline.migrating import migrate_as_configured
from touchline.terminal import say


@click.command()
def command() -> None:
    """Create the tables and views in ClickHouse, or bring them up to date. May be repeated."""
    configured = settings.load()
    database = open_database(configured.clickhouse)
    try:
        applied = migrate_as_configured(database, configured)
    finally:
        database.close()
    for name in applied:
        say(f"applied {name}")
    if not applied:
        say("The tables are up to date.")
