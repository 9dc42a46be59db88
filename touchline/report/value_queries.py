"""The queries of the report on who comes back, what campaigns brought, and who is stuck where."""

from __future__ import annotations

from touchline.report.asking import Ask
from touchline.report.value import Value, build_campaigns, build_returning, build_stuck, build_worth

MOST_NAMED = 3

# As of the last touchpoint. Months begin in the business's time zone: a day later it is the same month in UTC, too.
COHORTS = """
SELECT formatDateTime(cohort + INTERVAL 1 DAY, '%b %Y') AS month, currency, any(c.customers) AS customers,
       arrayMap(one -> one.2, arraySort(groupArrayIf((months_since, retention), months_since > 0))) AS retention
FROM cohorts AS c
WHERE cohort IS NOT NULL AND months_since >= 0 AND c.month <= fromUnixTimestamp64Milli({until:Int64}, 'UTC')
GROUP BY cohort, currency
ORDER BY cohort DESC, customers DESC, currency
"""
BUYERS = """
WITH (SELECT max(month) FROM cohorts WHERE month <= fromUnixTimestamp64Milli({until:Int64}, 'UTC')) AS last
SELECT formatDateTime(c.month + INTERVAL 1 DAY, '%b %Y') AS month, existing, sum(visited) AS looked,
       sum(c.bought) AS bought, sumMap(map(currency, revenue_minor)) AS revenue
FROM cohorts AS c
WHERE c.month = last
GROUP BY month, existing
"""
CAMPAIGNS = """
SELECT campaign, currency, spent_minor, new_customers, customers_value_minor, value_to_cost
FROM campaign_value
ORDER BY spent_minor DESC, campaign, currency
"""
# Who stands where is told by the time that the pipeline has reached: of data of last year nobody does.
STUCK = """
SELECT step, count() AS standing, countIf(s.stuck) AS stuck, any(usual_seconds_p90) AS usual,
       maxIf(waiting_seconds, s.stuck) AS longest
FROM standing AS s
GROUP BY step
HAVING stuck > 0
ORDER BY stuck DESC, step
"""
WORTH = """
SELECT c.customer_id AS customer_id, spend_minor - refunded_minor AS value_minor, currency
FROM customers AS c
WHERE c.customer_id IN (SELECT customer_id FROM standing WHERE stuck) AND value_minor > 0
ORDER BY value_minor DESC, customer_id
LIMIT {most:UInt8}
"""


def read_value(ask: Ask, until: int) -> Value:
    """Run the queries.

    Args:
        ask: runs them.
        until: the time by which customers came back, ms.
    """
    stuck = build_stuck(ask(STUCK, {}))
    return Value(
        returning=build_returning(ask(COHORTS, {"until": until}), ask(BUYERS, {"until": until})),
        campaigns=build_campaigns(ask(CAMPAIGNS, {})),
        stuck=stuck,
        worth_most=build_worth(ask(WORTH, {"most": MOST_NAMED})) if stuck else [],
    )
