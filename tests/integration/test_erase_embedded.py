"""`touchline erase` in `touchline up`: the rows are gone, and what the broker keeps in memory is told of."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from streams.settings import load
from tests.integration.erasing import STOPS_WITHIN_S, Sent, send, stated
from tests.servers.pipeline import until
from tests.servers.process import watch
from touchline.stack import wait_until_caught_up
from touchline.stack.child import Child
from touchline.stack.ports import free_port

pytestmark = pytest.mark.embedded

PATIENCE_S = 120.0
OLD = [
    stated("browsed", 300, cookie="k-1"),
    stated("logged in", 280, "ann", cookie="k-1", email="ann@example.com"),
    stated("bought", 270, "ann", kind="purchase"),
]
BOB = stated("bob", 275, "bob", kind="purchase")


def touchline(*words: object, kafka: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with nothing set but where Kafka is."""
    return subprocess.run(
        [sys.executable, "-m", "touchline", *map(str, words)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=os.environ | {"TOUCHLINE_KAFKA": kafka},
        check=False,
    )


@dataclass(frozen=True)
class Up:
    """A `touchline up` that runs."""

    process: Child
    kafka: str
    database: Path

    def take(self, *touchpoints: Sent) -> None:
        """Send touchpoints, and wait until they are stored."""
        asyncio.run(self._take(touchpoints))

    async def _take(self, touchpoints: tuple[Sent, ...]) -> None:
        await send(self.kafka, touchpoints)
        async with asyncio.timeout(PATIENCE_S):
            settings = load(kafka=self.kafka)
            await wait_until_caught_up(settings, time.time_ns() // 1_000_000, lambda _progress: self.process.check())

    def ask(self, sql: str) -> list[list[Any]]:
        """Return the rows that answer a query, while it runs or after the end."""
        ran = touchline("query", sql, "--data", self.database, "--format", "JSONCompactEachRow", kafka=self.kafka)
        assert ran.returncode == 0, ran.stderr
        return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    database, log = tmp_path / "database", tmp_path / "up.log"
    process = watch(Child("up", [sys.executable, "-m", "touchline", "up", "--keep", str(database)], log))
    process.start()
    try:
        process.wait_ready(lambda: "Query:" in log.read_text(), PATIENCE_S)
        found = re.search(r"^Kafka: +(\S+)", log.read_text(), re.MULTILINE)
        assert found is not None
        yield Up(process, found[1], database)
    finally:
        process.stop()


def test_the_rows_of_who_is_erased_are_gone_and_nothing_brings_them_back(up: Up) -> None:
    up.take(*OLD, BOB)
    ran = touchline("erase", "email:ann@example.com", "--yes", kafka=up.kafka)

    assert ran.returncode == 1
    assert re.search(r"^state +0 *$", ran.stdout, re.MULTILINE), ran.stdout + ran.stderr
    assert "the sink of `touchline up` has deleted the rows" in ran.stdout
    assert re.search(r"^LEFT: \d+ in links in Kafka$", ran.stderr, re.MULTILINE), ran.stderr
    assert "end with it" in ran.stdout
    query = re.search(r'touchline query "(.+)" --data DIR', ran.stdout)
    assert query is not None

    up.take(*OLD, stated("new", since=time.time_ns() // 1_000_000, customer="ann", email="ann@example.com"))
    assert up.ask("SELECT event_id FROM touchpoints ORDER BY event_id") == [["bob"], ["new"]], "while it runs"
    up.process.send_signal(signal.SIGTERM)
    until(lambda: not up.process.running, "the stack to end", STOPS_WITHIN_S)

    assert ["touchpoints", 3] in [[table, int(deleted)] for table, deleted in up.ask(query[1])]
    assert up.ask("SELECT event_id FROM touchpoints ORDER BY event_id") == [["bob"], ["new"]]
    assert up.ask("SELECT customer_id, toInt32(touchpoints) FROM customers ORDER BY customer_id") == [
        ["ann", 1],
        ["bob", 1],
    ]


def test_of_a_demo_that_has_ended_it_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "metadata").mkdir()
    ran = touchline("erase", "42", "--yes", "--data", tmp_path, kafka=f"127.0.0.1:{free_port()}")

    assert ran.returncode == 1
    assert re.search(r"Kafka does not answer; .* is in \S+\. Delete that folder", ran.stderr), ran.stderr
