"""The metrics keep Prometheus' conventions, and start where a rate can see their first increase."""

from __future__ import annotations

import re
import time
from dataclasses import FrozenInstanceError

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import choose_encoder
from prometheus_client.parser import text_string_to_metric_families

from schemas.topics import KIND_TOPICS
from streams.runtime.standing import Standing
from streams.runtime.telemetry import Telemetry, declarations

# The contract's reasons, section 2.
CONTRACT_REASONS = {
    "undecodable", "unknown_schema", "missing_field", "no_identity", "invalid_time",
    "invalid_score", "invalid_amount", "too_large", "event_id_collision", "too_many_ahead",
}  # fmt: skip

NEEDS = ("kafka", "clickhouse", "schema_registry")
LABELS_OF_ALL = {
    "touchline_messages_received_total": ("topic",),
    "touchline_messages_refused_total": ("topic", "reason"),
    "touchline_unknown_fields_total": ("kind",),
    "touchline_identifiers_ignored_total": ("kind", "reason"),
    "touchline_identity_links_total": (),
    "touchline_identities": (),
    "touchline_identities_too_connected": (),
    "touchline_subjects_crowded_total": (),
    "touchline_input_paused_timestamp_seconds": ("topic", "partition"),
    "touchline_paused_input_behind_seconds": ("topic", "partition"),
    "touchline_touchpoints_processed_total": ("stage",),
    "touchline_duplicates_total": (),
    "touchline_late_touchpoints_total": ("topic", "source"),
    "touchline_touchpoints_on_time_total": ("topic", "source"),
    "touchline_touchpoints_ahead_total": ("topic", "source"),
    "touchline_timers_fired_total": (),
    "touchline_profiles_forgotten_total": (),
    "touchline_touchpoints_erased_total": ("topic",),
    "touchline_touchpoints_moved_total": ("outcome",),
    "touchline_things_adopted_total": (),
    "touchline_settled_time_timestamp_seconds": ("partition",),
    "touchline_recomputations_total": (),
    "touchline_trimmed_total": ("what",),
    "touchline_dimension_overflow_total": (),
    "touchline_folded_early_total": (),
    "touchline_log_gaps_total": ("partition",),
    "touchline_log_gap_timestamp_seconds": ("partition",),
    "touchline_chunk_duration_seconds": ("stage",),
    "touchline_event_time_lag_seconds": ("stage",),
    "touchline_watermark_timestamp_seconds": ("task",),
    "touchline_partition_time_timestamp_seconds": ("partition",),
    "touchline_insert_duration_seconds": ("table",),
    "touchline_inserted_rows_total": ("table",),
    "touchline_reconciliation_missing_rows": ("topic",),
    "touchline_retries_total": ("operation",),
    "touchline_last_success_timestamp_seconds": ("stage",),
    "touchline_restored_entries_total": ("partition",),
    "touchline_restore_duration_seconds": (),
    "touchline_state_entries": ("partition", "kind"),
    "touchline_signals_total": ("topic",),
    "touchline_signals_suppressed_total": ("topic",),
    "touchline_started_timestamp_seconds": (),
    "touchline_build_info": ("version", "python"),
    "touchline_consumer_lag_records": ("stage",),
    "touchline_waiting": ("need",),
    "touchline_collect_requests_total": ("key", "status"),
    "touchline_collect_touchpoints_total": ("key", "outcome"),
    "touchline_collect_refusals_total": ("key", "reason"),
    "touchline_collect_queue_touchpoints": (),
    "touchline_collect_acknowledgement_seconds": (),
    "touchline_notify_signals_total": ("target", "outcome"),
    "touchline_notify_failures_total": ("target", "cause"),
    "touchline_notify_unread_total": ("topic",),
    "touchline_notify_waiting_signals": ("target",),
    "touchline_notify_oldest_seconds": ("target",),
    "touchline_notify_age_seconds": ("target",),
}


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry.on(CollectorRegistry())


def test_the_metrics_and_their_labels_are_the_promised_ones() -> None:
    declared = {metric.name: metric.labels for _, _, metric in declarations()}

    assert declared == LABELS_OF_ALL


def test_every_attribute_is_the_metric_it_declares(telemetry: Telemetry) -> None:
    for attribute, kind, metric in declarations():
        registered = getattr(telemetry, attribute)

        assert isinstance(registered, kind)
        assert metric.name.removesuffix("_total") == next(iter(registered.describe())).name


def test_names_keep_prometheus_conventions() -> None:
    for _, kind, metric in declarations():
        name = metric.name

        assert re.fullmatch(r"touchline_[a-z]+(_[a-z]+)*", name)
        assert name.endswith("_total") == (kind.__name__ == "Counter"), name
        if kind.__name__ == "Histogram":
            assert name.endswith("_seconds")
            assert list(metric.buckets) == sorted(set(metric.buckets))
        else:
            assert not metric.buckets
        for known in (known for values in metric.known.values() for known in values):
            assert len(metric.labels) == (1 if isinstance(known, str) else len(known))
        assert metric.meaning.endswith(".")


def test_every_reason_of_the_contract_starts_at_zero_for_every_input(telemetry: Telemetry) -> None:
    families = text_string_to_metric_families(generate_latest(telemetry.registry).decode())
    (family,) = (f for f in families if f.name == "touchline_messages_refused")

    assert {(sample.labels["topic"], sample.labels["reason"], sample.value) for sample in family.samples} == {
        (topic, reason, 0.0) for topic in KIND_TOPICS.values() for reason in CONTRACT_REASONS
    }


