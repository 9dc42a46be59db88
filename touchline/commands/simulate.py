"""`touchline simulate`: writes a realistic stream of touchpoints, and what it truly holds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from touchline.simulate import write_simulation
from touchline.terminal import say


@click.command()
@click.option("--customers", default=100, show_default=True, type=click.IntRange(min=1))
@click.option("--days", default=60, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=1, show_default=True, type=int, help="The same seed gives the same stream.")
@click.option(
    "--out",
    required=True,
    metavar="FILE.jsonl",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
)
@click.option(
    "--end",
    metavar="DATE",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day the stream ends, UTC. By default 2026-01-01.",
)
def command(customers: int, days: int, seed: int, out: Path, end: datetime | None) -> None:
    """Write a shop's stream of touchpoints to FILE.jsonl, and its truth to FILE.truth.json."""
    write_simulation(customers, days, seed, out, end.replace(tzinfo=UTC) if end else None)
    say(f"wrote {out} and {out.with_suffix('.truth.json')}")
