"""The queries of the report, and the findings that are built of their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from touchline.report.findings import (
    Change,
    Estimate,
    Findings,
    Journey,
    Period,
    RowDict,
    Shift,
    build_abandoned,
    build_intake,
    build_journey,
    build_shifts,
    mean_estimate,
    nps_estimate,
    share_estimate,
)

Ask = Callable[[str, Mapping[str, Any]], list[dict[str, Any]]]
"""Runs a query with `{name:Type}` parameters and returns its rows, column to value."""

DAY_MS = 86_400_000
AROUND_DAYS = 14
"""A change in the business is judged by this many days before and after it."""

KINDS = """
SELECT kind, count() AS n,
       toUnixTimestamp64Milli(min(occurred_at)) AS first_at,
       toUnixTimestamp64Milli(max(occurred_at)) AS last_at
FROM touchpoints GROUP BY kind
"""
CUSTOMERS = """
SELECT count() AS customers, countIf(startsWith(customer_id, 'anon:')) AS anonymous FROM customers
"""
REVENUE = """
SELECT dimension_value AS currency, sum(numerator) AS amount_minor FROM rolling_metrics
WHERE metric = 'revenue' AND grain = '1d' AND dimension = 'currency'
GROUP BY currency HAVING amount_minor != 0
"""
REFUSED = "SELECT reason, count() AS n FROM dead_letters GROUP BY reason ORDER BY n DESC, reason"

METRICS = """
SELECT metric, sum(n) AS observations, sum(numerator) AS counted, sum(denominator) AS of
FROM rolling_metrics WHERE grain = '1d' AND dimension = 'all' GROUP BY metric
"""
# `rolling_metrics` leaves out the squares, which the interval of a sum of buckets needs.
NPS = """
SELECT sum(n) AS observations, sum(numerator) AS total, sum(squares) AS squares
FROM metric_counts
WHERE metric = 'nps' AND grain = '1m' AND dimension = 'all'
  AND bucket >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
  AND bucket < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
"""
EXPERIENCE = """
SELECT count(experience) AS observations, sum(experience) AS total,
       sum(experience * experience) AS squares
FROM touchpoints
WHERE occurred_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
"""
GOT_WORSE = """
SELECT count() AS n FROM sentiment_shifts
WHERE direction = 'worse' AND onset_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
  AND onset_at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
"""

ABANDONED = """
SELECT subject, status, ifNull(currency, '') AS currency,
       count() AS n, sum(value_minor) AS value_minor
FROM abandonments GROUP BY subject, status, currency ORDER BY subject, status, currency
"""
SHIFTS = """
SELECT s.customer_id AS customer_id, s.journey_id AS journey_id, s.direction AS direction,
       toUnixTimestamp64Milli(s.onset_at) AS onset_at, s.onset_event_id AS onset_event_id,
       s.before_mean AS before_mean, s.after_mean AS after_mean,
       s.cause_event_id AS cause_event_id, s.cause_kind AS cause_kind,
       t.action AS cause_action, t.text AS cause_text,
       if(t.event_id = '', NULL, toUnixTimestamp64Milli(t.occurred_at)) AS cause_at,
       o.kind AS onset_kind, o.action AS onset_action, o.text AS onset_text
FROM sentiment_shifts AS s
LEFT JOIN touchpoints AS t
  ON t.customer_id = s.customer_id AND t.event_id = ifNull(s.cause_event_id, '')
LEFT JOIN touchpoints AS o
  ON o.customer_id = s.customer_id AND o.event_id = s.onset_event_id
"""
OUTCOME = "SELECT outcome FROM journeys WHERE journey_id = {journey:String}"
STEPS = """
SELECT event_id, toUnixTimestamp64Milli(occurred_at) AS at, kind, action, channel, text,
       experience, value_minor, currency
FROM touchpoints
WHERE customer_id = {customer:String} AND journey_id = {journey:String}
ORDER BY occurred_at, event_id
"""
CHANGES = """
SELECT name, topic, toUnixTimestamp64Milli(effective_at) AS effective_at,
       toUnixTimestamp64Milli(reverted_at) AS reverted_at
