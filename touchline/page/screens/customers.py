"""Customers: who was there in a period, whose loyalty or experience is at risk, and whom a search found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from touchline.page.asked import Asked, AskedError
from touchline.page.marks import N_
from touchline.page.query import SLOW_S, Query, Rows
from touchline.page.sql import filled
from touchline.page.tables import Column, Plan, Section

A_PAGE = 50
"""Customers of one page of the list."""
LAST_PAGE = 1_000
STATUSES = ("active", "inactive", "unhappy", "lost")
LOYALTIES = ("new", "active", "returned", "at_risk", "lapsed")
REASONS = ("at_risk", "open_case", "turned", "detractor", "unmended")
SORTS = {
    "last": N_("seen last"),
    "spend": N_("spent most, in the business's currency"),
    "worst": N_("worst experience"),
    "touchpoints": N_("most touchpoints"),
}
"""Orders of the list: texts of the catalogues."""

# A search is over where it began: by identities that are theirs now, or by the name itself.
FIND = Query(
    "find",
    """
SELECT DISTINCT customer_id FROM
(
    SELECT customer_id FROM identities
    WHERE superseded_at IS NULL
      AND (kind, value) IN (SELECT arrayJoin(arrayZip({kinds:Array(String)}, {values:Array(String)})))
    UNION ALL
    SELECT customer_id FROM customer_totals WHERE customer_id IN {names:Array(String)}
)
ORDER BY customer_id LIMIT 100
""",
)
LIST = Query(
    "list",
    filled("""
SELECT customer_id, toUnixTimestamp64Milli(last_seen_at) AS last_at, touchpoints, order_days, spend_minor, currency,
       lifetime_value_minor, experience_mean, nps_group, open_cases, status, loyalty_status, care_reasons, loyal,
       count() OVER () AS in_all
FROM customers
WHERE if({is_search:UInt8}, has({found:Array(String)}, customer_id), customer_id IN (
      SELECT customer_id FROM all_touchpoints
      WHERE {period of occurred_at} AND {part of all_touchpoints}
  ))
  AND {status:String} IN ('', status)
  AND {loyalty:String} IN ('', ifNull(loyalty_status, 'none'))
  AND ({reason:String} = '' OR has(care_reasons, {reason:String}))
ORDER BY multiIf(
    {sort:String} = 'spend', if(currency = {currency:String}, toFloat64(spend_minor), -1),
    {sort:String} = 'worst', -ifNull(experience_mean, 2.),
    {sort:String} = 'touchpoints', toFloat64(touchpoints),
    toFloat64(toUnixTimestamp64Milli(last_seen_at))
) DESC, customer_id
LIMIT {most:UInt32} OFFSET {skipped:UInt32}
"""),
    kept_s=SLOW_S,
)
QUERIES = (LIST,)
_LIST = Plan(
    LIST,
    N_("Customers"),
    (
        Column(N_("Customer"), "customer_id", "customer"),
        Column(N_("Status"), "status", "level"),
        Column(N_("Loyalty"), "loyalty_status", "level"),
        Column(N_("Needs care because of"), "care_reasons", "words"),
        Column(N_("Mean experience"), "experience_mean", "score"),
        Column(N_("NPS"), "nps_group", "word"),
        Column(N_("Open cases"), "open_cases", "number"),
        Column(N_("Touchpoints"), "touchpoints", "number"),
        Column(N_("Days with an order"), "order_days", "number"),
        Column(N_("Spent"), "spend_minor", "money"),
        Column(N_("Lifetime value"), "lifetime_value_minor", "money"),
        Column(N_("Last seen"), "last_at", "moment"),
    ),
    empty=N_("Nobody."),
)


@dataclass(frozen=True)
class Choice:
    """A filter of the list: its name in the address, its title, what can be chosen, and what is."""

    name: str
    title: str
    words: tuple[str, ...]
    chosen: str


@dataclass(frozen=True)
class Customers:
    """The screen.

    Attributes:
        listed: a page of the list.
        in_all: how many customers the list has.
        page: which page it is, from 1 on; `pages` is the last one.
        choices: the filters.
        sort: the order.
        sorts: all orders.
        is_search: whether the list is of a search: then whatever the period.
    """

    listed: Section
    in_all: int
    page: int
    pages: int
    choices: tuple[Choice, ...]
    sort: str
    sorts: Mapping[str, str]
    is_search: bool


def parameters(asked: Asked) -> dict[str, object]:
    """Return the values that the query names.

    Raises:
        AskedError: the address names no page of the list.
    """
    return {
        **asked.parameters,
        "is_search": int(asked.found is not None),
        "found": list(asked.found or ()),
        "status": asked.words.get("status", ""),
        "loyalty": asked.words.get("loyalty", ""),
        "reason": asked.words.get("reason", ""),
        "sort": asked.words.get("sort", ""),
        "currency": asked.basis.currency,
        "most": A_PAGE,
        "skipped": A_PAGE * (_page(asked) - 1),
    }


def build(asked: Asked, answers: Mapping[str, Rows]) -> Customers:
    """Return the screen of the rows of the query."""
    rows = answers[LIST.name]
    in_all = int(rows[0]["in_all"]) if rows else 0
    sort = asked.words.get("sort", "")
    return Customers(
        listed=_LIST.filled(asked, answers),
        in_all=in_all,
        page=_page(asked),
        pages=-(-in_all // A_PAGE),
        choices=(
            Choice("status", N_("Status"), STATUSES, asked.words.get("status", "")),
            Choice("loyalty", N_("Loyalty"), LOYALTIES, asked.words.get("loyalty", "")),
            Choice("reason", N_("Needs care because of"), REASONS, asked.words.get("reason", "")),
        ),
        sort=sort if sort in SORTS else "last",
        sorts=SORTS,
        is_search=asked.found is not None,
    )


def _page(asked: Asked) -> int:
    word = asked.words.get("page") or "1"
    if not (word.isascii() and word.isdigit() and 1 <= int(word) <= LAST_PAGE):
        raise AskedError("“%(word)s” is no page of the list.", word=word)
    return int(word)
