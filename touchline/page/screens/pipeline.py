"""Pipeline: how far time has come, what was refused and why, and whether all that came is in the tables."""

from __future__ import annotations

from touchline.page.asked import Asked
from touchline.page.marks import N_
from touchline.page.query import Query
from touchline.page.screen import tables_of
from touchline.page.sql import filled
from touchline.page.tables import Column, Plan

SHOWN_BYTES = 300
"""Bytes of a refused message that are shown."""

CLOCKS = Plan(
    Query(
        "clocks",
        """
SELECT toString(c.partition) AS partition, toUnixTimestamp64Milli(c.time) AS time,
       toUnixTimestamp64Milli(c.settled) AS settled, c.offset AS offset
FROM clocks AS c ORDER BY c.partition
""",
    ),
    N_("How far time has come"),
    (
        Column(N_("Partition of the log"), "partition"),
        Column(N_("Its time"), "time", "moment"),
        Column(N_("Settled until"), "settled", "moment"),
        Column(N_("Offset"), "offset", "number"),
    ),
    note=N_("Time is that of what happened. Nothing that is settled changes any more, and figures are final by it."),
    empty=N_("Nothing was written yet."),
)
REFUSED = Plan(
    Query(
        "refused",
        """
SELECT reason, stage, topic, count() AS n, toUnixTimestamp64Milli(max(refused_at)) AS last_at,
       argMax(detail, (refused_at, partition, offset)) AS last_detail,
       toValidUTF8(substring(argMax(raw, (refused_at, partition, offset)), 1, {shown:UInt32})) AS last_raw
FROM dead_letters
GROUP BY reason, stage, topic ORDER BY n DESC, reason, stage, topic
""",
    ),
    N_("Dead letters by reason"),
    (
        Column(N_("Reason"), "reason"),
        Column(N_("Stage"), "stage"),
        Column(N_("Topic"), "topic"),
        Column(N_("Messages"), "n", "number"),
        Column(N_("Last refused"), "last_at", "moment"),
        Column(N_("Why"), "last_detail"),
        Column(N_("How it begins"), "last_raw"),
    ),
    note=N_("All that are kept, whatever the period; detail and beginning are of the last one."),
    empty=N_("Nothing was refused."),
)
COUNTS = Plan(
    Query(
        "reconciliation",
        filled("""
SELECT topic, kind, sumIf(r.accepted, r.in_period) AS accepted, sumIf(r.late, r.in_period) AS late,
       sumIf(r.refused, r.in_period) AS refused, sumIf(r.duplicates, r.in_period) AS duplicates,
       sumIf(r.superseded, r.in_period) AS superseded, sumIf(r.found, r.in_period) AS found,
       sumIf(r.erased, r.in_period) AS erased, sumIf(r.missing, r.in_period) AS missing,
       sum(r.missing) AS missing_in_all
FROM (SELECT *, {period of hour} AS in_period FROM reconciliation) AS r
GROUP BY topic, kind ORDER BY missing_in_all DESC, topic, kind
"""),
    ),
    N_("Reconciliation"),
    (
        Column(N_("Topic"), "topic"),
        Column(N_("Kind"), "kind", "word"),
        Column(N_("Accepted"), "accepted", "number"),
        Column(N_("of these late"), "late", "number"),
        Column(N_("Refused"), "refused", "number"),
        Column(N_("Duplicates"), "duplicates", "number"),
        Column(N_("Superseded"), "superseded", "number"),
        Column(N_("Rows found"), "found", "number"),
        Column(N_("Erased"), "erased", "number"),
        Column(N_("Missing"), "missing", "number"),
        Column(N_("Missing in all hours"), "missing_in_all", "number"),
    ),
    note=N_(
        "Whether all that was accepted and refused is in the tables, in the hours of the period, in all parts of the "
        "business. What was refused counts in the hour that it was refused in. Missing is 0 when all is well."
    ),
    empty=N_("Nothing was counted yet."),
)
PLANS = (CLOCKS, REFUSED, COUNTS)
QUERIES = tuple(plan.query for plan in PLANS)


def parameters(asked: Asked) -> dict[str, object]:
    """Return the values that the queries name."""
    return {**asked.parameters, "shown": SHOWN_BYTES}


build = tables_of(PLANS)
"""Makes the screen."""
