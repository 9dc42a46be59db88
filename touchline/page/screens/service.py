"""Service: how long customers wait, which promises are kept, what is open, and how the staff does."""

from __future__ import annotations

from touchline.page.cards import VALUES, parameters_of
from touchline.page.marks import N_
from touchline.page.query import SLOW_S, Query
from touchline.page.screen import tables_of
from touchline.page.sql import filled
from touchline.page.tables import Column, Plan

NAMES = ("speed_of_answer", "hold_time", "service_level", "call_abandonment_rate", "first_response_time")
CASES = Plan(
    Query(
        "cases",
        filled("""
WITH answered_in_24h IS NOT NULL AS is_judged, ifNull(answered_in_24h, 0) AS is_in_24h,
     {groups of is_in_24h in is_judged by customer_id} AS groups, {spread of in_24h in judged over groups} AS spread,
     in_24h / spread AS in_24h_worth, judged / spread AS worth
SELECT subject, channel, count() AS n, countIf(is_in_24h) AS in_24h, countIf(is_judged) AS judged,
       if(judged = 0, NULL, in_24h / judged) AS share,
       if(judged = 0, NULL, {wilson low of in_24h_worth in worth}) AS low,
       if(judged = 0, NULL, {wilson high of in_24h_worth in worth}) AS high,
       quantileExactInclusiveOrNull(0.5)(first_response_seconds) AS first_p50,
       quantileExactInclusiveOrNull(0.9)(first_response_seconds) AS first_p90,
       quantileExactInclusiveOrNull(0.5)(resolution_seconds) AS solved_p50,
       countIf(status NOT IN ('resolved', 'closed', 'answered')) AS still_open,
       sum(promises_kept) AS kept, sum(promises_broken) AS broken
FROM cases
WHERE {period of opened_at}
  AND ({dimension:String} = 'all' OR ({dimension:String} = 'channel' AND channel = {value:String}))
GROUP BY subject, channel ORDER BY n DESC, subject, channel LIMIT 100
"""),
        kept_s=SLOW_S,
    ),
    N_("Cases and posts"),
    (
        Column(N_("What"), "subject", "word"),
        Column(N_("Channel"), "channel"),
        Column(N_("Opened"), "n", "number"),
        Column(N_("Answered within 24 hours"), "share", "share", ("low", "high")),
        Column(N_("First answer: half of them within"), "first_p50", "seconds"),
        Column(N_("Nine in ten within"), "first_p90", "seconds"),
        Column(N_("Resolved: half of them within"), "solved_p50", "seconds"),
        Column(N_("Still open"), "still_open", "number"),
        Column(N_("Promises kept"), "kept", "number"),
        Column(N_("broken"), "broken", "number"),
    ),
    note=N_("Opened in the period; of a part of the business, by channel alone."),
)
OPEN = Plan(
    Query(
        "open",
        """
SELECT customer_id, case_id, ifNull(topic, '') AS topic, channel, ifNull(owner, '') AS owner, status,
       toUnixTimestamp64Milli(opened_at) AS opened_at, age_seconds, promises_broken, updates
FROM cases
WHERE subject = 'case' AND status NOT IN ('resolved', 'closed')
  AND ({dimension:String} = 'all' OR ({dimension:String} = 'channel' AND channel = {value:String}))
ORDER BY age_seconds DESC, case_id LIMIT 20
""",
        kept_s=SLOW_S,
    ),
    N_("The oldest open cases"),
    (
        Column(N_("Customer"), "customer_id", "customer"),
        Column(N_("Case"), "case_id"),
        Column(N_("Topic"), "topic"),
        Column(N_("Channel"), "channel"),
        Column(N_("Who"), "owner"),
        Column(N_("Status"), "status", "word"),
        Column(N_("Opened"), "opened_at", "moment"),
        Column(N_("Age"), "age_seconds", "age"),
        Column(N_("Promises broken"), "promises_broken", "number"),
        Column(N_("Updates"), "updates", "number"),
    ),
    note=N_("Whatever the period."),
)
STAFF = Plan(
    Query(
        "staff",
        """
SELECT s.agent AS agent, toUnixTimestamp64Milli(s.month) AS month,
       maxOrNullIf(s.n, s.metric = 'calls_handled') AS calls,
       maxOrNullIf(s.value, s.metric = 'resolved') AS resolved,
       maxOrNullIf(s.ci_low, s.metric = 'resolved') AS resolved_low,
       maxOrNullIf(s.ci_high, s.metric = 'resolved') AS resolved_high,
       maxOrNullIf(s.value, s.metric = 'transferred') AS transferred,
       maxOrNullIf(s.p50, s.metric = 'handling_time') AS handling_p50,
       maxOrNullIf(s.p50, s.metric = 'hold_time') AS hold_p50,
       maxOrNullIf(s.n, s.metric = 'cases_solved') AS cases,
       maxOrNullIf(s.value, s.metric = 'experience_after') AS after,
       maxOrNullIf(s.ci_low, s.metric = 'experience_after') AS after_low,
       maxOrNullIf(s.ci_high, s.metric = 'experience_after') AS after_high
FROM staff AS s
WHERE s.enough AND addMonths(s.month, 1) > fromUnixTimestamp64Milli({since:Int64}, 'UTC')
  AND s.month < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
GROUP BY s.agent, s.month ORDER BY s.month DESC, s.agent LIMIT 100
""",
        kept_s=SLOW_S,
    ),
    N_("Staff"),
    (
        Column(N_("Who"), "agent"),
        Column(N_("Month"), "month", "month"),
        Column(N_("Calls"), "calls", "number"),
        Column(N_("Resolved in the call"), "resolved", "share", ("resolved_low", "resolved_high")),
        Column(N_("Transferred"), "transferred", "share"),
        Column(N_("Handling: half of them within"), "handling_p50", "seconds"),
        Column(N_("On hold: half of them within"), "hold_p50", "seconds"),
        Column(N_("Cases solved"), "cases", "number"),
        Column(N_("Experience after"), "after", "score", ("after_low", "after_high")),
    ),
    note=N_("Only where there is enough to judge somebody by; in all parts of the business."),
    empty=N_("There is not enough to judge anybody by."),
)
PLANS = (CASES, OPEN, STAFF)
QUERIES = (VALUES, *(plan.query for plan in PLANS))
parameters = parameters_of
"""The values that the queries name."""
build = tables_of(PLANS, NAMES)
"""Makes the screen."""
