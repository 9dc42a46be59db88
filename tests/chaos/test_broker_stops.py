"""Kafka goes away for seconds or minutes under load, again and again: no process ends, nothing is lost or doubled."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from tests.integration.shop import shop, tweets, write
from tests.servers.load import Load
from tests.servers.pipeline import POLL_S, App, Pipeline, pipeline_on, until
from tests.servers.rows import Rows, differences, embedded_rows

pytestmark = [pytest.mark.chaos, pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.embedded]

OUTAGES_S = [float(seconds) for seconds in os.environ.get("CHAOS_OUTAGES_S", "5 25").split()]
"""How long Kafka is away each time, s; `make chaos` names more."""
PER_SECOND = 10
WORKERS = 1
PATIENCE_S = 180.0
DAYS = 45
ALLOWED_LATENESS_DAYS = 3650
"""Event time goes on while Kafka is away: the touchpoints that come afterwards must not be late."""
SETTINGS: dict[str, object] = {"session_timeout_s": 6, "allowed_lateness_days": ALLOWED_LATENESS_DAYS}


@dataclass(frozen=True)
class Run:
    """The rows of a run in which Kafka went away under load, and of an undisturbed run."""

    undisturbed: Rows
    stored: Rows
    sent_before: int
    sent: int


@pytest.fixture(scope="module")
def run(kafka: Kafka, clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("stops")
    lines = write([*shop(48, DAYS, seed=16), *tweets(600, DAYS, seed=17)], folder / "shop.jsonl")
    undisturbed = embedded_rows(lines, folder, allowed_lateness_days=ALLOWED_LATENESS_DAYS)
    with pipeline_on(kafka, clickhouse_server, folder, **SETTINGS) as pipeline:
        for _ in range(WORKERS):
            pipeline.start("worker")
        sink = pipeline.start("sink")
        with Load(pipeline.settings, lines, PER_SECOND, repeats=100, seed=18) as load:
            until(lambda: sink.processed("sink") > 0, "the first rows to be stored")
            for number, seconds in enumerate(OUTAGES_S):
                # Once it says good-bye, once it does not.
                (kafka.kill9 if number % 2 else kafka.stop)()
                stay_away(pipeline, seconds)
                kafka.start()
                goes_on(pipeline, load, sink)
            sent_before = load.sent
            load.finish()
        pipeline.drain(PATIENCE_S)
        yield Run(undisturbed, pipeline.rows(), sent_before, load.sent)


def stay_away(pipeline: Pipeline, seconds: float) -> None:
    """Let Kafka be away for some seconds, and make sure that no process ends."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pipeline.check()
        time.sleep(POLL_S)


def goes_on(pipeline: Pipeline, load: Load, sink: App) -> None:
    """Wait until messages are sent again, and what was sent is stored."""
    sent, stored = load.sent, sink.processed("sink")

    def going_on() -> bool:
        pipeline.check()
        load.check()
        return load.sent > sent and sink.processed("sink") > stored

    until(going_on, "messages to be sent and stored again", PATIENCE_S)


def test_the_load_went_on_between_the_outages(run: Run) -> None:
    assert 0 < run.sent_before < run.sent


def test_nothing_is_lost_and_nothing_is_there_twice(run: Run) -> None:
    assert differences(run.undisturbed, run.stored) == []
