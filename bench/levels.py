"""How well planted anomalies of metrics are found, and how many are false: the figures of docs/metrics.md.

    python -m bench.levels

The series are those of `bench.planted_levels`, a year each, with one planted anomaly.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from bench.planted_levels import BOUND, make_up, tell_apart
from sinks.migrate import migrate
from sinks.open import open_database

DAYS = 365
UNJUDGED = 48
"""Days at the beginning of a series that have too little before them to be judged."""
CLEAR = 3
"""How many times as clearly as the bound asks an anomaly's observations speak for it, so that it should be found."""
SHARES = (0.5, 0.9, 0.95, 0.99)


@click.command()
@click.option("--sets", default=10, show_default=True, help="How many sets of series.")
@click.option("--series", "count", default=150, show_default=True, help="Series of a year in each.")
@click.option("--seed", default=101, show_default=True, help="Of the first set; each of the others has the next.")
def main(sets: int, count: int, seed: int) -> None:
    """Print what is found of the planted anomalies, and what is found besides."""
    off: list[int] = []
    missed, false, several = 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="touchline-levels-") as folder, ExitStack() as opened:
        database = open_database(f"chdb://{folder}/data")
        opened.callback(database.close)
        migrate(database)
        for number in range(seed, seed + sets):
            series = make_up(database, Path(folder) / "rows.tsv", count, DAYS, number)
            told = tell_apart(database, series)
            clear = {name: planted for name, planted in series.items() if planted.evidence >= CLEAR * BOUND}
            off += [abs(told.starts[name] - planted.start) for name, planted in clear.items() if name in told.starts]
            missed += sum(name not in told.starts for name in clear)
            false += sum(told.false.values())
            several += sum(alarms > 1 for alarms in told.false.values())
    months = sets * count * (DAYS - UNJUDGED) * 24 // 730
    starts = ", ".join(f"{hours} h for {share:.0%}" for share, hours in _quantiles(off))
    print(f"{sets * count} series of a year; {len(off) + missed} with a clear anomaly, {missed} of these missed")
    print(f"its start is off by at most: {starts}")
    print(f"{false} false alarms in {sets * count} years; of {months:,} months of a series {several} had two or more")


def _quantiles(off: Sequence[int]) -> list[tuple[float, int]]:
    ordered = sorted(off)
    return [(share, ordered[round(share * (len(ordered) - 1))]) for share in SHARES]


if __name__ == "__main__":
    main()
