"""`touchline query`: queries the tables, embedded or on a server."""

from __future__ import annotations

from pathlib import Path

import click

from sinks.query import run_query
from streams import settings
from touchline.database import address_of
from touchline.options import data_option
from touchline.terminal import write


@click.command()
@click.argument("sql")
@data_option
@click.option(
    "--format",
    "output_format",
    metavar="F",
    help="A ClickHouse format: JSONEachRow, CSV, ... By default FORMAT of the SQL, or a table for people.",
)
def command(sql: str, data: Path | None, output_format: str | None) -> None:
    """Query the tables in SQL; `-` reads the SQL from standard input.

    A query is one statement that reads: it changes no table and no setting, and reads and writes no file or address.

    Without --data it queries the ClickHouse that TOUCHLINE_CLICKHOUSE names.
    """
    if sql == "-":
        sql = click.get_text_stream("stdin").read()
    url = address_of(data) if data else settings.load().clickhouse
    write(run_query(url, sql, output_format))
