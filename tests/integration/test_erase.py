"""`touchline erase` on real Kafka: nothing holds the customer, and their old touchpoints bring nothing back."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from schemas.kinds import KINDS
from schemas.topics import ERASURES, LINKS
from servers.kafka import Kafka
from streams.kafka.admin import create_topics
from streams.kafka.reader import read_to_end
from tests.integration.test_topics import remove_topics
from tests.servers.pipeline import Pipeline
from tests.unit.schemas.records import minimal

pytestmark = [pytest.mark.kafka, pytest.mark.embedded]

STOPS_WITHIN_S = 60.0
MINUTE = 60_000
PARTITIONS = 2
MARK = "q7x"
"""Stands in all that names Ann, and in nothing else."""
ANN, EMAIL, COOKIE = f"ann-{MARK}", f"Ann.{MARK}@example.com", f"k-{MARK}"
NOW = time.time_ns() // 1_000_000


def stated(
    event: str,
    minutes_ago: int = 0,
    customer: str | None = None,
    kind: str = "page_view",
    since: int = NOW,
    **found: str,
) -> Any:
    """Return a touchpoint that names somebody, by a customer's id, identifiers or both."""
    at = {"event_id": event, "occurred_at": since - minutes_ago * MINUTE}
    return kind, minimal(kind) | at | {"customer_id": customer, "identifiers": found}


OLD = [
    stated("browsed", 300, cookie=COOKIE),
    stated("guest order", 290, cookie=COOKIE, email=EMAIL, kind="purchase"),
    stated("logged in", 280, ANN, email=EMAIL),
    stated("bought", 270, ANN, kind="purchase"),
    stated("called", 260, ANN, kind="support_call"),
    stated("long ago", 20 * 24 * 60, ANN),
]
OTHERS = [stated("bob", 275, "bob", cookie="k-bob"), stated("bob again", 265, "bob", kind="purchase")]
BROKEN = [("purchase", OLD[3][1] | {"event_id": "broken", "amount_minor": -1}), ("tweet", {"customer_id": ANN})]


async def send(bootstrap: str, touchpoints: Sequence[tuple[str, dict[str, Any]]]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for kind, record in touchpoints:
            await producer.send_and_wait(KINDS[kind].topic, json.dumps(record).encode(), key=b"any")


@dataclass
class Shop:
    """A pipeline whose workers and sinks run for a while, and its tables."""

    pipeline: Pipeline
    database: Path
    bootstrap: str
    apps: list[Any] = field(default_factory=list)

    def start(self) -> None:
        self.apps = [self.pipeline.start("worker"), self.pipeline.start("sink")]

    def stop(self) -> None:
        for app in self.apps:
            assert app.ends_on(signal.SIGTERM, STOPS_WITHIN_S) == 0
        self.apps = []

    def work(self, touchpoints: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Send touchpoints, and run a worker and a sink until all is stored."""
        asyncio.run(send(self.bootstrap, touchpoints))
        self.start()
        self.pipeline.drain()
        # The log may just have been told of an erasure, and is behind that once its time has gone on.
        self.pipeline.drain()
        self.stop()

    def ask(self, sql: str) -> list[list[Any]]:
        ran = self.pipeline.touchline("query", sql, "--data", self.database, "--format", "JSONCompactEachRow")
        assert ran.returncode == 0, ran.stderr
        return [json.loads(line) for line in ran.stdout.splitlines()]

    def named(self) -> dict[str, int]:
        """Return how many rows of each stored table hold the mark, in whatever column."""
        tables = [name for (name,) in self.ask("SELECT name FROM system.tables WHERE name LIKE '%_rows'")]
        parts = [
            f"SELECT '{name}', toInt32(countIf(positionCaseInsensitive(formatRow('TSV', *), '{MARK}') > 0)) FROM {name}"
            for name in tables
        ]
        return {name: n for name, n in self.ask(" UNION ALL ".join(parts)) if n}


@pytest.fixture(scope="module")
def shop(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("erase")
    database = folder / "database"
    pipeline = Pipeline(folder, kafka.bootstrap, f"chdb://{database}", partitions=PARTITIONS, idle_s=1)
    try:
        asyncio.run(create_topics(pipeline.settings))
        assert pipeline.touchline("migrate").returncode == 0
        yield Shop(pipeline, database, kafka.bootstrap)
    finally:
        pipeline.stop()
        asyncio.run(remove_topics(kafka))


async def held(shop: Shop, topic: str) -> bytes:
    """Return all that partition 0 of a topic holds."""
    runs = [run async for run in read_to_end(shop.pipeline.settings, topic, [0])]
    return b"".join((record.key or b"") + (record.value or b"") for run in runs for record in run.records)


def test_nothing_holds_who_was_erased_and_their_old_touchpoints_bring_nothing_back(shop: Shop) -> None:
    asyncio.run(send(shop.bootstrap, [*OLD, *OTHERS, *BROKEN]))
    shop.start()
    shop.pipeline.drain()
    ordered = shop.pipeline.touchline("erase", f"email:{EMAIL}", "--yes")
    assert "another process has it open" in ordered.stderr
    [order] = re.findall(r"--check (\S+)", ordered.stderr)
    shop.pipeline.drain()
    shop.stop()
    proved = shop.pipeline.touchline("erase", "--check", order, "--data", shop.database)

    assert proved.returncode == 0, proved.stdout + proved.stderr
    assert re.search(r"^touchpoints +6 +0 *$", proved.stdout, re.MULTILINE)
    assert re.search(r"^dead_letters +2 +0 *$", proved.stdout, re.MULTILINE)
    assert "journeys.touchpoints.v1: by " in proved.stdout
    assert shop.named() == {}
    for topic in (LINKS, ERASURES):
        assert MARK.encode() not in asyncio.run(held(shop, topic)).lower()

    again = [*OLD, BROKEN[0], stated("new", since=time.time_ns() // 1_000_000, customer=ANN, cookie=COOKIE)]
    shop.work(again)
    check_that_only_what_is_new_is_there(shop)
    assert shop.ask("SELECT toInt32(sum(erased)) FROM reconciliation") == [[6 + 2 + len(again) - 1]]


def check_that_only_what_is_new_is_there(shop: Shop) -> None:
    assert shop.ask(f"SELECT event_id FROM touchpoints WHERE customer_id LIKE '%{MARK}%'") == [["new"]]
    assert shop.ask(f"SELECT toInt32(touchpoints) FROM customers WHERE customer_id LIKE '%{MARK}%'") == [[1]]
    assert shop.ask("SELECT toInt32(count()) FROM touchpoints WHERE customer_id = 'bob'") == [[2]]
    assert shop.ask("SELECT toInt32(sum(missing)) FROM reconciliation") == [[0]]
    named = shop.named()
    assert "dead_letters_rows" not in named
    assert named["touchpoints_rows"] == 1
    assert EMAIL.lower().encode() not in asyncio.run(held(shop, LINKS)).lower()


def test_a_rebuild_brings_nothing_back_either(shop: Shop) -> None:
    ran = shop.pipeline.touchline("rebuild", "--yes")
    assert ran.returncode == 0, ran.stderr
    shop.work([])

    check_that_only_what_is_new_is_there(shop)
