"""The metrics of `touchline worker`, which stand with all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Annotated

from prometheus_client import Counter, Gauge, Histogram

from schemas.errors import REASONS
from schemas.identifiers import COUNTED_KINDS, IGNORED_REASONS
from schemas.kinds import KINDS
from schemas.limits import TRIMMED
from schemas.topics import SIGNAL_ABANDONMENTS, SIGNAL_FOLLOW_UPS, SIGNAL_SHIFTS
from streams.runtime.metric import INPUTS, RESTORE_BUCKETS, Metric, Role

_REFUSALS: Mapping[Role, tuple[tuple[str, ...], ...]] = {"worker": tuple((INPUTS, reason) for reason in REASONS)}
_MOVED: Mapping[Role, tuple[str, ...]] = {"worker": ("in time", "too late")}
_TRIMMED: Mapping[Role, tuple[str, ...]] = {
    "worker": tuple(what for what in TRIMMED if what != "columns"),
    "sink": ("columns",),
}


@dataclass(frozen=True)
class WorkerMetrics:
    """What a worker counts. `streams.runtime.telemetry.Telemetry` has these metrics, too."""

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
        Metric(
            "touchline_identity_links_total",
            "Records of who is who, and of whose subjects are, that were read.",
            only="worker",
        ),
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
    subjects_crowded: Annotated[
        Counter,
        Metric(
            "touchline_subjects_crowded_total",
            "Decisions on whose a case, call, post, order or cart is that follow no links, or lead to nobody: more "
            "than 40 hang on its key.",
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
    touchpoints_erased: Annotated[
        Counter,
        Metric(
            "touchline_touchpoints_erased_total",
            "Touchpoints of those who were erased, from before that: they go nowhere.",
            ("topic",),
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
    profiles_forgotten: Annotated[
        Counter,
        Metric(
            "touchline_profiles_forgotten_total",
            "Anonymous profiles that were over, and have left the state; their rows stay.",
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
    things_adopted: Annotated[
        Counter,
        Metric(
            "touchline_things_adopted_total",
            "Carts, calls, responses, cases and posts that go on as their owner's, as often as its partition was sent "
            "them.",
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
    signals_suppressed: Annotated[
        Counter,
        Metric(
            "touchline_signals_suppressed_total",
            "Signals not sent again after a rebuild: they were sent before it.",
            ("topic",),
            known={"worker": (SIGNAL_SHIFTS, SIGNAL_ABANDONMENTS, SIGNAL_FOLLOW_UPS)},
            only="worker",
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
    restore_duration: Annotated[
        Histogram,
        Metric(
            "touchline_restore_duration_seconds",
            "Time it took to read one partition's state back.",
            buckets=RESTORE_BUCKETS,
            only="worker",
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
    state_entries: Annotated[
        Gauge,
        Metric(
            "touchline_state_entries",
            "Entries of state held in memory, by partition and kind (customers, buckets).",
            ("partition", "kind"),
            only="worker",
        ),
    ]
