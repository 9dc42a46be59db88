"""Voice: what customers answer in surveys, what they speak about and how that grows, and the words of the unhappy."""

from __future__ import annotations

from touchline.page.cards import VALUES, parameters_of
from touchline.page.marks import N_
from touchline.page.query import SLOW_S, Query
from touchline.page.screen import tables_of
from touchline.page.sql import filled
from touchline.page.tables import Column, Plan

NAMES = ("nps", "csat", "ces", "sentiment", "experience")
MONTHS = Plan(
    Query(
        "months",
        filled("""
SELECT metric, toUnixTimestamp64Milli(bucket) AS month,
       toUnixTimestamp64Milli(toDateTime64(addMonths(toTimeZone(bucket, {zone:String}), 1), 3)) AS ends_at, n,
       if(metric = 'nps', value, 100 * value) AS score,
       if(metric = 'nps', ci_low, 100 * ci_low) AS low, if(metric = 'nps', ci_high, 100 * ci_high) AS high
FROM rolling_metrics
WHERE metric IN ('nps', 'csat', 'ces') AND grain = '1mo'
  AND dimension = {dimension:String} AND dimension_value = {value:String}
ORDER BY metric, bucket DESC
"""),
        kept_s=SLOW_S,
    ),
    N_("NPS, satisfied (CSAT) and found it easy (CES), by month"),
    (
        Column(N_("Metric"), "metric", "word"),
        Column(N_("Month"), "month", "month"),
        Column(N_("Score, with its interval"), "score", "decimal", ("low", "high")),
        Column(N_("Answers"), "n", "number"),
    ),
    note=N_("NPS from -100 to 100; of the others the percentage of answers. Whole months that the period touches."),
    span=("month", "ends_at"),
)
TOPICS = Plan(
    Query(
        "topics",
        """
SELECT topic, verdict, mentions, mentions_before, share, ratio, ratio_low, ratio_high, negative, negative_before,
       toUnixTimestamp64Milli(until) AS until_at
FROM topic_trends ORDER BY mentions DESC, topic LIMIT 30
""",
        kept_s=SLOW_S,
    ),
    N_("Topics, and how they grow"),
    (
        Column(N_("Topic"), "topic"),
        Column(N_("Trend"), "verdict", "level"),
        Column(N_("Mentions in 14 days"), "mentions", "number"),
        Column(N_("in the 14 days before"), "mentions_before", "number"),
        Column(N_("Times as many"), "ratio", "decimal", ("ratio_low", "ratio_high")),
        Column(N_("Share of all mentions"), "share", "share"),
        Column(N_("Negative mentions"), "negative", "number"),
        Column(N_("before"), "negative_before", "number"),
        Column(N_("Until"), "until_at", "moment"),
    ),
    note=N_("The last 14 whole days beside the 14 before, whatever the period, in all parts of the business."),
)
SAID = Plan(
    Query(
        "said",
        filled("""
SELECT customer_id, toUnixTimestamp64Milli(occurred_at) AS at, kind, channel, topics, experience,
       {beginning of text}
FROM all_touchpoints
WHERE {period of occurred_at} AND {part of all_touchpoints} AND NOT superseded AND text != '' AND experience < 0
ORDER BY experience, occurred_at DESC, event_id LIMIT 30
"""),
    ),
    N_("Words of the unhappy"),
    (
        Column(N_("Customer"), "customer_id", "customer"),
        Column(N_("When"), "at", "moment"),
        Column(N_("What"), "kind", "word"),
        Column(N_("Channel"), "channel"),
        Column(N_("Topics"), "topics", "words"),
        Column(N_("Experience"), "experience", "score"),
        Column(N_("Words"), "text", "said"),
    ),
    note=N_("The worst experiences first."),
)
LANGUAGES = Plan(
    Query(
        "languages",
        filled("""
SELECT lang, count() AS posts, uniqExact(customer_id) AS customers, count(sentiment) AS scored,
  avg(sentiment) AS mean
FROM tweets
WHERE {period of occurred_at} AND NOT superseded AND author = 'customer'
  AND {dimension:String} IN ('all', 'channel') AND {value:String} IN ('', channel)
GROUP BY lang ORDER BY posts DESC, lang LIMIT 20
"""),
    ),
    N_("Languages of posts"),
    (
        Column(N_("Language"), "lang"),
        Column(N_("Posts"), "posts", "number"),
        Column(N_("Customers"), "customers", "number"),
        Column(N_("With a sentiment"), "scored", "number"),
        Column(N_("Mean sentiment"), "mean", "score"),
    ),
    note=N_("As the platform names them; of a part of the business, by channel alone."),
)
PLANS = (MONTHS, TOPICS, SAID, LANGUAGES)
QUERIES = (VALUES, *(plan.query for plan in PLANS))
parameters = parameters_of
"""The values that the queries name."""
build = tables_of(PLANS, NAMES)
"""Makes the screen."""