FROM business_changes ORDER BY effective_at, name
"""

RATINGS = ("csat", "ces")
SHARES = (
    "service_level",
    "call_abandonment_rate",
    "cart_abandonment_rate",
    "survey_abandonment_rate",
)
MEAN_SECONDS = ("speed_of_answer", "hold_time", "first_response_time")
EVER = {"since": 0, "until": 4_102_444_800_000}
"""From 1970 to 2100, ms."""


def read_findings(ask: Ask) -> Findings:
    """Run all queries of the report on a database that holds all touchpoints."""
    metrics = {str(row["metric"]): row for row in ask(METRICS, {})}
    shifts = build_shifts(ask(SHIFTS, {}))
    worse = [shift for shift in shifts if shift.direction == "worse"]
    return Findings(
        intake=build_intake(ask(KINDS, {}), ask(CUSTOMERS, {}), ask(REVENUE, {}), ask(REFUSED, {})),
        ratings=_ratings(ask, metrics),
        service=_service(metrics),
        abandoned=build_abandoned(ask(ABANDONED, {})),
        worse=worse,
        better=[shift for shift in shifts if shift.direction == "better"],
        worst_journey=_journey(ask, worse[0], shifts) if worse else None,
        changes=[_change(ask, row) for row in ask(CHANGES, {})],
    )


def _ratings(ask: Ask, metrics: Mapping[str, RowDict]) -> dict[str, Estimate]:
    shares = {
        name: share_estimate(int(metrics[name]["counted"]), int(metrics[name]["of"]))
        for name in RATINGS
        if name in metrics
    }
    return _known({"nps": _nps(ask, EVER), **shares})


def _service(metrics: Mapping[str, RowDict]) -> dict[str, Estimate]:
    estimates: dict[str, Estimate | None] = {
        name: share_estimate(int(metrics[name]["counted"]), int(metrics[name]["of"]))
        for name in SHARES
        if name in metrics
    }
    for name in MEAN_SECONDS:
        row = metrics.get(name)
        if row is not None and int(row["of"]):
            estimates[name] = Estimate(float(row["counted"]) / int(row["of"]), int(row["of"]))
    return _known(estimates)


def _known(estimates: Mapping[str, Estimate | None]) -> dict[str, Estimate]:
    return {name: estimate for name, estimate in estimates.items() if estimate is not None}


def _nps(ask: Ask, window: Mapping[str, int]) -> Estimate | None:
    (row,) = ask(NPS, window)
    return nps_estimate(int(row["observations"]), int(row["total"]), int(row["squares"]))


def _journey(ask: Ask, worst: Shift, shifts: list[Shift]) -> Journey:
    where = {"customer": worst.customer_id, "journey": worst.journey_id}
    outcomes = ask(OUTCOME, {"journey": worst.journey_id})
    outcome = str(outcomes[0]["outcome"]) if outcomes else ""
    return build_journey(worst, shifts, outcome, ask(STEPS, where))


def _change(ask: Ask, row: RowDict) -> Change:
    at = int(row["effective_at"])
    reverted_at = int(row["reverted_at"]) if row["reverted_at"] else None
    around = AROUND_DAYS * DAY_MS
    until = min(at + around, reverted_at) if reverted_at else at + around
    return Change(
        name=str(row["name"]),
        topic=row["topic"] or None,
        effective_at=at,
        reverted_at=reverted_at,
        before=_period(ask, {"since": at - around, "until": at}),
        after=_period(ask, {"since": at, "until": until}),
    )


def _period(ask: Ask, window: Mapping[str, int]) -> Period:
    (experience,) = ask(EXPERIENCE, window)
    (worse,) = ask(GOT_WORSE, window)
    return Period(
        experience=mean_estimate(
            int(experience["observations"]),
            float(experience["total"] or 0),
            float(experience["squares"] or 0),
        ),
        nps=_nps(ask, window),
        got_worse=int(worse["n"]),
    )
