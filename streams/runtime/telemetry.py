"""The metrics of a process: each declared once, with its kind, name, labels and meaning.

A metric is a field of `Telemetry`: declared here if processes of several roles serve it, else in the module of its
role. A misspelt one fails the type check. Nothing here is global: a process, or a test, builds its own on a registry of
its own. Labels have few values: never a customer's name, never an event's.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, get_type_hints

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from schemas.errors import Stage
from schemas.inputs import CONTRACT_INPUTS
from streams.runtime.collect_metrics import CollectMetrics
from streams.runtime.metric import CHUNK_BUCKETS, Metric, Role, register
from streams.runtime.notify_metrics import NotifyMetrics
from streams.runtime.sink_metrics import SinkMetrics
from streams.runtime.standing import Need, Standing
from streams.runtime.worker_metrics import WorkerMetrics

_STAGES: Mapping[Role, tuple[Stage, ...]] = {"worker": ("ingest", "journeys"), "sink": ("sink",)}
_NEEDS: Mapping[Role, tuple[Need, ...]] = {
    "worker": ("kafka", "schema_registry"),
    "sink": ("kafka", "clickhouse"),
    "collect": ("kafka",),
    "notify": ("kafka",),
}


@dataclass(frozen=True)
class Telemetry(WorkerMetrics, SinkMetrics, CollectMetrics, NotifyMetrics):
    """All metrics of a process, on one registry. Build it with `Telemetry.on(registry, role)`.

    Series of a partition that is given away must be removed (`.remove(partition)`), else they keep
    their last value for as long as the process lives.
    """

    registry: CollectorRegistry

    touchpoints_processed: Annotated[
        Counter,
        Metric(
            "touchline_touchpoints_processed_total",
            "Touchpoints that a stage has finished with, its writes acknowledged.",
            ("stage",),
            known=_STAGES,
        ),
    ]
    retries: Annotated[
        Counter,
        Metric(
            "touchline_retries_total",
            "Attempts that failed and were made again, by operation.",
            ("operation",),
            known={
                "worker": ("connect_kafka", "produce", "schema_registry"),
                "sink": ("connect_kafka", "connect_clickhouse", "insert", "reconcile"),
                "collect": ("connect_kafka", "produce"),
                "notify": ("connect_kafka", "produce", "deliver"),
            },
        ),
    ]
    chunk_duration: Annotated[
        Histogram,
        Metric(
            "touchline_chunk_duration_seconds",
            "Time from a chunk's arrival in a stage to its acknowledgement.",
            ("stage",),
            buckets=CHUNK_BUCKETS,
        ),
    ]
    event_time_lag: Annotated[
        Gauge,
        Metric(
            "touchline_event_time_lag_seconds",
            "Now minus the occurred_at of the newest touchpoint a stage has finished with.",
            ("stage",),
        ),
    ]
    consumer_lag: Annotated[
        Gauge,
        Metric(
            "touchline_consumer_lag_records",
            "Records in this process's partitions that a stage has yet to acknowledge.",
            ("stage",),
            known=_STAGES,
        ),
    ]
    waiting: Annotated[
        Gauge,
        Metric(
            "touchline_waiting",
            "1 while the process waits for something, such as Kafka or ClickHouse, and cannot work; else 0.",
            ("need",),
            known=_NEEDS,
        ),
    ]
    last_success: Annotated[
        Gauge,
        Metric(
            "touchline_last_success_timestamp_seconds",
            "When a stage last finished a chunk or a batch, as a Unix time.",
            ("stage",),
        ),
    ]
    started: Annotated[
        Gauge,
        Metric("touchline_started_timestamp_seconds", "When the process was started, as a Unix time."),
    ]
    build_info: Annotated[
        Gauge,
        Metric(
            "touchline_build_info",
            "Always 1; its labels say which version of touchline runs, on which Python.",
            ("version", "python"),
        ),
    ]

    @classmethod
    def on(
        cls, registry: CollectorRegistry, role: Role | None = None, inputs: Iterable[str] = CONTRACT_INPUTS
    ) -> Telemetry:
        """Register the metrics of a role on a registry, by default those of all roles; the others count unseen.

        Args:
            registry: where Prometheus finds them.
            role: of the process; None stands for all roles.
            inputs: the input topics, whose series begin at 0.

        Raises:
            ValueError: one of them is already on the registry.
        """
        # They would double the number of series, and nobody reads them.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the package types most of itself, but not this
        topics = tuple(inputs)
        registered: dict[str, Any] = {
            attribute: register(kind, metric, registry, role, topics) for attribute, kind, metric in declarations()
        }
        telemetry = cls(registry=registry, **registered)
        telemetry.build_info.labels(_version(), platform.python_version()).set(1)
        telemetry.started.set(time.time())
        return telemetry

    def show(self, standing: Standing, role: Role) -> None:
        """Tell what a process of a role waits for, from now on."""
        for need in _NEEDS[role]:
            self.waiting.labels(need).set_function(partial(standing.waits, need))

    def record_stage(
        self, stage: Stage, *, now_ms: int, durations_s: Iterable[float], touchpoints: int, newest_ms: int
    ) -> None:
        """Record that a stage has finished chunks or a block of them, its writes acknowledged.

        Args:
            stage: which stage.
            now_ms: wall-clock time, epoch ms.
            durations_s: seconds that each of them took.
            touchpoints: how many they held.
            newest_ms: the latest `occurred_at` among these, epoch ms; 0 without any.
        """
        for seconds in durations_s:
            self.chunk_duration.labels(stage).observe(seconds)
        self.touchpoints_processed.labels(stage).inc(touchpoints)
        self.last_success.labels(stage).set(now_ms / 1000)
        if newest_ms:
            self.event_time_lag.labels(stage).set((now_ms - newest_ms) / 1000)


def declarations() -> list[tuple[str, type[Counter | Gauge | Histogram], Metric]]:
    """Return every metric's attribute of `Telemetry`, kind and declaration, in order: those of one role last."""
    hints = get_type_hints(Telemetry, include_extras=True)
    return [
        (attribute, hints[attribute].__origin__, hints[attribute].__metadata__[0])
        for metrics in (Telemetry, WorkerMetrics, SinkMetrics, CollectMetrics, NotifyMetrics)
        for attribute in metrics.__annotations__
        if attribute != "registry"
    ]


def _version() -> str:
    try:
        return version("touchline")
    except PackageNotFoundError:
        return "unknown"
