"""The metrics: each declared once, with its kind, name, labels and meaning.

A metric is a field of `Telemetry`; a misspelt one fails the type check. Nothing here is global:
a process, or a test, builds its own on a registry of its own. Labels have few values: never a
customer's name, never an event's.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from typing import Annotated, Any, get_type_hints

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from schemas.errors import REASONS, Stage
from schemas.identifiers import COUNTED_KINDS, IGNORED_REASONS
from schemas.inputs import CONTRACT_INPUTS
from schemas.kinds import KINDS
from schemas.limits import TRIMMED
from schemas.rows import TABLES
from schemas.topics import SIGNAL_ABANDONMENTS, SIGNAL_FOLLOW_UPS, SIGNAL_SHIFTS
from streams.runtime.collect_metrics import CollectMetrics
from streams.runtime.metric import CHUNK_BUCKETS, INPUTS, INSERT_BUCKETS, RESTORE_BUCKETS, Metric, Role, register
from streams.runtime.standing import Need, Standing

_STAGES: Mapping[Role, tuple[Stage, ...]] = {"worker": ("ingest", "journeys"), "sink": ("sink",)}
_REFUSALS: Mapping[Role, tuple[tuple[str, ...], ...]] = {"worker": tuple((INPUTS, reason) for reason in REASONS)}
_MOVED: Mapping[Role, tuple[str, ...]] = {"worker": ("in time", "too late")}
_TRIMMED: Mapping[Role, tuple[str, ...]] = {
    "worker": tuple(what for what in TRIMMED if what != "columns"),
    "sink": ("columns",),
}
_NEEDS: Mapping[Role, tuple[Need, ...]] = {
    "worker": ("kafka", "schema_registry"),
    "sink": ("kafka", "clickhouse"),
    "collect": ("kafka",),
}


@dataclass(frozen=True)
class Telemetry(CollectMetrics):
    """All metrics of a process, on one registry. Build it with `Telemetry.on(registry, role)`.

    Series of a partition that is given away must be removed (`.remove(partition)`), else they keep
    their last value for as long as the process lives.
    """

    registry: CollectorRegistry

    messages_received: Annotated[
        Counter,
        Metric(
            "touchline_messages_received_total",
            "Messages read from an input topic.",
            ("topic",),
            known={"worker": (INPUTS,)},
            only="worker",
        ),
    ]
    messages_refused: Annotated[
        Counter,
        Metric(
            "touchline_messages_refused_total",
            "Messages sent to the dead-letter topic, by the topic they came from and reason.",
            ("topic", "reason"),
            known=_REFUSALS,
            only="worker",
        ),
    ]
    unknown_fields: Annotated[
        Counter,
        Metric(
            "touchline_unknown_fields_total",
            "Fields of messages in JSON that their kind does not have; the messages are read without them.",
            ("kind",),
            known={"worker": tuple(KINDS)},
            only="worker",
        ),
    ]
    identifiers_ignored: Annotated[
        Counter,
        Metric(
            "touchline_identifiers_ignored_total",
            "Identifiers and customers' ids that identify nobody, by kind and why: placeholder, pattern or malformed.",
            ("kind", "reason"),
            known={"worker": tuple(product(COUNTED_KINDS, IGNORED_REASONS))},
            only="worker",
        ),
    ]
    identity_links: Annotated[
        Counter,
        Metric("touchline_identity_links_total", "Links between identities that were read.", only="worker"),
    ]
    identities: Annotated[
        Gauge,
        Metric(
            "touchline_identities",
            "Identities that are linked; by the worker that decides who is who, 0 by the others.",
            only="worker",
        ),
    ]
    identities_too_connected: Annotated[
        Gauge,
        Metric(
            "touchline_identities_too_connected",
            "Identifiers that are connected with too many others: only what was stated with customers links them.",
            only="worker",
        ),
    ]
    input_paused: Annotated[
        Gauge,
        Metric(
            "touchline_input_paused_timestamp_seconds",
            "Since when an input partition is paused for its refusals, as a Unix time; only while it is.",
            ("topic", "partition"),
            only="worker",
        ),
    ]
    paused_input_behind: Annotated[
        Gauge,
        Metric(
            "touchline_paused_input_behind_seconds",
            "Event time that has passed a paused input partition: by so much what waits in it will be late.",
            ("topic", "partition"),
            only="worker",
        ),
    ]
    touchpoints_processed: Annotated[
        Counter,
        Metric(
            "touchline_touchpoints_processed_total",
            "Touchpoints that a stage has finished with, its writes acknowledged.",
            ("stage",),
            known=_STAGES,
        ),
    ]
    duplicates: Annotated[
        Counter,
        Metric(
            "touchline_duplicates_total",
            "Touchpoints with a seen event_id and the same payload; without other effect.",
            only="worker",
        ),
    ]
    late_touchpoints: Annotated[
        Counter,
        Metric(
            "touchline_late_touchpoints_total",
            "Touchpoints beyond the allowed lateness: kept as rows, changing no final figure.",
            ("topic", "source"),
            only="worker",
        ),
    ]
    touchpoints_on_time: Annotated[
        Counter,
        Metric(
            "touchline_touchpoints_on_time_total",
            "Touchpoints within the allowed lateness, by their producing service: the rest are late, or repeated.",
            ("topic", "source"),
            only="worker",
        ),
    ]
    touchpoints_ahead: Annotated[
        Counter,
        Metric(
            "touchline_touchpoints_ahead_total",
            "Records whose occurred_at is later than their received_at by more than the timers' delay.",
            ("topic", "source"),
            only="worker",
        ),
    ]
    timers_fired: Annotated[
        Counter,
        Metric(
            "touchline_timers_fired_total",
            "Timers of carts, surveys, cases and journeys that have fired in event time.",
            only="worker",
        ),
    ]
    touchpoints_moved: Annotated[
        Counter,
        Metric(
            "touchline_touchpoints_moved_total",
            "Touchpoints that came to their owner's partition from that of what they state; `too late`: a robot's, "
            "folded early: they stay as they are.",
            ("outcome",),
            known=_MOVED,
            only="worker",
        ),
    ]
    recomputations: Annotated[
        Counter,
        Metric(
            "touchline_recomputations_total",
            "Times a customer's history was computed again because a touchpoint came out of order.",
            only="worker",
        ),
    ]
    trimmed: Annotated[
        Counter,
        Metric(
            "touchline_trimmed_total",
            "Times that something was left out as it would have outgrown its bound, by what it was.",
            ("what",),
            known=_TRIMMED,
            only="worker",
        ),
    ]
    dimension_overflow: Annotated[
        Counter,
        Metric(
            "touchline_dimension_overflow_total",
            "Observations of dimensions with too many values or names: counted under (other), or by no attribute.",
            only="worker",
        ),
    ]
    folded_early: Annotated[
        Counter,
        Metric(
            "touchline_folded_early_total",
            "Touchpoints of customers with too many to be kept apart for the allowed lateness.",
            only="worker",
        ),
    ]
    log_gaps: Annotated[
        Counter,
        Metric(
            "touchline_log_gaps_total",
            "Runs of records of the journeys log that were gone before they were read: touchpoints are lost.",
            ("partition",),
            only="worker",
        ),
    ]
    log_gap: Annotated[
        Gauge,
        Metric(
            "touchline_log_gap_timestamp_seconds",
            "When the process last met such a run, as a Unix time; only if it did.",
            ("partition",),
            only="worker",
        ),
    ]
    signals: Annotated[
        Counter,
        Metric(
            "touchline_signals_total",
            "Signals sent to other services.",
            ("topic",),
            known={"worker": (SIGNAL_SHIFTS, SIGNAL_ABANDONMENTS, SIGNAL_FOLLOW_UPS)},
            only="worker",
        ),
    ]
    inserted_rows: Annotated[
        Counter,
        Metric(
            "touchline_inserted_rows_total",
            "Rows that ClickHouse has acknowledged.",
            ("table",),
            known={"sink": tuple(TABLES)},
            only="sink",
        ),
    ]
    missing_rows: Annotated[
        Gauge,
        Metric(
            "touchline_reconciliation_missing_rows",
            "Touchpoints, refused messages and facts without their row in ClickHouse; the sink that asks shows them.",
            ("topic",),
            known={"sink": (INPUTS,)},
            only="sink",
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
            },
        ),
    ]
    restored_entries: Annotated[
        Counter,
        Metric(
            "touchline_restored_entries_total",
            "Entries of state read back from the changelog.",
            ("partition",),
            only="worker",
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
    insert_duration: Annotated[
        Histogram,
        Metric(
            "touchline_insert_duration_seconds",
            "Time one insert into ClickHouse took.",
            ("table",),
            buckets=INSERT_BUCKETS,
            only="sink",
        ),
    ]
    restore_duration: Annotated[
        Histogram,
        Metric(
            "touchline_restore_duration_seconds",
            "Time it took to read one partition's state back.",
            buckets=RESTORE_BUCKETS,
            only="worker",
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
    watermark: Annotated[
        Gauge,
        Metric(
            "touchline_watermark_timestamp_seconds",
            "The event time an ingest task has reached, as a Unix time.",
            ("task",),
            only="worker",
        ),
    ]
    partition_time: Annotated[
        Gauge,
        Metric(
            "touchline_partition_time_timestamp_seconds",
            "The event time a partition of the journeys log has reached, as a Unix time.",
            ("partition",),
            only="worker",
        ),
    ]
    settled_time: Annotated[
        Gauge,
        Metric(
            "touchline_settled_time_timestamp_seconds",
            "The event time all partitions of the journeys log have reached, as this one has read, as a Unix time.",
            ("partition",),
            only="worker",
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
    state_entries: Annotated[
        Gauge,
        Metric(
            "touchline_state_entries",
            "Entries of state held in memory, by partition and kind (customers, buckets).",
            ("partition", "kind"),
            only="worker",
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
    """Return every metric's attribute of `Telemetry`, kind and declaration, in order: those of one command last."""
    hints = get_type_hints(Telemetry, include_extras=True)
    return [
        (attribute, hints[attribute].__origin__, hints[attribute].__metadata__[0])
        for attribute in [*Telemetry.__annotations__, *CollectMetrics.__annotations__]
        if attribute != "registry"
    ]


def _version() -> str:
    try:
        return version("touchline")
    except PackageNotFoundError:
        return "unknown"
