"""Measures the whole pipeline from outside: the counters of its processes, and their CPU time."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from servers.kafka import Kafka
from sinks.migrate import migrate
from sinks.open import open_database
from streams import settings as configuration
from streams.kafka.admin import create_topics
from touchline.publish.run import publish
from touchline.stack import Stack
from touchline.stack.child import Child
from touchline.stack.ports import free_port
from touchline.stack.stack import FETCH_WAIT_MS

LONGEST_S = 600.0
POLL_S = 0.25
"""Each scrape costs the processes a few milliseconds."""
_STORED = re.compile(r'^touchline_touchpoints_processed_total\{stage="(\w+)"\} ([\d.e+]+)$', re.MULTILINE)
_MOVED = re.compile(r'^touchline_touchpoints_moved_total\{outcome="([^"]+)"\} ([\d.e+]+)$', re.MULTILINE)
_QUIET_S = 3.0
"""For so long nothing moves where all is done: whose a touchpoint is may be known later than the touchpoint."""


@dataclass(frozen=True)
class Run:
    """One run: the touchpoints, the seconds, and the CPU microseconds of each process for one touchpoint."""

    events: int
    seconds: float
    cpu_us: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Touchpoints a second."""
        return self.events / self.seconds


def run_embedded(lines: Path, workers: int) -> Run:
    """Measure on the embedded broker and database."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Stack(folder, folder / "db") as stack:
            stack.start_broker()
            return _measured(folder, lines, stack.kafka, workers, {"broker": stack.broker_pid}, FETCH_WAIT_MS)


def run_kafka(lines: Path, workers: int) -> Run:
    """Measure on Apache Kafka, as the tests start it, and the embedded database."""
    with tempfile.TemporaryDirectory() as name:
        kafka = Kafka(Path(name))
        kafka.start()
        try:
            return _measured(Path(name), lines, kafka.bootstrap, workers, {"broker": kafka.pid})
        finally:
            kafka.stop()


def _measured(
    folder: Path, lines: Path, bootstrap: str, workers: int, pids: dict[str, int], fetch_wait_ms: int = 100
) -> Run:
    """Publish, then start workers and sink, and poll them until all is done."""
    database = f"chdb://{folder / 'db'}"
    settings = configuration.load(kafka=bootstrap, clickhouse=database, replication=1)
    asyncio.run(create_topics(settings))
    tables = open_database(database)
    migrate(tables, None)
    tables.close()
    sent = publish(settings, [lines], Console(quiet=True), lambda *_: None).sent
    environment = {
        "TOUCHLINE_KAFKA": bootstrap,
        "TOUCHLINE_CLICKHOUSE": database,
        "TOUCHLINE_SESSION_TIMEOUT_S": "6",
        "TOUCHLINE_FETCH_WAIT_MS": str(fetch_wait_ms),
    }
    children: list[tuple[Child, int]] = []
    try:
        for name, setting in [
            ("sink", "SINK_METRICS_PORT"),
            *[(f"worker-{i}", "METRICS_PORT") for i in range(workers)],
        ]:
            port = free_port()
            command = [sys.executable, "-m", "touchline", name.split("-")[0]]
            child = Child(name, command, folder / f"{name}.log", {**environment, f"TOUCHLINE_{setting}": str(port)})
            child.start()
            children.append((child, port))
            pids[name] = child.pid
        return _watched(children, pids, _touchpoints(lines, sent))
    finally:
        for child, _ in children:
            child.stop(20)


def _watched(children: list[tuple[Child, int]], pids: Mapping[str, int], expected: int) -> Run:
    """Poll until all is stored, and what moves to other owners has moved; that is not before nothing more moves."""
    began = last = time.monotonic()
    deadline = began + LONGEST_S
    before: dict[str, float] | None = None
    counted: list[dict[str, float]] = []
    while (now := time.monotonic()) < deadline:
        counts = [_counted(port) for _, port in children]
        if before is None:
            if any(count.get("ingest", 0) for count in counts):
                # The start is seen up to one poll late, a quarter of a second.
                began = now
                before = {name: cpu_s(pid) for name, pid in pids.items()}
        elif counts != counted:
            counted, last = counts, now
        elif now - last >= _QUIET_S and sum(count.get("sink", 0) for count in counts) >= expected:
            cpu = {name: (cpu_s(pid) - before[name]) / expected * 1e6 for name, pid in pids.items()}
            return Run(expected, last - began, cpu)
        for child, _ in children:
            child.check()
        time.sleep(POLL_S)
    raise TimeoutError(f"not stored within {LONGEST_S:.0f} s")


def _counted(port: int) -> dict[str, float]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
            return {name: float(value) for name, value in (*_STORED.findall(text), *_MOVED.findall(text))}
    except OSError:
        return {}


def cpu_s(pid: int) -> float:
    """Return the CPU seconds a process has taken, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _touchpoints(lines: Path, sent: int) -> int:
    """Return the number of sent lines that are touchpoints of customers."""
    with lines.open() as file:
        business = sum('"kind":"business_change"' in line or '"kind":"marketing_spend"' in line for line in file)
    return sent - business
