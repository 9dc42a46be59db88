"""Abandoned: carts, calls and surveys that were left, at which step, what preceded it, and what was recovered."""

from __future__ import annotations

from collections.abc import Mapping

from touchline.page.asked import Asked
from touchline.page.cards import VALUES, begin_of, cards_of, days_of, parameters_of
from touchline.page.charts import bar_chart
from touchline.page.marks import N_
from touchline.page.query import SLOW_S, Query, Rows
from touchline.page.screen import Sections
from touchline.page.sql import filled
from touchline.page.tables import Column, Plan

NAMES = ("cart_abandonment_rate", "call_abandonment_rate", "survey_abandonment_rate")
DAYS = Query(
    "days",
    filled("""
SELECT toString(toDate(abandoned_at, {zone:String})) AS day, count() AS n
FROM abandonments WHERE {period of abandoned_at} AND {part of abandonments}
GROUP BY day ORDER BY day
"""),
)
THINGS = Plan(
    Query(
        "things",
        filled("""
WITH status = 'recovered' AS is_recovered, {groups of is_recovered in 1 by customer_id} AS groups,
     {spread of recovered in n over groups} AS spread,
     recovered / spread AS recovered_independent, n / spread AS independent
SELECT subject, channel, ifNull(currency, '') AS currency, count() AS n, countIf(is_recovered) AS recovered,
       recovered / n AS share,
       {wilson low of recovered_independent in independent} AS low,
       {wilson high of recovered_independent in independent} AS high,
       sum(ifNull(value_minor, 0)) AS worth, sumIf(ifNull(value_minor, 0), status != 'recovered') AS lost
FROM abandonments WHERE {period of abandoned_at} AND {part of abandonments}
GROUP BY subject, channel, currency ORDER BY n DESC, subject, channel, currency LIMIT 100
"""),
    ),
    N_("What was left"),
    (
        Column(N_("What"), "subject", "word"),
        Column(N_("Channel"), "channel"),
        Column(N_("How many"), "n", "number"),
        Column(N_("Recovered"), "recovered", "number"),
        Column(N_("Share recovered"), "share", "share", ("low", "high")),
        Column(N_("Worth"), "worth", "money"),
        Column(N_("Worth of what was not recovered"), "lost", "money"),
    ),
    note=N_("By channel, and by currency where it has a worth. The chart has all of them by day."),
)
STEPS = Plan(
    Query(
        "steps",
        filled("""
SELECT c.subject AS subject, c.left_step AS step, ifNull(c.cause_step, '') AS cause,
       ifNull(c.failed_step, '') AS failed,
       ifNull(c.currency, '') AS currency, count() AS n, countIf(c.status = 'recovered') AS recovered,
       sumIf(ifNull(c.value_minor, 0), c.status != 'recovered') AS lost
FROM abandonment_causes AS c
WHERE {period of c.abandoned_at} AND (c.subject, c.subject_id) IN (
    SELECT subject, subject_id FROM abandonments WHERE {period of abandoned_at} AND {part of abandonments}
)
GROUP BY subject, step, cause, failed, currency ORDER BY n DESC, subject, step, cause, failed, currency LIMIT 30
"""),
        kept_s=SLOW_S,
    ),
    N_("Where, and what preceded it"),
    (
        Column(N_("What"), "subject", "word"),
        Column(N_("Last step"), "step"),
        Column(N_("Bad experience before"), "cause"),
        Column(N_("What failed before"), "failed"),
        Column(N_("How many"), "n", "number"),
        Column(N_("Recovered"), "recovered", "number"),
        Column(N_("Worth of what was not recovered"), "lost", "money"),
    ),
    note=N_("The most frequent first. What preceded it did so within 7 days."),
)
WHO = Plan(
    Query(
        "who",
        filled("""
SELECT customer_id, subject, toUnixTimestamp64Milli(abandoned_at) AS at, channel, value_minor,
       ifNull(currency, '') AS currency, toUnixTimestamp64Milli(started_at) AS started_at
FROM abandonments
WHERE {period of abandoned_at} AND {part of abandonments} AND status = 'abandoned'
ORDER BY currency = {currency:String} DESC, ifNull(value_minor, 0) DESC, abandoned_at DESC, subject_id LIMIT 20
"""),
    ),
    N_("Whose is not recovered, the most worth first"),
    (
        Column(N_("Customer"), "customer_id", "customer"),
        Column(N_("What"), "subject", "word"),
        Column(N_("Begun"), "started_at", "moment"),
        Column(N_("Abandoned"), "at", "moment"),
        Column(N_("Channel"), "channel"),
        Column(N_("Worth"), "value_minor", "money"),
    ),
)
QUERIES = (VALUES, DAYS, THINGS.query, STEPS.query, WHO.query)


def parameters(asked: Asked) -> dict[str, object]:
    """Return the values that the queries name."""
    return {**parameters_of(asked), "currency": asked.basis.currency}


def build(asked: Asked, answers: Mapping[str, Rows]) -> Sections:
    """Return the screen of the rows of each query, by the queries' names."""
    by_day = {row["day"]: float(row["n"]) for row in answers[DAYS.name]}
    days = [(begin_of(day, asked.basis), by_day.get(day.isoformat(), 0.0)) for day in days_of(asked.period)]
    things = THINGS.filled(asked, answers, bar_chart(days) if by_day else None)
    cards = cards_of(asked, NAMES, answers[VALUES.name])
    return Sections((things, STEPS.filled(asked, answers), WHO.filled(asked, answers)), cards)
