"""The queries of the report on why customers call, are at risk, and left."""

from __future__ import annotations

from touchline.report.asking import Ask
from touchline.report.reasons import Reasons, build_causes, build_left, build_loyalty

MOST = 7
"""Causes, customers and steps that are told."""

# What leads to calls most surely stands first; of each step its most telling detail.
CAUSES = """
SELECT *, count() OVER () AS in_all
FROM
(
    SELECT step, failed, detail, detail_value, sum(n) AS days, sum(counted) AS called, sum(extra) AS more,
           sumOrNull(extra_seconds) AS seconds, max(difference_low) AS surely
    FROM contact_causes
    WHERE leads_to = 'call' AND n >= 10 AND difference_low > 0
    GROUP BY step, failed, detail, detail_value
    ORDER BY surely DESC, detail DESC, step, failed, detail_value
    LIMIT 1 BY step, failed, days, called
)
ORDER BY surely DESC, detail DESC, step, failed, detail_value
LIMIT {most:UInt8}
"""
# As of the last touchpoint: data of last year are told as they were left.
_DAYS_AGO = "dateDiff('day', fromUnixTimestamp64Milli({until:Int64}, 'UTC'), as_of)"
_SILENT = f"""
    SELECT *, {_DAYS_AGO} AS days_ago, silence_days - days_ago AS silent
    FROM customers
    WHERE last_order_at IS NOT NULL
"""  # noqa: S608  # made of constants
LOYALTY = f"""
WITH
    (SELECT (max(loyal_days), max(at_risk), max(lapsed)) FROM loyalty_settings) AS rules,
    arrayConcat(
        if(silent > rules.2 * rhythm_days, ['at_risk'], []),
        arrayFilter(reason -> reason NOT IN ('at_risk', 'unmended'), care_reasons)
    ) AS reasons
SELECT customer_id, reasons, spend_minor - refunded_minor AS value_minor, currency,
       toUnixTimestamp64Milli(unmended_since) AS since,
       count() OVER () AS loyal, countIf(notEmpty(reasons)) OVER () AS at_risk, days_ago
FROM ({_SILENT})
WHERE order_days >= rules.1 AND silent <= rules.3 * rhythm_days
ORDER BY length(reasons) DESC, value_minor DESC, customer_id
LIMIT {{most:UInt8}}
"""  # noqa: S608  # made of constants
_LEFT = f"""
    SELECT d.*
    FROM departures AS d
    WHERE d.customer_id IN (
        SELECT customer_id FROM ({_SILENT}) WHERE silent > (SELECT max(lapsed) FROM loyalty_settings) * rhythm_days
    )
"""  # noqa: S608  # made of constants
LEFT = f"""
SELECT currency, count() AS customers, countIf(was_loyal) AS loyal, sum(value_minor) AS value_minor
FROM ({_LEFT})
GROUP BY currency
"""  # noqa: S608  # made of constants
LEFT_AFTER = f"""
SELECT step, uniqExact(customer_id) AS customers, count() OVER () AS in_all, any({_DAYS_AGO}) AS days_ago
FROM ({_LEFT})
ARRAY JOIN arrayDistinct(bad_steps) AS step
GROUP BY step
ORDER BY customers DESC, step
LIMIT {{most:UInt8}}
"""  # noqa: S608  # made of constants


def read_reasons(ask: Ask, until: int) -> Reasons:
    """Run the queries.

    Args:
        ask: runs them.
        until: the time by which customers are silent, ms.
    """
    return Reasons(
        causes=build_causes(ask(CAUSES, {"most": MOST})),
        loyalty=build_loyalty(ask(LOYALTY, {"until": until, "most": MOST})),
        left=build_left(ask(LEFT, {"until": until}), ask(LEFT_AFTER, {"until": until, "most": MOST})),
    )
