"""Worker and sink wait for Kafka and ClickHouse, at the start and when they go under load; nothing is lost."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from tests.integration.shop import shop, tweets, write
from tests.servers.load import Load
from tests.servers.pipeline import App, Pipeline, pipeline_on, until
from tests.servers.rows import Rows, differences, embedded_rows

pytestmark = [pytest.mark.chaos, pytest.mark.kafka, pytest.mark.clickhouse]

DAYS = 45
ALLOWED_LATENESS_DAYS = 3650
"""Event time goes on while Kafka is away: the touchpoints that come afterwards must not be late."""
SETTINGS: dict[str, object] = {"session_timeout_s": 6, "allowed_lateness_days": ALLOWED_LATENESS_DAYS}
PER_SECOND = 200
STOPS_WITHIN_S = 8
NO_ROWS = "ClickHouse takes no rows; trying until it does"
ROWS_AGAIN = "ClickHouse takes rows again"


@pytest.fixture
def pipeline(kafka: Kafka, clickhouse_server: ClickHouseServer, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline_on(kafka, clickhouse_server, tmp_path, session_timeout_s=6, idle_s=1) as described:
        yield described


def running(app: App) -> bool:
    return bool(app.logged("running"))


def test_kafka_and_clickhouse_that_are_down_at_the_start_are_waited_for(
    pipeline: Pipeline, kafka: Kafka, clickhouse_server: ClickHouseServer
) -> None:
    kafka.stop()
    clickhouse_server.stop()
    apps = [pipeline.start("worker"), pipeline.start("sink")]
    for app in apps:
        until(lambda app=app: len(app.logged("waiting for Kafka")) > 1, f"{app.name} to wait for Kafka")  # type: ignore[misc]
        said = app.logged("waiting for Kafka")[-1]
        assert said["level"] == "warning"
        assert said["kafka"] == kafka.bootstrap
        assert said["cause"]
        assert said["retry_in_s"] > 0
    kafka.start()
    worker, sink = apps
    until(lambda: bool(sink.logged("waiting for ClickHouse")), "the sink to wait for ClickHouse")
    assert str(clickhouse_server.native_port) in sink.logged("waiting for ClickHouse")[0]["cause"]
    clickhouse_server.start()
    for app in (worker, sink):
        until(lambda app=app: running(app), f"{app.name} to run")  # type: ignore[misc]
    pipeline.check()


def test_who_waits_for_kafka_can_be_stopped(pipeline: Pipeline, kafka: Kafka) -> None:
    kafka.stop()
    apps = [pipeline.start("worker"), pipeline.start("sink")]
    for app, number in zip(apps, (signal.SIGINT, signal.SIGTERM), strict=True):
        until(lambda app=app: bool(app.logged("waiting for Kafka")), f"{app.name} to wait for Kafka")  # type: ignore[misc]
        assert app.ends_on(number, STOPS_WITHIN_S) == 0


def test_a_signal_stops_them_within_seconds_and_all_that_is_done_is_committed(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    sent = pipeline.publish(write(tweets(300, DAYS, seed=8), tmp_path / "tweets.jsonl"))
    worker, sink = pipeline.start("worker"), pipeline.start("sink")
    pipeline.drain()
    # A post that waits for an earlier one's deadline is told of at once, and again when it is in its journey.
    assert sink.processed("sink") >= sent
    for app, number in ((worker, signal.SIGTERM), (sink, signal.SIGINT)):
        assert app.ends_on(number, STOPS_WITHIN_S) == 0
        assert app.logged("stopped")

    again = pipeline.start("sink"), pipeline.start("worker")
    pipeline.drain()
    assert [app.processed(stage) for app, stage in zip(again, ("sink", "journeys"), strict=True)] == [0, 0]


@dataclass(frozen=True)
class Outages:
    """The rows of a run in which both servers were killed under load, and of an undisturbed run."""

    undisturbed: Rows
    stored: Rows
    worker: App
    sink: App
    sent: list[int]


@pytest.fixture(scope="module")
def outages(
    kafka: Kafka, clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outages]:
    folder = tmp_path_factory.mktemp("outages")
    lines = write([*shop(48, DAYS, seed=6), *tweets(600, DAYS, seed=7)], folder / "shop.jsonl")
    undisturbed = embedded_rows(lines, folder, allowed_lateness_days=ALLOWED_LATENESS_DAYS)
    with pipeline_on(kafka, clickhouse_server, folder, **SETTINGS) as pipeline:
        worker, sink = pipeline.start("worker"), pipeline.start("sink")
        with Load(pipeline.settings, lines, PER_SECOND, repeats=100, seed=9) as load:
            until(lambda: sink.processed("sink") > 0, "the first rows to be stored")
            clickhouse_server.kill9()
            until(lambda: bool(sink.logged(NO_ROWS)), "the sink to notice that ClickHouse is away")
            tried = sink.retried("insert")
            until(lambda: sink.retried("insert") > tried + 1, "the sink to try again")
            assert sink.waits_for("clickhouse")
            clickhouse_server.start()
            until(lambda: bool(sink.logged(ROWS_AGAIN)), "the sink to notice that ClickHouse is back")
            assert not sink.waits_for("clickhouse")
            sent = [load.sent]
            before = len(worker.complaints())
            kafka.kill9()
            until(lambda: len(worker.complaints()) > before, "the worker to notice that Kafka is away")
            for app in (worker, sink):
                until(lambda app=app: app.waits_for("kafka"), f"{app.name} to say that it waits")  # type: ignore[misc]
            kafka.start()
            sent.append(load.sent)
            load.finish()
            sent.append(load.sent)
        pipeline.drain()
        for app in (worker, sink):
            until(lambda app=app: not app.waits_for("kafka"), f"{app.name} to say that it works")  # type: ignore[misc]
        yield Outages(undisturbed, pipeline.rows(), worker, sink, sent)


@pytest.mark.embedded
def test_both_were_killed_under_load(outages: Outages) -> None:
    before, after, in_all = outages.sent
    assert 0 < before <= after < in_all


@pytest.mark.embedded
def test_nothing_is_lost_and_nothing_there_twice(outages: Outages) -> None:
    assert differences(outages.undisturbed, outages.stored) == []


@pytest.mark.embedded
def test_what_is_tried_again_is_told_once(outages: Outages) -> None:
    assert len(outages.sink.logged(NO_ROWS)) == 1
    assert len(outages.sink.logged(ROWS_AGAIN)) == 1
    for app in (outages.worker, outages.sink):
        told = Counter((entry["logger"], entry["event"]) for entry in app.complaints())
        # The log repeats it after a minute, which the run may take on a slow machine.
        assert 0 < max(told.values()) <= 2
