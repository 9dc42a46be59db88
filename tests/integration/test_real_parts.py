"""Apache Kafka with clickhouse-server stores the same rows as the embedded stack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from schemas.topics import KIND_TOPICS
from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from tests.integration.shop import Event, refused, repeated, restated, shop, tweets, write
from tests.servers.pipeline import pipeline_on
from tests.servers.rows import Rows, differences, embedded_rows

# The first worker waits for the second to join, which would otherwise find all the work done.
KAFKA_SETTINGS = {"group.initial.rebalance.delay.ms": "6000"}

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.embedded]

DAYS = 45
REPEATS = 60
CHUNK = 20
BUSINESS = {"business_change", "marketing_spend"}


@dataclass(frozen=True)
class Runs:
    """One input, and the rows of both stacks."""

    events: list[Event]
    embedded: Rows
    servers: Rows
    worked: list[int]


@pytest.fixture(scope="module")
def runs(kafka: Kafka, clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    folder = tmp_path_factory.mktemp("real-parts")
    events = [
        *shop(customers=48, days=DAYS, seed=3),
        *tweets(300, days=DAYS, seed=4),
        *refused(datetime(2025, 12, 24, tzinfo=UTC)),
    ]
    events.append(restated(events))
    repeats = repeated([event for event in events if event["kind"] not in BUSINESS], REPEATS, seed=5)
    lines = write(events + repeats, folder / "shop.jsonl")
    embedded = embedded_rows(lines, folder)
    # In small pieces, so that there is still work when the second worker has joined the group.
    with pipeline_on(kafka, clickhouse_server, folder, session_timeout_s=6, chunk_records=CHUNK) as pipeline:
        assert pipeline.publish(lines) == len(events) + REPEATS
        workers = [pipeline.start("worker") for _ in range(2)]
        pipeline.start("sink")
        pipeline.drain()
        worked = [worker.processed("journeys") for worker in workers]
        yield Runs(events, embedded, pipeline.rows(), worked)


def test_every_row_of_every_table_is_the_same(runs: Runs) -> None:
    assert differences(runs.embedded, runs.servers) == []


def test_there_was_something_to_compare(runs: Runs) -> None:
    empty = [table for table, rows in runs.servers.items() if not rows]
    assert empty == []
    assert {event["kind"] for event in runs.events} == set(KIND_TOPICS)
    assert all(runs.worked), "both workers took part"


def test_every_touchpoint_is_there_once(runs: Runs) -> None:
    published = Counter(event["kind"] for event in runs.events if event["kind"] not in BUSINESS)
    # Of the four of `refused`, one is good.
    published -= Counter({"tweet": 2, "survey_answer": 1})
    assert Counter(row["kind"] for row in runs.servers["touchpoints"]) == published
    for table, key in (("business_changes", "change_id"), ("marketing_spend", "spend_id")):
        stored = [row[key] for row in runs.servers[table]]
        assert sorted(stored) == sorted({event[key] for event in runs.events if key in event})


def test_what_is_refused_is_the_same(runs: Runs) -> None:
    reasons = sorted(row["reason"] for row in runs.servers["dead_letters"])
    assert reasons == ["event_id_collision", "invalid_score", "no_identity"]
