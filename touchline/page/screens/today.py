"""Today: what came in, each metric beside its own level, whom we hurt, and to whom somebody has to get back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.metrics import METRICS
from touchline.page.asked import Asked
from touchline.page.cards import VALUES, Card, begin_of, cards_of, days_of, parameters_of
from touchline.page.charts import BarChart, bar_chart
from touchline.page.query import SLOW_S, Query, Row, Rows
from touchline.page.sql import filled
from touchline.page.wording import METRIC_TITLES

# The row whose day and kind are empty is of all of them: each customer counts once.
CAME_IN = Query(
    "came-in",
    filled("""
SELECT toString(toDate(occurred_at, {zone:String})) AS day, kind, count() AS n, uniqExact(customer_id) AS customers,
       uniqExactIf(customer_id, startsWith(customer_id, 'anon:')) AS anonymous
FROM all_touchpoints
WHERE {period of occurred_at}
  AND NOT superseded
  AND {part of all_touchpoints}
GROUP BY GROUPING SETS ((day, kind), ()) ORDER BY day, kind
"""),
)
# To judge a day takes all days before it: one answer does for every period, and is kept for as long as an hour that is
# over hardly changes.
LEVELS = Query(
    "levels",
    """
SELECT metric, toUnixTimestamp64Milli(bucket) AS at, n, value, baseline, low, high, level,
       toUnixTimestamp64Milli(since) AS since_at
FROM metric_health
WHERE metric IN {metrics:Array(String)} AND grain = '1d'
  AND dimension = {dimension:String} AND dimension_value = {value:String}
ORDER BY metric, bucket
""",
    kept_s=300.0,
)
HURT = Query(
    "hurt",
    filled("""
WITH worst AS (
    SELECT * FROM sentiment_shifts
    WHERE direction = 'worse' AND {period of onset_at}
    ORDER BY after_mean - before_mean, customer_id LIMIT 10
)
SELECT s.customer_id AS customer_id, toUnixTimestamp64Milli(s.onset_at) AS at, s.before_mean AS before,
       s.after_mean AS after, ifNull(s.cause_kind, '') AS cause_kind, t.action AS cause_action, t.text AS cause_text
FROM worst AS s
LEFT JOIN
(
    SELECT customer_id, event_id, action, {beginning of text} FROM all_touchpoints
    WHERE customer_id IN (SELECT customer_id FROM worst) AND event_id IN (SELECT ifNull(cause_event_id, '') FROM worst)
) AS t ON t.customer_id = s.customer_id AND t.event_id = ifNull(s.cause_event_id, '')
ORDER BY s.after_mean - s.before_mean, s.customer_id
"""),
    kept_s=SLOW_S,
)
FOLLOW_UPS = Query(
    "follow-ups",
    """
SELECT customer_id, reason, status, toUnixTimestamp64Milli(due_at) AS due_at, topic, owner, value_minor,
       ifNull(currency, '') AS currency, toUnixTimestamp64Milli(as_of) AS as_of, count() OVER () AS in_all
FROM follow_ups
WHERE status IN ('open', 'warning', 'missed')
ORDER BY due_at, customer_id LIMIT 20
""",
)
QUERIES = (CAME_IN, VALUES, LEVELS, HURT, FOLLOW_UPS)

NAMES = tuple(metric.name for metric in METRICS)
parameters = parameters_of
"""The values that the queries name."""


@dataclass(frozen=True)
class Hurt:
    """A customer whose experience turned for the worse, the likely cause and what was said."""

    customer_id: str
    at: int
    before: float
    after: float
    cause_kind: str
    cause_action: str
    cause_text: str


@dataclass(frozen=True)
class FollowUp:
    """Somebody has to get back to a customer."""

    customer_id: str
    reason: str
    status: str
    due_at: int
    topic: str
    owner: str
    value_minor: int | None
    currency: str


@dataclass(frozen=True)
class Today:
    """The screen.

    Attributes:
        touchpoints: how many came in.
        kinds: how many of each, the most first.
        customers: who they are of; `anonymous` of them are not known by a number of the business.
        days: touchpoints a day.
        arrivals: the chart of these.
        cards: the metrics that have an observation.
        silent: the titles of the others.
        hurt: the customers hurt most.
        follow_ups: the next of `due`, those that are not closed.
    """

    touchpoints: int
    kinds: tuple[tuple[str, int], ...]
    customers: int
    anonymous: int
    days: tuple[tuple[int, float], ...]
    arrivals: BarChart
    cards: tuple[Card, ...]
    silent: tuple[str, ...]
    hurt: tuple[Hurt, ...]
    follow_ups: tuple[FollowUp, ...]
    due: int


def build(asked: Asked, answers: Mapping[str, Rows]) -> Today:
    """Return the screen of the rows of each query, by the queries' names."""
    kinds: dict[str, int] = {}
    by_day: dict[str, int] = {}
    in_all = {"customers": 0, "anonymous": 0}
    for row in answers[CAME_IN.name]:
        if not row["day"]:
            in_all = {name: int(row[name]) for name in in_all}
            continue
        n = int(row["n"])
        kinds[row["kind"]] = kinds.get(row["kind"], 0) + n
        by_day[row["day"]] = by_day.get(row["day"], 0) + n
    arrivals = [(begin_of(day, asked.basis), float(by_day.get(day.isoformat(), 0))) for day in days_of(asked.period)]
    since, until = asked.period.bounds(asked.basis.zone)
    levels = [row for row in answers[LEVELS.name] if since <= int(row["at"]) < until]
    cards = cards_of(asked, NAMES, answers[VALUES.name], levels)
    told = {card.name for card in cards}
    due = answers[FOLLOW_UPS.name]
    return Today(
        touchpoints=sum(kinds.values()),
        kinds=tuple(sorted(kinds.items(), key=lambda one: (-one[1], one[0]))),
        customers=in_all["customers"],
        anonymous=in_all["anonymous"],
        days=tuple(arrivals),
        arrivals=bar_chart(arrivals),
        cards=cards,
        silent=tuple(METRIC_TITLES[metric.name] for metric in METRICS if metric.name not in told),
        hurt=tuple(map(_hurt, answers[HURT.name])),
        follow_ups=tuple(map(follow_up, due)),
        due=int(due[0]["in_all"]) if due else 0,
    )


def _hurt(row: Row) -> Hurt:
    return Hurt(
        customer_id=row["customer_id"],
        at=int(row["at"]),
        before=row["before"],
        after=row["after"],
        cause_kind=row["cause_kind"],
        cause_action=row["cause_action"] or "",
        cause_text=row["cause_text"] or "",
    )


def follow_up(row: Row) -> FollowUp:
    """Return a follow-up of its row."""
    return FollowUp(
        customer_id=row["customer_id"],
        reason=row["reason"],
        status=row["status"],
        due_at=int(row["due_at"]),
        topic=row["topic"],
        owner=row["owner"],
        value_minor=None if row["value_minor"] is None else int(row["value_minor"]),
        currency=row["currency"],
    )
