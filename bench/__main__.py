"""`python -m bench`: events a second through the pipeline, and the CPU cost of an event by stage and process."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import click

from bench.collect import run_collect
from bench.cookies import measure_cookies
from bench.dearest import measure_dearest
from bench.idle import run_idle
from bench.pipeline import Run, run_embedded, run_kafka
from bench.stages import measure_stages
from streams.journeys.rules import Rules
from touchline.simulate import write_simulation

IDLE_S = 30.0
COLLECT_S = 20.0
COOKIES, COOKIE_DAYS = 1_000_000, 200
COLLECT_LOADS = ((8, 100), (32, 1))
"""Clients of the HTTP collector, and touchpoints of each of their requests."""


@click.command()
@click.option("--customers", default=1_935, show_default=True, help="Simulated customers.")
@click.option("--days", default=45, show_default=True, help="Simulated days: the fewer, the more events a minute.")
@click.option("--rounds", default=3, show_default=True, help="Runs of each kind.")
@click.option("--workers", default=1, show_default=True, help="Stream workers.")
@click.option(
    "--only",
    type=click.Choice(["stages", "dearest", "cookies", "embedded", "kafka", "idle", "collect"]),
    help="Run only one part.",
)
@click.option("--partitions", default=[4, 32], multiple=True, show_default=True, help="Of an idle installation.")
def main(customers: int, days: int, rounds: int, workers: int, only: str | None, partitions: tuple[int, ...]) -> None:
    """Measure touchline on this machine."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}")
    print(f"yardstick: ten million additions in a Python loop take {_yardstick():.2f} s")
    with tempfile.TemporaryDirectory(prefix="touchline-bench-") as name:
        lines = Path(name) / "events.jsonl"
        write_simulation(customers, days, 1, lines)
        if only in {None, "stages"}:
            print("\nmicroseconds of CPU an event, each stage by itself in one process (median of rounds, spread)")
            for stage, costs in measure_stages(lines, rounds).items():
                print(f"  {stage:<34} {median(costs):6.1f}   ({min(costs):.1f} to {max(costs):.1f})")
        if only in {None, "dearest"}:
            print("\nmilliseconds of CPU for the dearest message of a robot, after 1,400 in order (mean of all)")
            for robot, (dearest, mean) in measure_dearest().items():
                print(f"  {robot:<34} {dearest:6.1f}   ({mean:.2f})")
        if only in {None, "cookies"}:
            _report_cookies()
        if only in {None, "embedded"}:
            _report("embedded (Tansu, chDB)", [run_embedded(lines, workers) for _ in range(rounds)])
        if only in {None, "kafka"}:
            _report("Apache Kafka, chDB", [run_kafka(lines, workers) for _ in range(rounds)])
        if only in {None, "idle"}:
            _report_idle(partitions)
        if only in {None, "collect"}:
            _report_collect(rounds)


def _yardstick() -> float:
    """Return the seconds that this machine, as busy as it is now, takes for fixed work; the best of three."""
    best = float("inf")
    for _ in range(3):
        began, total = time.perf_counter(), 0
        for number in range(10_000_000):
            total += number
        best = min(best, time.perf_counter() - began)
    return best


def _report_cookies() -> None:
    print(f"\ncookies that come once, {COOKIES:,} in {COOKIE_DAYS} days: what one worker keeps of them")
    for kept in measure_cookies(COOKIES, COOKIE_DAYS, Rules()):
        print(
            f"  day {kept.day:>3}  {kept.came:>9,} came  {kept.customers:>9,} in the state  "
            f"{kept.entries:>9,} in the changelog  {kept.memory_mb:6,.0f} MB"
        )


def _report_idle(partitions: Sequence[int]) -> None:
    print(f"\nidle: one worker on Apache Kafka, for {IDLE_S:.0f} s")
    for number in partitions:
        idle = run_idle(number, IDLE_S)
        gigabytes = idle.size * 86_400 / 1e9
        print(
            f"  {number:>4} partitions  {idle.records:8.1f} records/s  {idle.size / 1000:8.1f} kB/s "
            f"({gigabytes:.2f} GB a day)  {idle.cpu:5.0%} of a core"
        )


def _report_collect(rounds: int) -> None:
    print(f"\ntouchline collect on Apache Kafka, for {COLLECT_S:.0f} s; the clients are on this machine, too")
    for clients, batch in COLLECT_LOADS:
        runs = [run_collect(clients, batch, COLLECT_S) for _ in range(rounds)]
        rates = [run.rate for run in runs]
        print(
            f"  {clients:>3} clients, {batch:>4} touchpoints a request: {median(rates):8,.0f} touchpoints/s "
            f"({min(rates):,.0f} to {max(rates):,.0f}), {median(run.cpu_us for run in runs):.0f} us of CPU each, "
            f"answered in {median(run.p50_ms for run in runs):.0f} ms (p99 {median(run.p99_ms for run in runs):.0f}); "
            f"statuses {dict(sum((run.statuses for run in runs), Counter()))}"
        )


def _report(name: str, runs: Sequence[Run]) -> None:
    rates = [run.rate for run in runs]
    print(f"\n{name}: {runs[0].events:,} touchpoints, first read to last stored")
    print(f"  {median(rates):,.0f} events/s   ({min(rates):,.0f} to {max(rates):,.0f})")
    for process in runs[0].cpu_us:
        costs = [run.cpu_us[process] for run in runs]
        print(f"  {process:<10} {median(costs):6.1f} us of CPU an event   ({min(costs):.1f} to {max(costs):.1f})")


if __name__ == "__main__":
    main()
