"""Touchpoints come by HTTP while Kafka goes away and the collector is stopped: what was accepted is stored, once."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from tests.chaos.test_broker_stops import stay_away
from tests.servers.http_load import HttpLoad, post, readiness, touchpoint
from tests.servers.pipeline import App, Pipeline, pipeline_on, until
from touchline.stack.ports import HOST

pytestmark = [pytest.mark.chaos, pytest.mark.kafka, pytest.mark.clickhouse]

OUTAGES_S = [float(seconds) for seconds in os.environ.get("CHAOS_OUTAGES_S", "3").split()]
"""How long Kafka is away each time, s; `make chaos` names more."""
CLIENTS, BATCH, QUEUE = 8, 20, 100
"""Eight batches of twenty are more than the queue takes."""
WAIT_S = 2
MEANWHILE = 20
"""Requests that have to be answered in some way before the next step."""
STOPS_WITHIN_S = 20.0
PATIENCE_S = 180.0


@dataclass(frozen=True)
class Run:
    """What the load was answered, and how often each event id is stored."""

    load: HttpLoad
    stored: Counter[str]
    complaints: list[str]


@pytest.fixture(scope="module")
def run(kafka: Kafka, clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("collect")
    bounds = {"collect_queue_touchpoints": QUEUE, "collect_max_touchpoints": BATCH, "collect_wait_s": WAIT_S}
    with pipeline_on(kafka, clickhouse_server, folder, session_timeout_s=6, idle_s=1, **bounds) as pipeline:
        pipeline.start("worker")
        pipeline.start("sink")
        collector = pipeline.start("collect")
        until(lambda: post(collector, touchpoint("first"))[0] == 200, "the collector to accept")
        with HttpLoad(collector.door, CLIENTS, BATCH, PATIENCE_S) as load:
            for number, seconds in enumerate(OUTAGES_S):
                accepts(load)
                # Once it goes without a word, once it says good-bye.
                (kafka.stop if number % 2 else kafka.kill9)()
                turned_away = load.statuses[503]
                until(lambda much=turned_away + MEANWHILE: load.statuses[503] > much, "clients to be turned away")  # type: ignore[misc]
                until(lambda: collector.waits_for("kafka"), "the collector to say that it waits")
                stay_away(pipeline, seconds)
                kafka.start()
            accepts(load)
            until(lambda: readiness(collector) == (200, "working\n"), "the collector to say that it works")
            assert collector.ends_on(signal.SIGTERM, STOPS_WITHIN_S) == 0
            collector.start()
            accepts(load)
        pipeline.drain(PATIENCE_S)
        yield Run(load, stored(pipeline), errors(collector))


def accepts(load: HttpLoad) -> None:
    """Wait until further requests were accepted."""
    enough = load.statuses[200] + MEANWHILE
    until(lambda: load.statuses[200] > enough, "requests to be accepted", PATIENCE_S)


def stored(pipeline: Pipeline) -> Counter[str]:
    """Return how often each event id is in the rows of touchpoints."""
    return Counter(str(row["event_id"]) for row in pipeline.rows()["touchpoints"])


def errors(collector: App) -> list[str]:
    """Return what the collector's own code has logged as an error."""
    return [
        entry["event"]
        for entry in collector.complaints()
        if entry["level"] != "warning" and entry["logger"].startswith(("touchline", "streams"))
    ]


def test_the_load_met_accepting_and_turning_away_and_nothing_else_but_a_restart(run: Run) -> None:
    assert run.load.statuses[200] > MEANWHILE
    assert run.load.statuses[503] > MEANWHILE
    assert run.load.statuses.keys() <= {0, 200, 503}
    assert run.complaints == []


def test_whoever_is_turned_away_is_told_when_to_come_again(run: Run) -> None:
    assert run.load.advised[503] == run.load.statuses[503]


def test_what_the_full_queue_does_not_take_is_turned_away(run: Run) -> None:
    assert {detail.partition(";")[0] for detail in run.load.details} >= {"the queue to Kafka is full"}


def test_all_that_was_accepted_is_stored_once(run: Run) -> None:
    assert run.stored == Counter([*run.load.accepted, "first"])


def test_nothing_is_answered_as_accepted_twice(run: Run) -> None:
    assert set(run.load.accepted.values()) == {1}


@pytest.mark.usefixtures("run")
def test_a_missing_topic_ends_it_with_the_cause_on_the_last_line(kafka: Kafka, tmp_path: Path) -> None:
    other = Pipeline(tmp_path, kafka.bootstrap, f"clickhouse://{HOST}:9", topics="tweet=nowhere")
    collector = other.start("collect")
    until(lambda: not collector.running, "it to end")

    assert collector.status == 1
    assert "these topics do not exist: nowhere" in collector.log.read_text().splitlines()[-1]
    other.stop()
