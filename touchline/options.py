"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of an embedded database, such as `touchline demo --keep` leaves.",
)
