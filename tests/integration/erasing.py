"""A pipeline in which somebody is erased: what is sent to it, and what its topics and tables hold."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from schemas.kinds import KINDS
from servers.kafka import Kafka
from streams.kafka.admin import create_topics
from streams.kafka.offsets import Record
from streams.kafka.reader import read_to_end
from tests.integration.test_topics import remove_topics
from tests.servers.pipeline import Pipeline
from tests.unit.schemas.records import minimal

STOPS_WITHIN_S = 60.0
MINUTE = 60_000
PARTITIONS = 2
NOW = time.time_ns() // 1_000_000

Sent = tuple[str, dict[str, Any]]
"""A touchpoint's kind and record."""


def stated(
    event: str,
    minutes_ago: int = 0,
    customer: str | None = None,
    kind: str = "page_view",
    since: int = NOW,
    **found: str,
) -> Sent:
    """Return a touchpoint that names somebody, by a customer's id, identifiers or both."""
    at = {"event_id": event, "occurred_at": since - minutes_ago * MINUTE}
    return kind, minimal(kind) | at | {"customer_id": customer, "identifiers": found}


async def send(bootstrap: str, touchpoints: Sequence[Sent]) -> None:
    """Send touchpoints as JSON."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for kind, record in touchpoints:
            await producer.send_and_wait(KINDS[kind].topic, json.dumps(record).encode(), key=b"any")


async def records_of(shop: Shop, topic: str, partitions: Iterable[int] = (0,)) -> list[Record]:
    """Return all records that partitions of a topic hold."""
    runs = [run async for run in read_to_end(shop.pipeline.settings, topic, partitions)]
    return [record for run in runs for record in run.records]


def held(records: Iterable[Record]) -> bytes:
    """Return keys, values and headers of records, in small letters."""
    parts = (part for one in records for part in (one.key, one.value, *(value for _, value in one.headers)))
    return b"\n".join(part or b"" for part in parts).lower()


@dataclass
class Shop:
    """A pipeline whose workers and sinks run for a while, and its tables."""

    pipeline: Pipeline
    database: Path
    bootstrap: str
    apps: list[Any] = field(default_factory=list)

    def start(self) -> None:
        """Start a worker and a sink."""
        self.apps = [self.pipeline.start("worker"), self.pipeline.start("sink")]

    def stop(self) -> None:
        """Stop them."""
        for app in self.apps:
            assert app.ends_on(signal.SIGTERM, STOPS_WITHIN_S) == 0
        self.apps = []

    def send(self, touchpoints: Sequence[Sent]) -> None:
        """Send touchpoints."""
        asyncio.run(send(self.bootstrap, touchpoints))

    def work(self, touchpoints: Sequence[Sent]) -> None:
        """Send touchpoints, and run a worker and a sink until all is stored."""
        self.send(touchpoints)
        self.start()
        self.pipeline.drain()
        # The log may just have been told of an erasure, and is behind that once its time has gone on.
        self.pipeline.drain()
        self.stop()

    def ask(self, sql: str) -> list[list[Any]]:
        """Return the rows that answer a query, while no sink runs."""
        ran = self.pipeline.touchline("query", sql, "--data", self.database, "--format", "JSONCompactEachRow")
        assert ran.returncode == 0, ran.stderr
        return [json.loads(line) for line in ran.stdout.splitlines()]

    def named(self, *texts: str) -> dict[str, int]:
        """Return how many rows of each stored table hold one of some texts, in whatever column."""
        tables = [name for (name,) in self.ask("SELECT name FROM system.tables WHERE name LIKE '%_rows'")]
        shown = f"multiSearchAnyCaseInsensitive(formatRow('TSV', *), {list(texts)})"
        parts = [f"SELECT '{name}', toInt32(countIf({shown})) FROM {name}" for name in tables]
        return {name: n for name, n in self.ask(" UNION ALL ".join(parts)) if n}


@contextmanager
def shop_of(kafka: Kafka, folder: Path, **more: object) -> Iterator[Shop]:
    """Give a shop with fresh topics and an empty database, and remove the topics afterwards."""
    database = folder / "database"
    chosen: dict[str, Any] = {"partitions": PARTITIONS, "idle_s": 1, **more}
    pipeline = Pipeline(folder, kafka.bootstrap, f"chdb://{database}", **chosen)
    try:
        asyncio.run(create_topics(pipeline.settings))
        assert pipeline.touchline("migrate").returncode == 0
        yield Shop(pipeline, database, kafka.bootstrap)
    finally:
        pipeline.stop()
        asyncio.run(remove_topics(kafka))
