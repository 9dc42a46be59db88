"""`touchline page`: serves the page that people look at."""

from __future__ import annotations

from pathlib import Path

import click

from streams import settings
from touchline.database import address_of
from touchline.options import data_option
from touchline.page.run import run_page


@click.command()
@data_option
def command(data: Path | None) -> None:
    """Serve a page of what the views say: whom we hurt, when and why, what is open, whether it got better.

    Without --data it reads the ClickHouse that TOUCHLINE_CLICKHOUSE names. It listens on this machine alone, unless
    TOUCHLINE_PAGE_HOST and TOUCHLINE_PAGE_TOKEN say otherwise. It ends on SIGTERM or Ctrl-C.
    """
    run_page(settings.load(clickhouse=address_of(data)) if data else settings.load())
