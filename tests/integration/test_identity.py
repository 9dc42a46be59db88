"""Who is who on real Kafka: the workers decide by what touchpoints state, and views and command show it."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from schemas.kinds import KINDS
from servers.kafka import Kafka
from streams.kafka.admin import create_topics
from tests.integration.test_topics import remove_topics
from tests.servers.pipeline import Pipeline
from tests.unit.schemas.records import T0, minimal

pytestmark = [pytest.mark.kafka, pytest.mark.embedded]

STOPS_WITHIN_S = 60.0
MINUTE = 60_000
PARTITIONS = 2


def stated(event: str, minute: int, customer: str | None = None, kind: str = "page_view", **found: str) -> Any:
    """Return a touchpoint that names somebody, by a customer's id, identifiers or both."""
    return kind, minimal(kind) | {
        "event_id": event,
        "occurred_at": T0 + minute * MINUTE,
        "customer_id": customer,
        "identifiers": found,
    }


TOUCHPOINTS = [
    stated("browsed", 0, cookie="k-1"),
    stated("guest order", 10, cookie="k-1", email="Ann@Example.com", kind="purchase"),
    stated("called", 20, phone="tel:+44-20-7946-0958", kind="support_call"),
    stated("logged in", 30, "ann", email="<ann@example.com>"),
    stated("callback", 40, "ann", phone="0044 20 7946 0958", kind="support_call"),
    stated("family", 50, "bob", cookie="k-1"),
    stated("nobody", 60, "bob", email="undefined", cookie="0"),
]


async def send_all(bootstrap: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for kind, record in TOUCHPOINTS:
            await producer.send_and_wait(KINDS[kind].topic, json.dumps(record).encode(), key=b"any")


@dataclass(frozen=True)
class Shop:
    """The tables of all that was sent."""

    pipeline: Pipeline
    database: Path

    def work(self) -> None:
        """Run a worker and a sink until all is stored."""
        apps = [self.pipeline.start("worker"), self.pipeline.start("sink")]
        self.pipeline.drain()
        for app in apps:
            assert app.ends_on(signal.SIGTERM, STOPS_WITHIN_S) == 0

    def run(self, *words: object) -> str:
        ran = self.pipeline.touchline(*words)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def owners(self) -> dict[str, str]:
        """Return whose each identity is now."""
        sql = "SELECT kind || ':' || value AS identity, argMax(customer_id, since) AS owner FROM identities "
        sql += "WHERE superseded_at IS NULL GROUP BY identity"
        rows = self.run("query", sql, "--data", self.database, "--format", "JSONEachRow").splitlines()
        return {row["identity"]: row["owner"] for row in map(json.loads, rows)}


@pytest.fixture(scope="module")
def shop(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("identity")
    database = folder / "database"
    pipeline = Pipeline(folder, kafka.bootstrap, f"chdb://{database}", partitions=PARTITIONS, idle_s=1)
    try:
        asyncio.run(create_topics(pipeline.settings))
        assert pipeline.touchline("migrate").returncode == 0
        asyncio.run(send_all(kafka.bootstrap))
        made = Shop(pipeline, database)
        made.work()
        yield made
    finally:
        pipeline.stop()
        asyncio.run(remove_topics(kafka))


def test_a_visitor_a_caller_and_a_customer_are_one_until_a_person_parts_them_which_a_rebuild_keeps(shop: Shop) -> None:
    ann = dict.fromkeys(("cookie:k-1", "email:ann@example.com", "phone:+442079460958"), "ann")
    assert shop.owners() == ann

    shown = shop.run("identity", "show", "+44 20 7946 0958", "--data", shop.database)
    assert "callback" in shown
    assert "cookie:k-1" in shown
    family = shop.run("identity", "show", "customer:bob", "--data", shop.database)
    assert "no link: customer:bob and cookie:k-1, stated by family" in family
    assert "each is a customer's: bob and ann" in family

    shop.run("identity", "unlink", "phone:+442079460958", "ann")
    shop.run("rebuild", "--yes")
    shop.work()

    assert shop.owners() == {one: owner for one, owner in ann.items() if not one.startswith("phone")}
