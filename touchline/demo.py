"""The demonstration: the whole stack on this machine, from lines of JSON to a database that holds all of it."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from sinks.database import Database
from sinks.open import open_database
from streams import settings as configuration
from streams.kafka.admin import create_topics
from streams.settings import Settings
from touchline.migrating import migrate_as_configured
from touchline.publish.run import Published, publish
from touchline.report import print_report, read_findings
from touchline.stack import Progress, Stack, Stage, wait_until_caught_up
from touchline.terminal import Steps

CHECK_S = 0.5
NO_TIMER_DELAY = {"TOUCHLINE_TIMER_DELAY_S": "0"}
"""All input is published before the workers start: no timer has to wait for late records."""
DIMENSIONS = {"TOUCHLINE_METRIC_DIMENSIONS": "region,product"}
"""The sample's attributes that its metrics are broken down by, unless the environment names others."""
STAGES: dict[Stage, str] = {
    "journeys": "making journeys of touchpoints",
    "identities": "finding out who is who",
    "storing": "writing the last rows",
}
EXAMPLE_QUERIES = (
    "SELECT kind, count() AS n FROM touchpoints GROUP BY kind ORDER BY n DESC",
    (
        "SELECT customer_id, onset_at, cause_kind, before_mean, after_mean FROM sentiment_shifts"
        " WHERE direction = 'worse' ORDER BY after_mean - before_mean LIMIT 10"
    ),
    (
        "SELECT bucket, value, ci_low, ci_high FROM rolling_metrics"
        " WHERE metric = 'nps' AND grain = '1d' AND dimension = 'all' ORDER BY bucket"
    ),
)
"""Queries that the report suggests."""


@contextmanager
def running_stack(database: Path, environment: Mapping[str, str] | None = None) -> Iterator[tuple[Stack, Settings]]:
    """Run a broker with its topics and an empty database; workers and sink are not started yet.

    When the block ends, however it ends, no process is left.

    Args:
        database: folder of the embedded database; empty, or not there.
        environment: further `TOUCHLINE_*` settings of the workers and the sink.

    Raises:
        SettingsError: a setting is wrong.
        StackError: the broker could not be started.
    """
    logs = tempfile.TemporaryDirectory(prefix="touchline-logs-")
    with logs as folder, Stack(Path(folder), database, environment) as stack:
        settings = configuration.load(
            kafka=stack.kafka,
            kafka_security="none",
            replication=1,
            clickhouse=stack.clickhouse,
        )
        stack.start_broker()
        asyncio.run(create_topics(settings))
        with _opened(settings.clickhouse) as tables:
            migrate_as_configured(tables, settings)
        yield stack, settings


def run(inputs: Sequence[Path], database: Path, console: Console) -> Published:
    """Publish the inputs, and return when all of them, and all that follows from them, are in the database.

    Args:
        inputs: files of JSON lines.
        database: folder to leave the database in; removed again when anything fails.
        console: shows progress and bad lines.

    Raises:
        ChildExitedError: a worker, the sink or the broker ended.
        SettingsError, StackError, OSError: it could not start.
    """
    try:
        with Steps(console) as steps:
            steps.begin("starting the broker and making the tables")
            with running_stack(database, {**DIMENSIONS, **_said(DIMENSIONS), **NO_TIMER_DELAY}) as (stack, settings):
                steps.begin("publishing " + ", ".join(path.name for path in inputs))
                published = publish(settings, inputs, console, steps.show)
                steps.begin(f"{STAGES['journeys']} ({published.sent:,})")
                stack.start_sink()
                stack.start_workers()
                asyncio.run(_wait(stack, settings, steps))
                stack.stop_sink()
    except BaseException:
        shutil.rmtree(database, ignore_errors=True)
        raise
    return published


def _said(defaults: Mapping[str, str]) -> dict[str, str]:
    """Return what the environment says of the variables that have a default here."""
    return {name: os.environ[name] for name in defaults if name in os.environ}


async def _wait(stack: Stack, settings: Settings, steps: Steps) -> None:
    """Wait until all is stored; a child that dies ends the wait with its cause."""
    stage: Stage = "journeys"

    def show(progress: Progress) -> None:
        nonlocal stage
        if progress.stage != stage:
            stage = progress.stage
            steps.begin(STAGES[stage])
        steps.show(progress.done, progress.total)

    waiting = asyncio.ensure_future(wait_until_caught_up(settings, int(time.time() * 1000), show))
    try:
        while not waiting.done():
            await asyncio.wait({waiting}, timeout=CHECK_S)
            stack.check()
            for remark in stack.remarks():
                steps.remark(remark)
        await waiting
    finally:
        waiting.cancel()


def report(database: Path, address: str, console: Console, bad_lines: int = 0) -> None:
    """Print the report of a database that no process has open.

    Args:
        database: its folder, as the examples name it.
        address: its address, for `sinks.open.open_database`.
        console: prints it.
        bad_lines: lines of the input that could not be published.
    """
    with _opened(address) as tables:

        def ask(sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
            lines = tables.query(sql, parameters, "JSONEachRow").splitlines()
            return [msgspec.json.decode(line, type=dict[str, Any]) for line in lines]

        findings = read_findings(ask)
    print_report(findings, console, example_commands(database), bad_lines)


def example_commands(database: Path) -> list[str]:
    """Return commands that ask the database in `database`, to be copied into a shell."""
    return [f'{_program()} query "{query}" --data {shlex.quote(str(database))}' for query in EXAMPLE_QUERIES]


def _program() -> str:
    """Return the name or the path by which a shell finds this program."""
    if shutil.which("touchline"):
        return "touchline"
    started_as = Path(sys.argv[0])
    if started_as.name == "touchline":
        return shlex.quote(sys.argv[0])
    return f"{shlex.quote(sys.executable)} -m touchline"


@contextmanager
def _opened(address: str) -> Iterator[Database]:
    tables = open_database(address)
    try:
        yield tables
    finally:
        tables.close()
