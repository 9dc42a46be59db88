"""What all screens go by: the business's time zone and currency, the last day, and the parts of the business."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from touchline.page.asked import Basis, Part
from touchline.page.query import Query, Rows

# The last minute that was counted is one of the last month that has any: no other one is looked at.
BASIS = Query(
    "basis",
    """
SELECT (SELECT time_zone FROM own_time_zone) AS time_zone, (SELECT currency FROM own_currency) AS currency,
       (
           SELECT toUnixTimestamp64Milli(max(bucket)) FROM metric_minutes
           WHERE dimension = 'all' AND n > 0
               AND bucket >= (SELECT subtractDays(max(bucket), 31) FROM metric_buckets_rows)
       ) AS last_at,
       (SELECT toUnixTimestamp64Milli(min(time)) FROM clocks) AS clock_at
""",
    kept_s=60.0,
    is_basis=True,
)
# Of their order alone it matters that a row which was written again counts twice until it is merged.
PARTS = Query(
    "parts",
    """
SELECT dimension, dimension_value AS value, sum(n) AS observations FROM metric_buckets_rows
WHERE dimension != 'all'
GROUP BY dimension, value HAVING observations > 0
ORDER BY dimension, observations DESC, value LIMIT 20 BY dimension LIMIT 200
""",
    kept_s=300.0,
    is_basis=True,
)
# How far the log is written to the tables: rows are written before the clock that goes with them.
MARK = Query(
    "mark",
    "SELECT toString(groupBitXor(cityHash64(partition, time, settled, offset))) AS mark FROM clocks",
    is_basis=True,
)


def read_basis(basis: Rows, parts: Rows) -> Basis:
    """Return what all screens go by, of the rows of both queries."""
    (row,) = basis
    return Basis(
        zone=ZoneInfo(row["time_zone"] or "UTC"),
        currency=row["currency"] or "",
        last_at=int(row["last_at"] or 0) or None,
        clock_at=int(row["clock_at"] or 0) or None,
        parts=tuple(Part(part["dimension"], part["value"]) for part in parts),
    )