def test_a_process_tells_when_it_was_started() -> None:
    before = time.time()
    started = Telemetry.on(CollectorRegistry()).registry.get_sample_value("touchline_started_timestamp_seconds")

    assert started is not None
    assert before <= started <= time.time()


def test_what_is_counted_is_exposed(telemetry: Telemetry) -> None:
    telemetry.touchpoints_processed.labels("journeys").inc(3)
    telemetry.watermark.labels("2").set(1_700_000_000)
    telemetry.chunk_duration.labels("ingest").observe(0.03)

    value = telemetry.registry.get_sample_value
    assert value("touchline_touchpoints_processed_total", {"stage": "journeys"}) == 3
    assert value("touchline_watermark_timestamp_seconds", {"task": "2"}) == 1_700_000_000
    assert value("touchline_chunk_duration_seconds_bucket", {"stage": "ingest", "le": "0.025"}) == 0
    assert value("touchline_chunk_duration_seconds_bucket", {"stage": "ingest", "le": "0.05"}) == 1


def served(registry: CollectorRegistry, accept: str = "text/plain") -> str:
    """Return what a scrape with an Accept header gets."""
    encode, _ = choose_encoder(accept)
    text: bytes = encode(registry)
    return text.decode()


def test_a_process_serves_nothing_of_those_of_another_role() -> None:
    workers, sinks = CollectorRegistry(), CollectorRegistry()
    worker, sink = Telemetry.on(workers, "worker"), Telemetry.on(sinks, "sink")
    collectors = served(Telemetry.on(CollectorRegistry(), "collect").registry)
    sink.duplicates.inc()
    worker.insert_duration.labels("touchpoints").observe(1)
    told = {"worker": served(workers), "sink": served(sinks)}

    of_sinks = ("touchline_inserted_rows", "touchline_insert_duration", 'stage="sink"', '"insert"', '"clickhouse"')
    of_workers = (
        "touchline_messages_", "touchline_duplicates", "touchline_watermark", "touchline_signals", "touchline_state_",
        'stage="ingest"', 'stage="journeys"', '"produce"', '"schema_registry"',
    )  # fmt: skip
    for series in of_sinks:
        assert series not in told["worker"]
        assert series in told["sink"] or series == "touchline_insert_duration"
        assert series not in collectors
    for series in of_workers:
        assert series not in told["sink"]
        assert series not in collectors or series == '"produce"'
        assert series in told["worker"] or series in {"touchline_watermark", "touchline_state_"}
    assert "touchline_collect_queue_touchpoints 0.0" in collectors
    assert "touchline_collect" not in told["worker"] + told["sink"]
    notifiers = served(Telemetry.on(CollectorRegistry(), "notify").registry)
    assert 'touchline_retries_total{operation="deliver"} 0.0' in notifiers
    assert "touchline_notify" not in told["worker"] + told["sink"] + collectors
    assert "touchline_signals" not in notifiers


def test_no_series_says_only_when_another_began(telemetry: Telemetry) -> None:
    telemetry.chunk_duration.labels("ingest").observe(0.03)
    for accept in ("text/plain", "application/openmetrics-text; version=1.0.0"):
        text = served(telemetry.registry, accept)

        assert "touchline_chunk_duration_seconds_count" in text
        assert "_created" not in text


def test_the_gauge_tells_what_a_process_waits_for() -> None:
    registry, standing = CollectorRegistry(), Standing()
    Telemetry.on(registry, "sink").show(standing, "sink")
    standing.wait("clickhouse", "it is away")

    def told() -> dict[str, float | None]:
        return {need: registry.get_sample_value("touchline_waiting", {"need": need}) for need in NEEDS}

    assert told() == {"kafka": 0, "clickhouse": 1, "schema_registry": None}
    standing.go_on("clickhouse")
    assert told() == {"kafka": 0, "clickhouse": 0, "schema_registry": None}


def test_two_registries_do_not_meet(telemetry: Telemetry) -> None:
    other = Telemetry.on(CollectorRegistry())

    telemetry.duplicates.inc()

    assert other.registry.get_sample_value("touchline_duplicates_total") == 0


def test_a_registry_takes_the_metrics_once(telemetry: Telemetry) -> None:
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        Telemetry.on(telemetry.registry)


def test_the_build_is_told(telemetry: Telemetry) -> None:
    (build,) = telemetry.build_info.collect()
    (sample,) = build.samples

    assert sample.value == 1
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", sample.labels["version"])
    assert re.fullmatch(r"3\.\d+\.\d+\S*", sample.labels["python"])


def test_the_fields_cannot_be_replaced(telemetry: Telemetry) -> None:
    with pytest.raises(FrozenInstanceError):
        telemetry.duplicates = telemetry.recomputations  # type: ignore[misc]  # that is what is refused


def test_a_stages_figures_are_recorded_together(telemetry: Telemetry) -> None:
    telemetry.record_stage("sink", now_ms=10_000, durations_s=[0.2, 0.3], touchpoints=7, newest_ms=4_000)
    telemetry.record_stage("sink", now_ms=20_000, durations_s=[], touchpoints=0, newest_ms=0)

    value = telemetry.registry.get_sample_value
    stage = {"stage": "sink"}
    assert value("touchline_chunk_duration_seconds_count", stage) == 2
    assert value("touchline_touchpoints_processed_total", stage) == 7
    assert value("touchline_last_success_timestamp_seconds", stage) == 20
    assert value("touchline_event_time_lag_seconds", stage) == 6, "without touchpoints the lag stays"
