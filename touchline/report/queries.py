"""The queries of the report, and the findings that are built of their rows."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.limits import CHANGES_JUDGED
from schemas.metrics import METRICS, Section
from sinks.intervals import filled
from touchline.report.asking import Ask
from touchline.report.changes import WINDOW_DAYS, build_changes
from touchline.report.estimates import Estimate, RowDict, nps_estimate, share_estimate
from touchline.report.findings import (
    Findings,
    Journey,
    Shift,
    build_abandoned,
    build_intake,
    build_journey,
    build_shifts,
)
from touchline.report.levels_queries import read_levels
from touchline.report.people_queries import read_people
from touchline.report.reasons_queries import read_reasons
from touchline.report.service_queries import read_care
from touchline.report.topics_queries import read_topics
from touchline.report.value_queries import read_value

KINDS = """
SELECT kind, count() AS n,
       toUnixTimestamp64Milli(min(occurred_at)) AS first_at,
       toUnixTimestamp64Milli(max(occurred_at)) AS last_at
FROM touchpoints GROUP BY kind
"""
CUSTOMERS = """
SELECT count() AS customers, countIf(startsWith(customer_id, 'anon:')) AS anonymous FROM customer_totals
"""
IDENTIFIERS = """
SELECT uniqExact(kind, value) AS identifiers, uniqExact(customer_id) AS customers
FROM identities WHERE superseded_at IS NULL AND kind != 'customer' AND NOT startsWith(customer_id, 'anon:')
"""
REVENUE = """
SELECT dimension_value AS currency, sum(numerator) AS amount_minor FROM rolling_metrics
WHERE metric = 'revenue' AND grain = '1d' AND dimension = 'currency'
GROUP BY currency HAVING amount_minor != 0
"""
REFUSED = "SELECT reason, count() AS n FROM dead_letters GROUP BY reason ORDER BY n DESC, reason"

METRIC_SUMS = """
SELECT metric, sum(n) AS observations, sum(numerator) AS counted, sum(denominator) AS of
FROM rolling_metrics WHERE grain = '1d' AND dimension = 'all' GROUP BY metric
"""
SPREAD_METRICS = [metric.name for metric in METRICS if metric.kind in {"nps", "share"}]
# `rolling_metrics` leaves out what the interval of a sum of buckets needs.
SPREADS = filled("""
SELECT metric, observations, total, squares,
       if(metric = 'nps', squares - total * total / observations, total * (1 - total / observations)) AS varied,
       {spread of total in observations varying by varied over groups_added} AS spread
FROM
(
    SELECT metric, sum(n) AS observations, toFloat64(sum(numerator)) AS total, sum(squares) AS squares,
           sumMap(groups.1, groups.2, groups.3) AS groups_added
    FROM metric_counts
    WHERE metric IN {metrics:Array(String)} AND grain = '1mo' AND dimension = 'all'
    GROUP BY metric HAVING observations > 0
)
""")
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
WITH (SELECT groupArray(onset_at) FROM sentiment_shifts WHERE direction = 'worse') AS soured
SELECT any(c.name) AS name, toUnixTimestamp64Milli(any(c.effective_at)) AS effective_at,
       toUnixTimestamp64Milli(any(c.reverted_at)) AS reverted_at,
       anyIf(c.verdict, metric = 'experience') AS verdict, anyIf(c.before, metric = 'experience') AS before,
       anyIf(c.after, metric = 'experience') AS after, any(c.days_after) AS days_after, any(c.overlaps) AS overlaps,
       countIf(metric != 'experience' AND difference IS NOT NULL AND NOT has(controls, 'trend')) > 0 AS has_trend,
       arrayCount(at -> at >= any(c.effective_at) - INTERVAL {days:UInt8} DAY AND at < any(c.effective_at), soured)
           AS soured_before,
       arrayCount(at -> at >= any(c.effective_at) AND at < least(
           any(c.effective_at) + INTERVAL {days:UInt8} DAY,
           ifNull(any(c.reverted_at), any(c.effective_at) + INTERVAL {days:UInt8} DAY)
       ), soured) AS soured_after
FROM change_effects AS c
WHERE dimension = 'all'
GROUP BY change_id
ORDER BY effective_at, name, change_id
"""
COUNT_CHANGES = "SELECT count() AS n FROM business_changes"


def read_findings(ask: Ask) -> Findings:
    """Run all queries of the report on a database that holds all touchpoints."""
    sums = {str(row["metric"]): row for row in ask(METRIC_SUMS, {})}
    spreads = {str(row["metric"]): row for row in ask(SPREADS, {"metrics": SPREAD_METRICS})}
    shifts = build_shifts(ask(SHIFTS, {}))
    worse = [shift for shift in shifts if shift.direction == "worse"]
    intake = build_intake(*(ask(sql, {}) for sql in (KINDS, CUSTOMERS, IDENTIFIERS, REVENUE, REFUSED)))
    until = intake.last_at or 0
    return Findings(
        intake=intake,
        people=read_people(ask),
        ratings=_known({"nps": _nps(spreads.get("nps")), **_of_section("ratings", sums, spreads)}),
        service=_known(_of_section("service", sums, spreads)),
        levels=read_levels(ask, until),
        care=read_care(ask, until),
        reasons=read_reasons(ask, until),
        value=read_value(ask, until),
        topics=read_topics(ask),
        abandoned=build_abandoned(ask(ABANDONED, {})),
        worse=worse,
        better=[shift for shift in shifts if shift.direction == "better"],
        worst_journey=_journey(ask, worse[0], shifts) if worse else None,
        changes=build_changes(ask(CHANGES, {"days": WINDOW_DAYS})),
        changes_left_out=max(0, sum(int(row["n"]) for row in ask(COUNT_CHANGES, {})) - CHANGES_JUDGED),
    )


def _of_section(
    section: Section, sums: Mapping[str, RowDict], spreads: Mapping[str, RowDict]
) -> dict[str, Estimate | None]:
    """Return the shares and durations that a section of the report shows, by metric."""
    found: dict[str, Estimate | None] = {}
    for metric in METRICS:
        row = sums.get(metric.name)
        if metric.section != section or row is None:
            continue
        counted, of = float(row["counted"] or 0), int(row["of"])
        if metric.kind == "share":
            spread = spreads.get(metric.name)
            found[metric.name] = share_estimate(int(counted), of, 1.0 if spread is None else float(spread["spread"]))
        elif metric.kind == "duration" and of:
            found[metric.name] = Estimate(counted / of, of)
    return found


def _known(estimates: Mapping[str, Estimate | None]) -> dict[str, Estimate]:
    return {name: estimate for name, estimate in estimates.items() if estimate is not None}


def _nps(row: RowDict | None) -> Estimate | None:
    if row is None:
        return None
    return nps_estimate(int(row["observations"]), int(row["total"]), int(row["squares"]), float(row["spread"]))


def _journey(ask: Ask, worst: Shift, shifts: list[Shift]) -> Journey:
    where = {"customer": worst.customer_id, "journey": worst.journey_id}
    outcomes = ask(OUTCOME, {"journey": worst.journey_id})
    outcome = str(outcomes[0]["outcome"]) if outcomes else ""
    return build_journey(worst, shifts, outcome, ask(STEPS, where))
