"""Touchline on a Kafka and an embedded ClickHouse, which is started, stopped and rebuilt; and its rows."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter, defaultdict
from pathlib import Path

from servers.kafka import Kafka
from streams.kafka.admin import create_topics
from tests.servers.pipeline import App, Pipeline
from tests.servers.rows import Row, Rows, dumped_rows

STOPS_WITHIN_S = 60.0
SUMS = ("n", "numerator", "squares")
GROUP_SUMS = ("group_counts", "group_sums")


class Installation:
    """One database, and consumer groups that keep their names; the number of partitions may be changed.

    Args:
        kafka: where its topics are.
        folder: holds the database, and the logs of its processes.
        partitions: of the journeys log.
        more: further settings.

    Attributes:
        pipeline: its processes, with the settings as they are now.
        database: the folder of the embedded ClickHouse.
    """

    def __init__(self, kafka: Kafka, folder: Path, partitions: int, **more: object) -> None:
        self._kafka, self._folder = kafka, folder
        self._more = {"idle_s": 1, **more}
        self.database = folder / "database"
        self.set_partitions(partitions)
        asyncio.run(create_topics(self.pipeline.settings))
        self._command("migrate")

    def set_partitions(self, partitions: int) -> None:
        self.pipeline = Pipeline(
            self._folder,
            self._kafka.bootstrap,
            f"chdb://{self.database}",
            group_suffix="",
            partitions=partitions,
            session_timeout_s=6,
            **self._more,
        )

    def rebuild(self) -> str:
        """Rebuild, which must succeed; return what was printed."""
        return self._command("rebuild", "--yes")

    def refused_rebuild(self) -> str:
        """Rebuild, which must be refused; return why."""
        ran = self.pipeline.touchline("rebuild", "--yes")
        assert ran.returncode == 1
        return ran.stderr

    def start(self, workers: int = 1) -> None:
        """Run workers and a sink until all is stored."""
        self.begin(workers)
        self.pipeline.drain()

    def begin(self, workers: int = 1) -> list[App]:
        """Run workers, and behind them a sink."""
        self._apps = [*(self.pipeline.start("worker") for _ in range(workers)), self.pipeline.start("sink")]
        return self._apps

    def stop(self) -> Rows:
        """Stop all, and return what is stored."""
        self.end()
        return dumped_rows(self.database)

    def end(self) -> None:
        """Stop all."""
        for app in self._apps:
            assert app.ends_on(signal.SIGTERM, STOPS_WITHIN_S) == 0

    def _command(self, *arguments: str) -> str:
        ran = self.pipeline.touchline(*arguments)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout


def whatever_the_partition(rows: Rows) -> Rows:
    """Return rows as they are whatever the number of log partitions: buckets and counts added up over them."""
    buckets: dict[tuple[str, ...], Row] = {}
    samples: dict[tuple[str, ...], Counter[int]] = defaultdict(Counter)
    groups: dict[tuple[str, ...], Counter[tuple[str, int]]] = defaultdict(Counter)
    for row in rows["metric_buckets"]:
        key = tuple(str(row[name]) for name in ("metric", "dimension", "dimension_value", "bucket", "currency"))
        bucket = buckets.setdefault(key, {**row, "partition": 0, **dict.fromkeys(SUMS, 0)})
        for name in SUMS:
            bucket[name] += row[name]
        samples[key].update(row["samples"])
        samples[key].subtract(row["samples_less"])
        for name in GROUP_SUMS:
            groups[key].update(dict(zip(((name, group) for group in row["groups"]), row[name], strict=True)))
    left = {key: {value: times for value, times in counts.items() if times} for key, counts in samples.items()}
    no_groups = dict.fromkeys(("groups", *GROUP_SUMS), ())
    added = [
        {
            **row,
            **no_groups,
            "samples": left[key],
            "samples_less": [],
            "groups": {name: n for name, n in groups[key].items() if n},
        }
        for key, row in buckets.items()
    ]
    return {
        **rows,
        "metric_buckets": [row for row in added if any(row[name] for name in SUMS)],
        "hourly_counts": _counts_of_all_partitions(rows["hourly_counts"]),
    }


def _counts_of_all_partitions(rows: list[Row]) -> list[Row]:
    counts: dict[tuple[str, int], Row] = {}
    for row in rows:
        count = counts.setdefault((row["kind"], row["hour"]), {**row, "partition": 0, "accepted": 0})
        count["accepted"] += row["accepted"]
    return list(counts.values())
