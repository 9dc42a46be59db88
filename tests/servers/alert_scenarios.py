"""What raises each alert of deploy/prometheus/alerts.yml, and how soon; times by hand, from docs/operating.md.

A new alert needs a `Scenario` here. Scenarios run side by side: each changes series of its own.
"""

from __future__ import annotations

import time
from contextlib import suppress

from tests.servers.alert_bench import AlertBench, Expected, Scenario

MINUTE = 60.0
PURCHASES, TWEETS, CALLS = "touchpoints.purchases.v1", "touchpoints.tweets.v1", "touchpoints.support_calls.v1"


def nothing(_bench: AlertBench, _elapsed_s: float) -> None:
    """All is as it was."""


def worker_goes(bench: AlertBench, _elapsed_s: float) -> None:
    bench.worker.stop()


def worker_comes(bench: AlertBench, _elapsed_s: float) -> None:
    bench.worker.start()


def sink_goes(bench: AlertBench, _elapsed_s: float) -> None:
    bench.sink.stop()


def sink_comes(bench: AlertBench, _elapsed_s: float) -> None:
    bench.sink.start()


def starts_every_minute(bench: AlertBench, elapsed_s: float) -> None:
    bench.first.telemetry.started.set(elapsed_s // MINUTE)


def waits(bench: AlertBench, _elapsed_s: float) -> None:
    bench.second.standing.wait("clickhouse", "it is away")


def works(bench: AlertBench, _elapsed_s: float) -> None:
    bench.second.standing.go_on("clickhouse")


def turns_away(bench: AlertBench, _elapsed_s: float) -> None:
    bench.second.telemetry.collect_requests.labels("shop", "200").inc(10)
    bench.second.telemetry.collect_requests.labels("shop", "503").inc(90)


def takes_all(bench: AlertBench, _elapsed_s: float) -> None:
    bench.second.telemetry.collect_requests.labels("shop", "200").inc(100)


def journeys_without_rows(bench: AlertBench, _elapsed_s: float) -> None:
    bench.first.telemetry.touchpoints_processed.labels("journeys").inc(600)


def journeys_with_rows(bench: AlertBench, elapsed_s: float) -> None:
    journeys_without_rows(bench, elapsed_s)
    bench.second.telemetry.inserted_rows.labels("touchpoints").inc(600)


def old_touchpoints(bench: AlertBench, _elapsed_s: float) -> None:
    bench.first.telemetry.touchpoints_processed.labels("ingest").inc()
    bench.first.telemetry.event_time_lag.labels("ingest").set(bench.length(30 * MINUTE))


def new_touchpoints(bench: AlertBench, _elapsed_s: float) -> None:
    bench.first.telemetry.touchpoints_processed.labels("ingest").inc()
    bench.first.telemetry.event_time_lag.labels("ingest").set(bench.length(3))


def stands_still_before_records(bench: AlertBench, _elapsed_s: float) -> None:
    bench.first.telemetry.consumer_lag.labels("journeys").set(40)


def finishes_records(bench: AlertBench, _elapsed_s: float) -> None:
    bench.first.telemetry.consumer_lag.labels("journeys").set(0)
    bench.first.telemetry.last_success.labels("journeys").set(time.time())


def falls_behind(bench: AlertBench, elapsed_s: float) -> None:
    bench.first.telemetry.consumer_lag.labels("ingest").set(1001 + 50 * elapsed_s)
    bench.first.telemetry.last_success.labels("ingest").set(time.time())


def keeps_up(bench: AlertBench, _elapsed_s: float) -> None:
    bench.first.telemetry.consumer_lag.labels("ingest").set(0)


def watermark_moves(bench: AlertBench, _elapsed_s: float) -> None:
    bench.first.telemetry.watermark.labels("2").set(time.time())


def partition_time_moves(bench: AlertBench, _elapsed_s: float) -> None:
    bench.first.telemetry.partition_time.labels("3").set(time.time())


def settled_time_stands_still(bench: AlertBench, elapsed_s: float) -> None:
    if not elapsed_s:
        bench.first.telemetry.settled_time.labels("5").set(time.time())
    bench.first.telemetry.partition_time.labels("5").set(time.time())


def settled_time_moves(bench: AlertBench, _elapsed_s: float) -> None:
    bench.first.telemetry.settled_time.labels("5").set(time.time())


def messages(bench: AlertBench, _elapsed_s: float) -> None:
    bench.first.telemetry.messages_received.labels(PURCHASES).inc(10_000)
    bench.first.telemetry.messages_received.labels(TWEETS).inc(10)


def refused_messages(bench: AlertBench, elapsed_s: float) -> None:
    messages(bench, elapsed_s)
    bench.first.telemetry.messages_refused.labels(TWEETS, "no_identity").inc(10)


def input_is_paused(bench: AlertBench, _elapsed_s: float) -> None:
    bench.second.telemetry.input_paused.labels(TWEETS, "3").set(time.time())


def input_is_taken_up(bench: AlertBench, _elapsed_s: float) -> None:
    with suppress(KeyError):
        bench.second.telemetry.input_paused.remove(TWEETS, "3")


def event_time_passes_an_input(bench: AlertBench, _elapsed_s: float) -> None:
    bench.second.telemetry.paused_input_behind.labels(TWEETS, "1").set(60)


def event_time_waits_for_an_input(bench: AlertBench, _elapsed_s: float) -> None:
    bench.second.telemetry.paused_input_behind.labels(TWEETS, "1").set(0)


def one_collision(bench: AlertBench, elapsed_s: float) -> None:
    if not elapsed_s:
        bench.first.telemetry.messages_refused.labels(CALLS, "event_id_collision").inc()


def sent(bench: AlertBench, source: str, *, on_time: int, late: int = 0, ahead: int = 0) -> None:
    """Count touchpoints of one source, as a worker does, and very many of another that sends to the same topic."""
    telemetry = bench.first.telemetry
    telemetry.touchpoints_on_time.labels(PURCHASES, "shop").inc(10_000)
    telemetry.touchpoints_on_time.labels(PURCHASES, source).inc(on_time)
    telemetry.late_touchpoints.labels(PURCHASES, source).inc(late)
    telemetry.touchpoints_ahead.labels(PURCHASES, source).inc(ahead)


def till_runs_ahead(bench: AlertBench, _elapsed_s: float) -> None:
    sent(bench, "till", on_time=1, ahead=1)


def till_is_right(bench: AlertBench, _elapsed_s: float) -> None:
    sent(bench, "till", on_time=1)


def archive_is_late(bench: AlertBench, _elapsed_s: float) -> None:
    sent(bench, "archive", on_time=0, late=1)


def archive_is_right(bench: AlertBench, _elapsed_s: float) -> None:
    sent(bench, "archive", on_time=1)


def one_trim(bench: AlertBench, elapsed_s: float) -> None:
    if not elapsed_s:
        bench.first.telemetry.trimmed.labels("state").inc()


def one_is_given_up(bench: AlertBench, elapsed_s: float) -> None:
    if not elapsed_s:
        bench.first.telemetry.notices.labels("care", "dead_letter").inc()


def none_is_given_up(bench: AlertBench, _elapsed_s: float) -> None:
    bench.first.telemetry.notices.labels("care", "dead_letter")


def rows_are_missing(bench: AlertBench, _elapsed_s: float) -> None:
    bench.second.telemetry.missing_rows.labels(CALLS).set(3)


def rows_are_found(bench: AlertBench, _elapsed_s: float) -> None:
    bench.second.telemetry.missing_rows.labels(CALLS).set(0)


def one_gap(bench: AlertBench, elapsed_s: float) -> None:
    if not elapsed_s:
        bench.first.telemetry.log_gap.labels("3").set(time.time())


def inserts_fail(bench: AlertBench, _elapsed_s: float) -> None:
    bench.second.telemetry.retries.labels("insert").inc()


def one(expected: Expected) -> tuple[Expected, ...]:
    """Return the alerts of a cause that raises one."""
    return (expected,)


SCENARIOS = (
    Scenario(
        (
            Expected("TouchlineNoWorker", 2 * MINUTE, 0),
            Expected("TouchlineProcessDown", 5 * MINUTE, 0, {"job": "touchline-worker"}),
        ),
        worker_goes,
        worker_comes,
    ),
    Scenario(one(Expected("TouchlineNoSink", 2 * MINUTE, 0)), sink_goes, sink_comes),
    # The third new start of half an hour raises it; it stops when the first is half an hour ago.
    Scenario(one(Expected("TouchlineCrashLoop", 2 * MINUTE, 30 * MINUTE)), starts_every_minute, nothing),
    Scenario(one(Expected("TouchlineWaiting", 5 * MINUTE, 0, {"need": "clickhouse"})), waits, works),
    Scenario(one(Expected("TouchlineCollectTurnsAway", 5 * MINUTE, 5 * MINUTE)), turns_away, takes_all),
    Scenario(one(Expected("TouchlineSinkNotWriting", 15 * MINUTE, 0)), journeys_without_rows, journeys_with_rows),
    Scenario(
        one(Expected("TouchlineEventTimeLagHigh", 15 * MINUTE, 0, {"stage": "ingest"})),
        old_touchpoints,
        new_touchpoints,
    ),
    Scenario(
        one(Expected("TouchlineConsumerStalled", 10 * MINUTE, 0, {"stage": "journeys"})),
        stands_still_before_records,
        finishes_records,
    ),
    Scenario(one(Expected("TouchlineConsumerLagGrowing", 20 * MINUTE, 0, {"stage": "ingest"})), falls_behind, keeps_up),
    Scenario(one(Expected("TouchlineWatermarkStuck", 20 * MINUTE, 0, {"task": "2"})), nothing, watermark_moves),
    Scenario(
        one(Expected("TouchlinePartitionStuck", 20 * MINUTE, 0, {"partition": "3"})), nothing, partition_time_moves
    ),
    Scenario(one(Expected("TouchlineSettledTimeStuck", 20 * MINUTE, 0)), settled_time_stands_still, settled_time_moves),
    Scenario(
        one(Expected("TouchlineRefusalsHigh", 15 * MINUTE, 15 * MINUTE, {"topic": TWEETS, "reason": "no_identity"})),
        refused_messages,
        messages,
    ),
    Scenario(
        one(Expected("TouchlineInputPaused", 5 * MINUTE, 2 * MINUTE, {"partition": "3"})),
        input_is_paused,
        input_is_taken_up,
    ),
    Scenario(
        one(Expected("TouchlineInputLate", 0, 2 * MINUTE, {"partition": "1"})),
        event_time_passes_an_input,
        event_time_waits_for_an_input,
    ),
    Scenario(one(Expected("TouchlineCollisions", 0, 30 * MINUTE, {"topic": CALLS})), one_collision, nothing),
    Scenario(
        one(Expected("TouchlineClocksAhead", 15 * MINUTE, 15 * MINUTE, {"source": "till"})),
        till_runs_ahead,
        till_is_right,
    ),
    Scenario(
        one(Expected("TouchlineLateTouchpoints", 15 * MINUTE, 15 * MINUTE, {"source": "archive"})),
        archive_is_late,
        archive_is_right,
    ),
    Scenario(one(Expected("TouchlineTrimmed", 0, 30 * MINUTE, {"what": "state"})), one_trim, nothing),
    Scenario(
        one(Expected("TouchlineNotifyGivesUp", 0, 30 * MINUTE, {"target": "care"})), one_is_given_up, none_is_given_up
    ),
    Scenario(one(Expected("TouchlineRowsMissing", 5 * MINUTE, 0, {"topic": CALLS})), rows_are_missing, rows_are_found),
    Scenario(one(Expected("TouchlineLogGap", 0, 30 * MINUTE, {"partition": "3"})), one_gap, nothing),
    Scenario(
        one(Expected("TouchlineRetries", 10 * MINUTE, 5 * MINUTE, {"operation": "insert"})), inserts_fail, nothing
    ),
)
