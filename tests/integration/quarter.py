"""`python -m tests.integration.quarter`: holds the views of service against the oracle on a simulated quarter."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import click

from tests.integration import kept
from tests.oracle import service
from tests.oracle.compare import World
from tests.oracle.touchpoints import moment, read
from touchline.simulate import write_simulation

SHOWN = 20
PATIENCE_S = 4 * 3600


@click.command()
@click.option("--customers", default=20_000, show_default=True, help="Simulated customers.")
@click.option("--days", default=90, show_default=True, help="Simulated days.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same quarter.")
def main(customers: int, days: int, seed: int) -> None:
    """Play a simulated quarter as `touchline demo` does; say how long each view takes, and where it differs."""
    with tempfile.TemporaryDirectory(prefix="touchline-quarter-") as name:
        file, database = Path(name) / "quarter.jsonl", Path(name) / "kept"
        write_simulation(customers, days, seed, file)
        began = time.monotonic()
        kept.touchline("demo", "--input", file, "--keep", database, patience_s=PATIENCE_S)
        click.echo(f"played in {time.monotonic() - began:.0f} s")
        views: dict[str, list[dict[str, Any]]] = {}
        for view in ("clocks", "sentiment_shifts", "customers", *service.VIEWS):
            began = time.monotonic()
            views |= kept.rows(database, view)
            click.echo(f"{view}: {len(views[view]):,} rows in {time.monotonic() - began:.1f} s")
        scored = dict(kept.ask(database, "SELECT event_id, sentiment FROM touchpoints WHERE sentiment IS NOT NULL"))
        lines = kept.lines(file)
        click.echo(f"comparing with {len(lines):,} lines")
        clock = min(moment(row["time"]) or 0 for row in views["clocks"])
        spend = [line for line in lines if line["kind"] == "marketing_spend"]
        found = service.differences(World.of(read(lines, scored), views, clock), views, spend)
    click.echo("\n".join([*found[:SHOWN], f"{len(found):,} differences"]))
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
