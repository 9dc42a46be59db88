"""Runs workers and sinks as processes on real servers: starts, kills and awaits them, and reads what they stored."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from aiokafka.errors import UnknownTopicOrPartitionError
from rich.console import Console

from schemas.topics import all_topics
from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from sinks.migrate import migrate
from sinks.open import open_database
from streams.kafka.admin import create_topics, partition_counts
from streams.settings import Settings, load
from tests.contract.lowering import lowered
from tests.servers.process import watch
from tests.servers.rows import EVERY_DIMENSION, Rows, rows_of
from tests.servers.topics import delete_topics
from touchline.publish.run import publish
from touchline.stack import Progress, wait_until_caught_up
from touchline.stack.child import Child
from touchline.stack.ports import HOST, free_port

PATIENCE_S = 240.0
POLL_S = 0.05
PROGRESS = (
    "touchline_watermark",
    "touchline_partition_time",
    "touchline_settled_time",
    "touchline_consumer_lag",
    "touchline_waiting",
    "touchline_retries",
    "touchline_touchpoints_processed",
)


class App(Child):
    """A `touchline worker`, `sink`, `collect` or `notify`; it logs JSON."""

    def __init__(self, name: str, command: list[str], log: Path, environment: Mapping[str, str]) -> None:
        """Describe it; `start` runs it."""
        self._port = free_port()
        self._http_port = free_port()
        ports = dict.fromkeys(
            (f"TOUCHLINE_{role}METRICS_PORT" for role in ("", "SINK_", "COLLECT_", "NOTIFY_")), str(self._port)
        )
        super().__init__(name, command, log, {**environment, **ports, "TOUCHLINE_COLLECT_PORT": str(self._http_port)})

    @property
    def target(self) -> str:
        """Where Prometheus scrapes it."""
        return f"{HOST}:{self._port}"

    @property
    def door(self) -> str:
        """Where it takes touchpoints, if it is a `touchline collect`."""
        return f"{HOST}:{self._http_port}"

    def processed(self, stage: str) -> int:
        """Return how many touchpoints a stage has processed since it was started."""
        return self._counted(f'touchline_touchpoints_processed_total{{stage="{stage}"}} ')

    def retried(self, operation: str) -> int:
        """Return the number of retries of an operation since it was started."""
        return self._counted(f'touchline_retries_total{{operation="{operation}"}} ')

    def refused(self, reason: str) -> int:
        """Return how many messages it has refused for a reason since it was started."""
        return self._counted(f'touchline_messages_refused_total{{reason="{reason}",')

    def moved(self) -> int:
        """Return how many touchpoints have come to their owners since it was started."""
        return self._counted('touchline_touchpoints_moved_total{outcome="in time"} ')

    def signalled(self, topic: str) -> int:
        """Return how many signals it has sent to a topic since it was started."""
        return self._counted(f'touchline_signals_total{{topic="{topic}"}} ')

    def suppressed(self, topic: str) -> int:
        """Return how many signals it has not sent to a topic, since they were sent before a rebuild."""
        return self._counted(f'touchline_signals_suppressed_total{{topic="{topic}"}} ')

    def missing(self, topic: str) -> int:
        """Return how many rows of a topic it shows as missing in ClickHouse."""
        return self._counted(f'touchline_reconciliation_missing_rows{{topic="{topic}"}} ')

    def notified(self, target: str, outcome: str) -> int:
        """Return how many signals a target of `touchline notify` is done with in a way, since it was started."""
        return self._counted(f'touchline_notify_signals_total{{outcome="{outcome}",target="{target}"}} ')

    def is_paused(self, topic: str, partition: int) -> bool:
        """Return whether it shows an input partition as paused."""
        labels = f'{{partition="{partition}",topic="{topic}"}}'
        return self._counted(f"touchline_input_paused_timestamp_seconds{labels} ") > 0

    def waits_for(self, need: str) -> bool:
        """Return whether the process says that it waits for `kafka` or `clickhouse`."""
        return self._counted(f'touchline_waiting{{need="{need}"}} ') == 1

    def _counted(self, series: str) -> int:
        """Return the sum of the series that begin so; 0 while there is none, or no process."""
        return sum(int(float(line.rpartition(" ")[2])) for line in self._series() if line.startswith(series))

    def _series(self) -> list[str]:
        """Return the lines of its metrics, none where it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self._port}/metrics", timeout=2) as answer:
                return answer.read().decode().splitlines()  # type: ignore[no-any-return]
        except OSError:
            return []

    def stands(self) -> str:
        """Return how far it has come and its last log lines, for the message of a failure."""
        series = [line for line in self._series() if line.startswith(PROGRESS)]
        return "\n".join([f"{self.name}:", *series, self.tail()])

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return the log entries of an event, oldest first."""
        return [entry for entry in self._entries() if entry.get("event") == event]

    def complaints(self) -> list[dict[str, Any]]:
        """Return the log entries of warnings and errors, oldest first."""
        return [entry for entry in self._entries() if entry.get("level") in {"warning", "error", "critical"}]

    def _entries(self) -> list[dict[str, Any]]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{")]

    def ends_on(self, number: signal.Signals, timeout_s: float) -> int | None:
        """Send a signal; return the exit status.

        Raises:
            TimeoutError: it still runs.
        """
        self.send_signal(number)
        until(lambda: not self.running, f"{self.name} to end", timeout_s)
        status = self.status
        self.stop()
        return status


class Pipeline:
    """Touchline on a Kafka and a ClickHouse, in consumer groups of its own.

    Attributes:
        settings: those of all its processes.
        folder: holds their logs.
    """

    def __init__(self, folder: Path, kafka: str, clickhouse: str, **more: object) -> None:
        """Describe a pipeline; `more` are further settings."""
        suffix = f"-{uuid.uuid4().hex[:8]}"
        chosen = {"kafka": kafka, "clickhouse": clickhouse, "group_suffix": suffix, **EVERY_DIMENSION, **more}
        self.settings: Settings = load(**chosen)
        self.folder = folder
        self._environment = {**_variables(chosen), "TOUCHLINE_LOG_FORMAT": "json"}
        self._apps: list[App] = []

    def app(self, command: str, script: Sequence[str] = (), **more: object) -> App:
        """Describe one more process; `start` runs it.

        Args:
            command: `worker`, `sink`, `collect` or `notify`.
            script: what to run in its place, and its arguments.
            more: settings of this process alone.
        """
        name = f"{command}-{len(self._apps) + 1}"
        program = script or ["-m", "touchline", command]
        environment = {**self._environment, **_variables(more)}
        app = App(name, [sys.executable, *program], self.folder / f"{name}.log", environment)
        watch(app)
        self._apps.append(app)
        return app

    def start(self, command: str, **more: object) -> App:
        """Start one more `worker`, `sink`, `collect` or `notify`; `more` are settings of its own."""
        app = self.app(command, (), **more)
        app.start()
        return app

    def touchline(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "touchline", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env={**os.environ, **self._environment},
            check=False,
        )

    def publish(self, *files: Path) -> int:
        """Publish files as `touchline publish` does; return how many touchpoints were sent."""
        done = publish(self.settings, files, Console(stderr=True), lambda _done, _all: None)
        assert not done.rejected
        return done.sent

    def drain(self, patience_s: float = PATIENCE_S) -> None:
        """Wait until all published touchpoints, and all that is due by now, are stored."""
        asyncio.run(self._drain(patience_s))

    async def _drain(self, patience_s: float) -> None:
        since_ms, reached = int(time.time() * 1000), ""

        def note(progress: Progress) -> None:
            nonlocal reached
            reached = str(progress)
            self.check()

        try:
            async with asyncio.timeout(patience_s):
                await wait_until_caught_up(self.settings, since_ms, note)
        except TimeoutError as error:
            stands = "\n".join(app.stands() for app in self._apps if app.running)
            raise TimeoutError(f"not caught up with {since_ms} after {patience_s:g} s: {reached}\n{stands}") from error

    def check(self) -> None:
        """Make sure that no process has ended by itself."""
        for app in self._apps:
            if app.died:
                app.check()

    def rows(self) -> Rows:
        """Return the stored rows."""
        database = open_database(self.settings.clickhouse)
        try:
            return rows_of(database)
        finally:
            database.close()

    def stop(self) -> None:
        """End all processes."""
        for app in self._apps:
            app.kill9()


def _variables(settings: Mapping[str, object]) -> dict[str, str]:
    return {f"TOUCHLINE_{name.upper()}": str(value) for name, value in settings.items()}


@contextmanager
def pipeline_on(kafka: Kafka, clickhouse: ClickHouseServer, folder: Path, **more: object) -> Iterator[Pipeline]:
    """Give a pipeline with fresh topics and empty tables, and remove both afterwards."""
    pipeline = Pipeline(folder, kafka.bootstrap, clickhouse.url(), **more)
    database = open_database(pipeline.settings.clickhouse)
    try:
        asyncio.run(create_topics(pipeline.settings))
        migrate(database, migrations=lowered())
        yield pipeline
    finally:
        pipeline.stop()
        kafka.ensure_running()
        clickhouse.ensure_running()
        database.execute("DROP DATABASE IF EXISTS touchline")
        database.close()
        asyncio.run(_remove_topics(pipeline.settings))


async def _remove_topics(settings: Settings) -> None:
    """Delete our topics; repeat it, since a node that has just started may delete only some of them."""
    ours = {topic.name for topic in all_topics()}
    while there := ours & (await partition_counts(settings)).keys():
        with suppress(UnknownTopicOrPartitionError):
            await delete_topics(settings.kafka, there)


def until(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait until a condition holds.

    Raises:
        TimeoutError: it did not in time.
    """
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {patience_s:g} s for {what}")
        time.sleep(POLL_S)
