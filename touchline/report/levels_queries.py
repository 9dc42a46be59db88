"""The queries of the report on which figures are not as they usually are."""

from __future__ import annotations

from schemas.metrics import METRICS
from touchline.report.asking import Ask
from touchline.report.levels import Levels, build_levels

DAYS = 28
"""Days up to the last touchpoint that are looked at."""
MONEY = [metric.name for metric in METRICS if metric.kind == "sum"]
"""Metrics that are told by currency."""

_OF_ALL = "(dimension = if(metric IN {money:Array(String)}, 'currency', 'all'))"
_REACHED = "fromUnixTimestamp64Milli({until:Int64}, 'UTC')"
# What goes on stands first, then what began last.
ANOMALIES = f"""
SELECT a.metric AS metric, a.dimension_value AS currency, a.level AS level, d.days AS days,
       toUnixTimestamp64Milli(a.started_at) AS since,
       if(a.ended_at <= {_REACHED}, toUnixTimestamp64Milli(a.ended_at), NULL) AS ended_at
FROM metric_anomalies AS a
INNER JOIN
(
    SELECT metric, dimension_value, arraySort(groupArray((toUnixTimestamp64Milli(bucket), value, baseline))) AS days
    FROM metric_health
    WHERE grain = '1d' AND {_OF_ALL} AND bucket <= {_REACHED} AND bucket > {_REACHED} - INTERVAL {{days:UInt8}} DAY
    GROUP BY metric, dimension_value
) AS d
ON a.metric = d.metric AND a.dimension_value = d.dimension_value
WHERE {_OF_ALL} AND a.found_at <= {_REACHED}
    AND (a.ended_at IS NULL OR a.ended_at > {_REACHED} - INTERVAL {{days:UInt8}} DAY)
ORDER BY ended_at IS NOT NULL, since DESC, metric, currency
"""  # noqa: S608  # made of constants
LEVELS = f"""
SELECT count() AS metrics, countIf(level = 'too few to tell') AS unknown
FROM
(
    SELECT metric, dimension_value, argMax(h.level, h.bucket) AS level
    FROM metric_health AS h
    WHERE grain = '1d' AND {_OF_ALL} AND bucket <= {_REACHED}
    GROUP BY metric, dimension_value
)
"""  # noqa: S608  # made of constants


def read_levels(ask: Ask, until: int) -> Levels:
    """Run the queries.

    Args:
        ask: runs them.
        until: the time by which figures are as usual or not, ms.
    """
    by = {"until": until, "money": MONEY}
    return build_levels(ask(ANOMALIES, {**by, "days": DAYS}), ask(LEVELS, by))
