"""Changes: what the business changed, and whether customers' experience got better by it, with what that rests on."""

from __future__ import annotations

from schemas.limits import CHANGES_JUDGED
from touchline.page.asked import Asked
from touchline.page.marks import N_
from touchline.page.query import SLOW_S, Query
from touchline.page.screen import tables_of
from touchline.page.tables import Column, Plan

CHANGES = Plan(
    Query(
        "changes",
        """
SELECT change_id, name, ifNull(topic, '') AS topic, toUnixTimestamp64Milli(effective_at) AS since_at,
       toUnixTimestamp64Milli(reverted_at) AS until_at, source
FROM business_changes
WHERE effective_at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
  AND (reverted_at IS NULL OR reverted_at > fromUnixTimestamp64Milli({since:Int64}, 'UTC'))
ORDER BY effective_at DESC, change_id LIMIT 100
""",
    ),
    N_("What was changed"),
    (
        Column(N_("Change"), "name"),
        Column(N_("Topic"), "topic"),
        Column(N_("In force since"), "since_at", "moment"),
        Column(N_("until"), "until_at", "moment"),
        Column(N_("By"), "source"),
    ),
    note=N_("In force at some time of the period."),
)
EFFECTS = Plan(
    Query(
        "effects",
        """
SELECT name, metric, verdict, dimension_value, before, after, difference, ci_low, ci_high, days_before, days_after,
       customers_before, customers_after, controls, overlaps,
       toUnixTimestamp64Milli(effective_at) AS since_at, toUnixTimestamp64Milli(reverted_at) AS until_at
FROM change_effects
WHERE dimension = {dimension:String} AND dimension_value = {value:String}
ORDER BY effective_at DESC, change_id, metric LIMIT 1000
""",
        kept_s=SLOW_S,
    ),
    N_("Did it get better?"),
    (
        Column(N_("Change"), "name"),
        Column(N_("Metric"), "metric", "word"),
        Column(N_("Verdict"), "verdict", "level"),
        Column(N_("Before"), "before", "score"),
        Column(N_("After"), "after", "score"),
        Column(N_("Difference, and its bounds"), "difference", "score", ("ci_low", "ci_high")),
        Column(N_("Days before"), "days_before", "number"),
        Column(N_("after"), "days_after", "number"),
        Column(N_("Customers before"), "customers_before", "number"),
        Column(N_("after"), "customers_after", "number"),
        Column(N_("What is taken out"), "controls", "words"),
        Column(N_("Other changes meanwhile"), "overlaps", "words"),
    ),
    note=N_(
        "The 14 days before and after, of the part of the business that is chosen. The difference is without what is "
        "taken out."
    ),
    empty=N_("No verdict on these changes, in this part."),
    span=("since_at", "until_at"),
)
JUDGED = Plan(
    Query(
        "judged",
        f"""
SELECT count() AS changes, least(changes, {CHANGES_JUDGED}) AS judged, changes - judged AS left_out
FROM business_changes HAVING left_out > 0
""",  # noqa: S608  # a number of our own
    ),
    N_("Changes without a verdict"),
    (
        Column(N_("Changes"), "changes", "number"),
        Column(N_("With a verdict"), "judged", "number"),
        Column(N_("Left out"), "left_out", "number"),
    ),
    note=N_("Of all changes the newest 100 have a verdict. Of others at the same time the 20 nearest are named."),
)
PLANS = (CHANGES, EFFECTS, JUDGED)
QUERIES = tuple(plan.query for plan in PLANS)


def parameters(asked: Asked) -> dict[str, object]:
    """Return the values that the queries name."""
    return asked.parameters


build = tables_of(PLANS)
"""Makes the screen."""
