"""`touchline collect` as a process: what it cannot work with ends it, and it waits for a Kafka that is away."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.http_load import post, readiness, touchpoint
from tests.servers.pipeline import Pipeline, until
from touchline.stack.ports import HOST, free_port

STOPS_WITHIN_S = 10.0
BATCH, QUEUE = 20, 50


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """Processes whose Kafka is away."""
    described = Pipeline(
        tmp_path,
        f"{HOST}:{free_port()}",
        f"clickhouse://{HOST}:9",
        collect_queue_touchpoints=QUEUE,
        collect_max_touchpoints=BATCH,
    )
    yield described
    described.stop()


def test_without_kafka_it_answers_503_says_that_it_waits_and_can_be_stopped(pipeline: Pipeline) -> None:
    collector = pipeline.start("collect")
    until(lambda: post(collector, touchpoint("a"))[0] != 0, "the collector to listen")

    status, told, retry_after = post(collector, touchpoint("a"))

    assert (status, told["status"]) == (503, 503)
    assert int(retry_after or 0) >= 1
    until(lambda: "is not reached" in readiness(collector)[1], "it to say why it waits")
    assert readiness(collector)[0] == 503
    assert collector.ends_on(signal.SIGTERM, STOPS_WITHIN_S) == 0
    assert collector.logged("stopped")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"collect_host": "0.0.0.0"}, "there are no API keys"),  # noqa: S104  # it is refused
        ({"collect_queue_touchpoints": BATCH - 1}, "the largest request would never be taken"),
    ],
)
def test_settings_that_do_not_hold_end_it_with_the_cause_on_the_last_line(
    pipeline: Pipeline, settings: dict[str, Any], says: str
) -> None:
    collector = pipeline.start("collect", **settings)
    until(lambda: not collector.running, "it to end")

    assert collector.status == 1
    assert says in collector.log.read_text().splitlines()[-1]
    collector.stop()
