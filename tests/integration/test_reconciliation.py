"""Rows that are deleted by hand are missed, by hour and topic, until they are there again: with a worker and a sink."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.kafka import Kafka
from tests.servers.pipeline import App, Pipeline, until

pytestmark = [pytest.mark.kafka, pytest.mark.embedded]

PURCHASES, PAGES = "touchpoints.purchases.v1", "touchpoints.page_views.v1"
SCRIPT = "tests.integration.scripts.sink_at_hand"


class Hand:
    """A sink, and statements that its database is to run."""

    def __init__(self, pipeline: Pipeline, folder: Path, **settings: object) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self.sink: App = pipeline.app("sink", ["-m", SCRIPT, str(folder)], reconcile_s=0.1, **settings)
        self.sink.start()

    def run(self, sql: str) -> str:
        """Run a statement; return its rows."""
        name = f"{self.sink.name}-{next(self._numbers):03}"
        unfinished, done = self._folder / f"{name}.part", self._folder / f"{name}.done"
        unfinished.write_text(sql)
        unfinished.rename(unfinished.with_suffix(".sql"))
        until(done.exists, f"an answer to {sql}")
        return done.read_text()

    def missing(self) -> dict[str, int]:
        return {topic: self.sink.missing(topic) for topic in (PURCHASES, PAGES)}


@pytest.fixture
def pipeline(kafka: Kafka, tmp_path: Path) -> Iterator[Pipeline]:
    """A pipeline with fresh topics, whose ClickHouse is embedded in its sink."""
    pipeline = Pipeline(tmp_path, kafka.bootstrap, f"chdb://{tmp_path / 'database'}", partitions=2)
    for command in (("migrate",), ("topics", "--create")):
        done = pipeline.touchline(*command)
        assert done.returncode == 0, done.stderr
    try:
        yield pipeline
    finally:
        pipeline.stop()


def shop(file: Path) -> Path:
    """Write ten purchases in each of two hours, one of them twice, and a page view of nobody, which is refused."""
    lines: list[dict[str, object]] = [
        {
            "kind": "purchase",
            "event_id": f"{hour}-{number}",
            "occurred_at": f"2026-11-02T{hour}:{number:02}:00Z",
            "source": "shop",
            "customer_id": f"c{number}",
            "order_id": f"{hour}-{number}",
            "amount_minor": 100,
            "currency": "EUR",
        }
        for hour in (10, 11)
        for number in range(10)
    ]
    nobody = {"event_id": "p", "occurred_at": "2026-11-02T10:00:00Z", "source": "site", "customer_id": "null"}
    lines += [lines[0], {"kind": "page_view", "page": "/", **nobody}]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def test_rows_deleted_by_hand_are_missed_until_they_are_there_again(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.publish(shop(tmp_path / "shop.jsonl"))
    pipeline.start("worker")
    hand = Hand(pipeline, tmp_path)
    pipeline.drain()
    counted = "SELECT topic, toHour(hour), toInt8(accepted), toInt8(duplicates), toInt8(found), toInt8(missing) "
    assert hand.run(f"{counted} FROM reconciliation WHERE refused = 0 ORDER BY hour") == str(
        [[PURCHASES, 10, 10, 1, 10, 0], [PURCHASES, 11, 10, 0, 10, 0]]
    )
    hand.run("CREATE TABLE touchline.backup AS touchline.touchpoints_rows")
    hand.run("INSERT INTO touchline.backup SELECT * FROM touchline.touchpoints_rows")

    delete = "ALTER TABLE touchline.{} DELETE WHERE {} SETTINGS mutations_sync = 1"
    hand.run(delete.format("touchpoints_rows", "event_id IN ('11-3', '11-4')"))
    hand.run(delete.format("dead_letters_rows", "1"))

    until(lambda: hand.missing() == {PURCHASES: 2, PAGES: 1}, "the lack to be noticed")
    named = {
        (entry["topic"], entry["hour"]): entry["missing"] for entry in hand.sink.complaints() if entry.get("missing")
    }
    assert named[PURCHASES, "2026-11-02T11:00:00.000Z"] == 2
    assert {topic for topic, _ in named} == {PURCHASES, PAGES}
    hand.run("INSERT INTO touchline.touchpoints_rows SELECT * FROM touchline.backup")
    until(lambda: hand.missing() == {PURCHASES: 0, PAGES: 1}, "the rows to be found again")

    # Without a backup: a sink that reads all facts and dead letters again.
    hand.run(delete.format("touchpoints_rows", "event_id = '10-0'"))
    hand.sink.stop()
    again = Hand(pipeline, tmp_path, group_suffix="-again")

    until(lambda: again.run("SELECT toInt8(sum(missing)) FROM reconciliation") == "[[0]]", "all to be read again")
    assert again.run(f"{counted} FROM reconciliation WHERE refused = 0 ORDER BY hour") == str(
        [[PURCHASES, 10, 10, 1, 10, 0], [PURCHASES, 11, 10, 0, 10, 0]]
    )
    until(lambda: again.missing() == {PURCHASES: 0, PAGES: 0}, "nothing to be missed any more")
