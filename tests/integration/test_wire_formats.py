"""What producers without Avro, or with another client's habits, send to Kafka arrives in the views, or is refused."""

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

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.kinds import TOUCHPOINT_KINDS
from schemas.topics import KIND_TOPICS
from servers.kafka import Kafka
from streams.kafka.admin import create_topics
from tests.servers.pipeline import Pipeline
from tests.servers.schema_registry import running_registry
from tests.unit.schemas.records import T0, minimal

pytestmark = pytest.mark.kafka

PURCHASES = KIND_TOPICS["purchase"]
STOPS_WITHIN_S = 60.0
EVENT = {"specversion": "1.0", "type": "order.placed", "source": "/shop", "time": "2024-05-01T12:00:00Z"}
BARE = {"customer_id": "c-1", "amount_minor": 1299, "currency": "EUR"}


def purchase(name: str, **more: object) -> dict[str, Any]:
    """Return a purchase of an event id, each with an order of its own."""
    return minimal("purchase") | {"event_id": name, "order_id": name} | more


def said(value: object) -> bytes:
    return json.dumps(value).encode()


CHANGE = {"before": None, "after": purchase("row"), "source": {"connector": "mysql"}, "op": "c", "ts_ms": T0}
ACCEPTED: dict[str, bytes] = {
    "plain": said(purchase("plain")),
    "marked": b"\xef\xbb\xbf\n" + said(purchase("marked", kind="purchase")),
    "novel": said(purchase("novel", colour="red")),
    "framed": b"\0\0\0\0\x07" + said(purchase("framed")),
    "connect": said({"schema": {"type": "struct"}, "payload": purchase("connect")}),
    "/shop/1": said(EVENT | {"id": "1", "data": BARE | {"order_id": "structured"}}),
}
REFUSED: dict[bytes | None, tuple[str, str]] = {
    None: ("undecodable", "tombstone"),
    said(CHANGE): ("undecodable", "ExtractNewRecordState"),
    said(purchase("tweeted", kind="tweet")): ("undecodable", "this topic carries purchase"),
    said(BARE): ("missing_field", "event_id, occurred_at, source, order_id are missing"),
}
COMPRESSIONS = ("gzip", "snappy", "lz4", "zstd")


async def send_all(bootstrap: str) -> None:
    codec = Codec(FileRegistry())
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for value in (*ACCEPTED.values(), *REFUSED):
            await producer.send_and_wait(PURCHASES, value, key=b"any")
        headers = [(f"ce_{name}", value.encode()) for name, value in (EVENT | {"id": "2"}).items()]
        await producer.send_and_wait(PURCHASES, said(BARE | {"order_id": "binary"}), headers=headers)
        await producer.send_and_wait(PURCHASES, codec.encode("Purchase", purchase("plain")))
        for kind, topic in KIND_TOPICS.items():
            await producer.send_and_wait(topic, said(minimal(kind) | {"event_id": kind}))
    for compression in COMPRESSIONS:
        async with AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type=compression) as producer:
            await producer.send_and_wait(PURCHASES, said(purchase(compression)))
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="shop") as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(PURCHASES, said(purchase("aborted")))
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(PURCHASES, said(purchase("committed")))


@dataclass(frozen=True)
class Shop:
    """What the views show of all that was sent."""

    pipeline: Pipeline
    database: Path

    def select(self, sql: str) -> list[dict[str, Any]]:
        ran = self.pipeline.touchline("query", sql, "--data", self.database, "--format", "JSONEachRow")
        assert ran.returncode == 0, ran.stderr
        return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.fixture(scope="module")
def shop(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("wire-formats")
    database = folder / "database"
    with running_registry() as registry:
        registry.say(7, 200, {"schemaType": "JSON", "schema": '{"type": "object"}'})
        place = f"http://{registry.place}"
        pipeline = Pipeline(
            folder, kafka.bootstrap, f"chdb://{database}", partitions=1, schema_registry=place, idle_s=1
        )
        try:
            asyncio.run(create_topics(pipeline.settings))
            assert pipeline.touchline("migrate").returncode == 0
            asyncio.run(send_all(kafka.bootstrap))
            apps = [pipeline.start("worker"), pipeline.start("sink")]
            pipeline.drain()
            for app in apps:
                assert app.ends_on(signal.SIGTERM, STOPS_WITHIN_S) == 0
            yield Shop(pipeline, database)
        finally:
            pipeline.stop()


def test_each_event_arrives_once_whatever_it_was_wrapped_in(shop: Shop) -> None:
    rows = shop.select(
        "SELECT event_id, kind, source, toUnixTimestamp64Milli(occurred_at) AS at, "
        "(SELECT count() FROM business_changes) AS changes, (SELECT count() FROM marketing_spend) AS spends "
        "FROM touchpoints"
    )
    sources = dict.fromkeys((*ACCEPTED, *COMPRESSIONS, "committed", *TOUCHPOINT_KINDS), "shop") | {
        "/shop/1": "/shop",
        "/shop/2": "/shop",
    }
    assert {row["event_id"]: row["source"] for row in rows} == sources
    assert {int(row["at"]) for row in rows} == {T0}
    assert len(rows) == len(sources), "the purchase that came in JSON and in Avro is one"
    assert {row["kind"] for row in rows if row["kind"] == row["event_id"]} == set(TOUCHPOINT_KINDS)
    assert {(int(row["changes"]), int(row["spends"])) for row in rows} == {(1, 1)}


def test_what_is_no_event_is_refused_with_advice(shop: Shop) -> None:
    letters = shop.select("SELECT reason, detail, raw FROM dead_letters ORDER BY offset")
    assert [letter["raw"].encode() for letter in letters] == [value or b"" for value in REFUSED]
    for letter, (reason, advice) in zip(letters, REFUSED.values(), strict=True):
        assert letter["reason"] == reason
        assert advice in letter["detail"]
