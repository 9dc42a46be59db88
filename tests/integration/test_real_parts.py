"""Apache Kafka with clickhouse-server stores the same rows as the embedded stack, and what goes wrong is told of."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from schemas.topics import KIND_TOPICS
from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from servers.prometheus import Prometheus
from tests.integration.shop import Event, family, refused, repeated, restated, shop, tweets, write
from tests.integration.test_flood import publish
from tests.servers.alert_bench import SCRAPE_S
from tests.servers.alert_rules import load_rules, scaled, write_rules
from tests.servers.fixtures import StartPrometheus
from tests.servers.pipeline import App, Pipeline, pipeline_on, until
from tests.servers.rows import Rows, differences, embedded_rows
from tests.unit.agents.ingest_bench import sent

# The first worker waits for the second to join, which would otherwise find all the work done.
KAFKA_SETTINGS = {"group.initial.rebalance.delay.ms": "6000"}

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.embedded]

DAYS = 45
REPEATS = 60
CHUNK = 20
BUSINESS = {"business_change", "marketing_spend"}


@dataclass(frozen=True)
class Runs:
    """One input, the rows of both stacks, and the processes on the servers, which run on."""

    events: list[Event]
    embedded: Rows
    servers: Rows
    worked: list[int]
    pipeline: Pipeline
    workers: list[App]
    sink: App


@pytest.fixture(scope="module")
def runs(kafka: Kafka, clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    folder = tmp_path_factory.mktemp("real-parts")
    events = [
        *shop(customers=48, days=DAYS, seed=3),
        *tweets(300, days=DAYS, seed=4),
        *refused(datetime(2025, 12, 24, tzinfo=UTC)),
        *family(datetime(2025, 12, 24, tzinfo=UTC)),
    ]
    events.append(restated(events))
    repeats = repeated([event for event in events if event["kind"] not in BUSINESS], REPEATS, seed=5)
    lines = write(events + repeats, folder / "shop.jsonl")
    embedded = embedded_rows(lines, folder)
    # In small pieces, so that there is still work when the second worker has joined the group.
    with pipeline_on(kafka, clickhouse_server, folder, session_timeout_s=6, chunk_records=CHUNK) as pipeline:
        assert pipeline.publish(lines) == len(events) + REPEATS
        workers = [pipeline.start("worker") for _ in range(2)]
        sink = pipeline.start("sink")
        pipeline.drain()
        worked = [worker.processed("journeys") for worker in workers]
        yield Runs(events, embedded, pipeline.rows(), worked, pipeline, workers, sink)


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


FACTOR = 120
"""All times of the alerts are divided by it: half an hour is 15 s."""
DAY_MS = 86_400_000
PURCHASES, TWEETS = KIND_TOPICS["purchase"], KIND_TOPICS["tweet"]
MINUTE_S = 60 / FACTOR
RAISED = ("TouchlineWaiting", "TouchlineInputPaused", "TouchlineLateTouchpoints", "TouchlineNoWorker")
FLOOD = [b"poison %d" % number for number in range(1_001)]
"""One more than an input partition takes in a row."""


@dataclass
class Alerts:
    """The alerts of the running processes."""

    prometheus: Prometheus

    def fires(self, alert: str, **labels: str) -> bool:
        wanted = {"alertname": alert, **labels}.items()
        return any(wanted <= firing.items() for firing in self.prometheus.firing())

    def wait_until_fires(self, alert: str, since: float, after_s: float, **labels: str) -> None:
        """Wait for an alert, which must not fire before so many seconds have passed since its cause."""
        until(lambda: self.fires(alert, **labels), f"{alert} to fire")
        assert time.monotonic() - since >= after_s - SCRAPE_S / FACTOR

    def wait_until_stops(self, alert: str, **labels: str) -> None:
        until(lambda: not self.fires(alert, **labels), f"{alert} to stop")


@pytest.fixture
def alerts(runs: Runs, start_prometheus: StartPrometheus, tmp_path: Path) -> Alerts:
    rules = write_rules(scaled(load_rules(), FACTOR), tmp_path / "alerts.yml")
    jobs = {"touchline-worker": [worker.target for worker in runs.workers], "touchline-sink": [runs.sink.target]}
    prometheus = start_prometheus(jobs, [rules], SCRAPE_S / FACTOR)
    prometheus.wait_for("count(up == 1) == 3")
    found = Alerts(prometheus)
    # Before its first look at its targets it knows of no worker. (What the input brought about, it may tell of.)
    until(lambda: not any(map(found.fires, RAISED)), "all to be well")
    return found


@pytest.mark.prometheus
def test_what_goes_wrong_raises_its_alert_until_it_is_mended(
    runs: Runs, alerts: Alerts, clickhouse_server: ClickHouseServer
) -> None:
    settings, now = runs.pipeline.settings, int(time.time() * 1000)
    numbers = count()

    def publish_late_ones_of_one_source() -> None:
        old, new = now - 365 * DAY_MS + next(numbers), now + next(numbers)
        late = sent("purchase", old, source="archive")
        publish(settings, PURCHASES, 1, [late, *(sent("purchase", new, f"c-{each}") for each in range(50))])

    def late_touchpoints_are_told_of() -> bool:
        publish_late_ones_of_one_source()
        return alerts.fires("TouchlineLateTouchpoints", source="archive", topic=PURCHASES)

    began = time.monotonic()
    clickhouse_server.stop()
    publish(settings, TWEETS, 0, FLOOD)
    alerts.wait_until_fires("TouchlineWaiting", began, 5 * MINUTE_S, need="clickhouse", job="touchline-sink")
    alerts.wait_until_fires("TouchlineInputPaused", began, 5 * MINUTE_S, topic=TWEETS, partition="0")
    began = time.monotonic()
    until(late_touchpoints_are_told_of, "TouchlineLateTouchpoints to fire")
    assert time.monotonic() - began >= 15 * MINUTE_S - SCRAPE_S / FACTOR
    assert not alerts.fires("TouchlineLateTouchpoints", source="shop")

    clickhouse_server.start()
    assert runs.pipeline.touchline("dlq", "resume", "--topic", TWEETS).returncode == 0
    alerts.wait_until_stops("TouchlineWaiting")
    alerts.wait_until_stops("TouchlineInputPaused")
    alerts.wait_until_stops("TouchlineLateTouchpoints")

    began = time.monotonic()
    for worker in runs.workers:
        worker.kill9()
    alerts.wait_until_fires("TouchlineNoWorker", began, 2 * MINUTE_S)
    for worker in runs.workers:
        worker.start()
    alerts.wait_until_stops("TouchlineNoWorker")
