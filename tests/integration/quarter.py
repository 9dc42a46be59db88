"""`python -m tests.integration.quarter`: holds the views against the oracle on a simulated quarter."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from servers.kafka import Kafka
from tests.integration import kept
from tests.integration.installation import Installation
from tests.integration.present import write_present
from tests.oracle import insight, service
from tests.oracle.compare import Views, World, metric_differences, shift_differences
from tests.oracle.level_views import COMPARED
from tests.oracle.touchpoints import moment, read

GRAINS = ("1h", "1d", "1w", "1mo")
"""Of metrics. Minutes are as many rows as touchpoints, and hours are their sums; on the sample they are compared."""
SHOWN = 20
WORKERS = 2
PATIENCE_S = 4 * 3600.0
KILLED_AFTER_S = (5.0, 60.0)
VIEWS = ("customers", "sentiment_shifts", "rolling_metrics", *service.VIEWS, *insight.VIEWS, *insight.LEVEL_VIEWS)
"""The views that are compared, each of which must have rows: of a quarter that ends now they all do."""


@click.command()
@click.option("--customers", default=20_000, show_default=True, help="Simulated customers.")
@click.option("--days", default=90, show_default=True, help="Simulated days.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same quarter on the same day.")
@click.option("--kills", default=0, show_default=True, help="How often a worker is killed at work (kill -9).")
@click.option("--rebuilt", is_flag=True, help="Rebuild all of it then, and look again.")
def main(customers: int, days: int, seed: int, kills: int, rebuilt: bool) -> None:
    """Play a simulated quarter that ends today, on Apache Kafka; say how long each view takes, and where it differs."""
    with tempfile.TemporaryDirectory(prefix="touchline-quarter-") as name:
        folder = Path(name)
        file = folder / "quarter.jsonl"
        write_present(customers, days, seed, file)
        kafka = Kafka(folder)
        kafka.start()
        try:
            found = _played(kafka, folder, file, random.Random(seed), kills, rebuilt)
        finally:
            kafka.stop()
    raise SystemExit(bool(found))


def _played(kafka: Kafka, folder: Path, file: Path, chance: random.Random, kills: int, rebuilt: bool) -> int:
    """Play the file, once more after a rebuild if that is asked for; return how many differences there are."""
    installation = Installation(kafka, folder, partitions=4, timer_delay_s=0, idle_s=5, metric_dimensions="")
    installation.pipeline.publish(file)
    found = _run(installation, file, chance, kills)
    if rebuilt:
        installation.rebuild()
        found += _run(installation, file, chance, kills)
    return found


def _run(installation: Installation, file: Path, chance: random.Random, kills: int) -> int:
    """Run workers and a sink until all is stored, a worker killed at random moments; return the differences."""
    began = time.monotonic()
    *workers, _ = installation.begin(WORKERS)
    for _ in range(kills):
        time.sleep(chance.uniform(*KILLED_AFTER_S))
        worker = chance.choice(workers)
        worker.kill9()
        worker.start()
    installation.pipeline.drain(PATIENCE_S)
    installation.end()
    click.echo(f"played in {time.monotonic() - began:.0f} s, with {kills} kills")
    return _differences(installation.database, file)


def _differences(database: Path, file: Path) -> int:
    """Read the views, show where they differ from the lines, and return how often they do."""
    views: dict[str, list[dict[str, Any]]] = {}
    some = {"rolling_metrics": "grain != '1m'", **dict.fromkeys(insight.LEVEL_VIEWS, COMPARED)}
    for view in ("clocks", *VIEWS):
        began = time.monotonic()
        views |= kept.rows(database, view, where=some.get(view, "true"))
        click.echo(f"{view}: {len(views[view]):,} rows in {time.monotonic() - began:.1f} s")
    scored = dict(kept.ask(database, "SELECT event_id, sentiment FROM touchpoints WHERE sentiment IS NOT NULL"))
    lines = kept.lines(file)
    click.echo(f"comparing with {len(lines):,} lines")
    clock = min(moment(row["time"]) or 0 for row in views["clocks"])
    topics = dict(kept.ask(database, "SELECT event_id, topics FROM touchpoints WHERE notEmpty(topics)"))
    found = [f"{view}: there are no rows to compare" for view in VIEWS if not views[view]]
    for name, differences in _comparisons(lines, scored, topics, views, clock):
        began, before = time.monotonic(), len(found)
        found += differences()
        click.echo(f"{name}: {len(found) - before:,} differences in {time.monotonic() - began:.0f} s")
    click.echo("\n".join([*found[:SHOWN], f"{len(found):,} differences"]))
    return len(found)


def _comparisons(
    lines: list[dict[str, Any]], scored: dict[str, float | None], topics: dict[str, list[str]], views: Views, clock: int
) -> Iterator[tuple[str, Callable[[], list[str]]]]:
    """Yield what compares some views each, by a name for people."""
    world = World.of(read(lines, scored), views, clock)
    yield "service", lambda: service.differences(world, views, lines)
    yield "insight", lambda: insight.differences(world, views, lines, topics, attributes=())
    yield "metrics", lambda: metric_differences(world, world.observations, GRAINS, attributes=())
    yield "shifts", lambda: list(shift_differences(world))


if __name__ == "__main__":
    main()
