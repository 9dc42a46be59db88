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
ALL = "case,call,post,order,cart"


def stated(event: str, minute: int, customer: str | None = None, kind: str = "page_view", **found: str) -> Any:
    """Return a touchpoint that names somebody, by a customer's id, identifiers or both."""
    return about(event, minute, kind, {"customer_id": customer, "identifiers": found})


def about(event: str, minute: int, kind: str, who: dict[str, Any], **fields: str) -> Any:
    """Return a touchpoint of somebody, or nobody, with fields of its kind."""
    common = {"event_id": event, "occurred_at": T0 + minute * MINUTE, "customer_id": None}
    return kind, minimal(kind) | common | who | fields


TOUCHPOINTS = [
    stated("browsed", 0, cookie="k-1"),
    stated("guest order", 10, cookie="k-1", email="Ann@Example.com", kind="purchase"),
    stated("called", 20, phone="tel:+44-20-7946-0958", kind="support_call"),
    stated("logged in", 30, "ann", email="<ann@example.com>"),
    stated("callback", 40, "ann", phone="0044 20 7946 0958", kind="support_call"),
    stated("family", 50, "bob", cookie="k-1"),
    stated("nobody", 60, "bob", email="undefined", cookie="0"),
]


ADDRESS = {"identifiers": {"email": "ann@example.com"}}
SHOP = {"identifiers": {"twitter": "@shop"}}
DESK, OTHER_DESK = {"case_id": "17", "source": "desk"}, {"case_id": "17", "source": "other desk"}
SUBJECTS = [
    about("agent", 26, "case_event", {}, phase="resolved", by="agent", **DESK),
    about("asked", 25, "case_event", ADDRESS, **DESK),
    about("other", 27, "case_event", {"customer_id": "bob"}, **OTHER_DESK),
    about("other agent", 28, "case_event", {}, phase="resolved", by="agent", **OTHER_DESK),
    about("nobody's agent", 28, "case_event", {}, by="agent", case_id="99"),
    about("second answer", 33, "tweet", SHOP, author="brand", post_id="p-3", in_reply_to="p-2"),
    about("answer", 32, "tweet", SHOP, author="brand", post_id="p-2", in_reply_to="p-1"),
    about("post", 31, "tweet", {"customer_id": "ann"}, post_id="p-1"),
    about("refund", 45, "purchase", {}, action="refunded", order_id="o-9", source="carrier"),
    about("order", 35, "purchase", {"identifiers": {"cookie": "k-1"}}, order_id="o-9"),
]
"""Touchpoints that state nobody, or the shop itself, among those that say whose their subjects are, in any order."""
WHOSE = {
    "agent": "ann", "asked": "ann", "other": "bob", "other agent": "bob", "nobody's agent": "anon:case:99",
    "second answer": "ann", "answer": "ann", "post": "ann", "refund": "ann", "order": "ann",
}  # fmt: skip


async def send_all(bootstrap: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for kind, record in [*TOUCHPOINTS, *SUBJECTS]:
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

    def whose(self) -> dict[str, str]:
        """Return in whose journeys each touchpoint is that names a subject."""
        events = ", ".join("'" + event.replace("'", "\\'") + "'" for event in WHOSE)
        sql = f"SELECT event_id, customer_id FROM touchpoints WHERE event_id IN ({events}) AND journey_id != ''"
        rows = self.run("query", sql, "--data", self.database, "--format", "JSONEachRow").splitlines()
        return {row["event_id"]: row["customer_id"] for row in map(json.loads, rows)}


@pytest.fixture(scope="module")
def shop(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("identity")
    database = folder / "database"
    pipeline = Pipeline(folder, kafka.bootstrap, f"chdb://{database}", partitions=PARTITIONS, idle_s=1, subjects=ALL)
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


def test_a_visitor_and_a_customer_are_one_with_what_names_only_their_subjects_also_after_a_rebuild(shop: Shop) -> None:
    ann = dict.fromkeys(("cookie:k-1", "email:ann@example.com", "phone:+442079460958"), "ann")
    assert shop.owners() == ann

    shown = shop.run("identity", "show", "+44 20 7946 0958", "--data", shop.database)
    assert "callback" in shown
    assert "cookie:k-1" in shown
    family = shop.run("identity", "show", "customer:bob", "--data", shop.database)
    assert "no link: customer:bob and cookie:k-1, stated by family" in family
    assert "each is a customer's: bob and ann" in family

    assert shop.whose() == WHOSE

    shop.run("identity", "unlink", "phone:+442079460958", "ann")
    shop.run("rebuild", "--yes")
    shop.work()

    assert shop.owners() == {one: owner for one, owner in ann.items() if not one.startswith("phone")}
    assert shop.whose() == WHOSE
