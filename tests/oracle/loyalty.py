"""Loyalty and value of customers, worked out person by person from the touchpoints."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean, median
from typing import Any

from tests.oracle.compare import Row, World, customers
from tests.oracle.mentions import posts
from tests.oracle.touchpoints import Touch

DayOf = Callable[[int], int]
"""Gives the number of the day of a time, ms."""


@dataclass(frozen=True)
class Rules:
    """The settings of loyalty."""

    margin: float = 1
    mend: float = 12
    rhythm: float = 30
    at_risk: float = 2
    lapsed: float = 4
    loyal_days: float = 3
    method: str = "bg_nbd"
    attribution: str = "first_order"


@dataclass
class Order:
    """An order as it holds; `at`, ms, and the campaign are those of its first statement."""

    at: int
    order_id: str
    amount: int
    currency: str
    campaign: str


@dataclass
class Person:
    """All touchpoints of whoever the views show as one customer, in order of time, and the orders that hold."""

    touches: list[Touch] = field(default_factory=list)
    superseded: set[str] = field(default_factory=set)
    felt: dict[str, float] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)

    def brought_by(self, rules: Rules) -> str:
        """Return the campaign that brought a customer who has bought, "" for none."""
        first = self.orders[0]
        if rules.attribution == "first_order":
            return first.campaign
        named = (touch for touch in self.touches if touch.at <= first.at)
        return next((one for touch in named if (one := touch.attributes.get("campaign", ""))), "")


def people_of(world: World) -> dict[str, Person]:
    """Return everybody, by the name that the views show."""
    people: dict[str, Person] = defaultdict(Person)
    for history in world.people.values():
        superseded = history.superseded
        for touch in history.touches:
            person = people[world.owners[touch.stored_key, touch.at]]
            person.touches.append(touch)
            if touch.event_id in superseded:
                person.superseded.add(touch.event_id)
            elif touch.event_id in history.experiences:
                person.felt[touch.event_id] = history.experiences[touch.event_id]
    for person in people.values():
        person.touches.sort(key=lambda touch: (touch.at, touch.event_id))
        person.orders = sorted(_orders(person), key=lambda order: (order.at, order.order_id))
    return people


def _orders(person: Person) -> Iterator[Order]:
    stated: dict[str, list[Touch]] = defaultdict(list)
    for touch in person.touches:
        if touch.kind == "purchase" and touch.action == "placed":
            stated[touch.subject].append(touch)
    for order_id, statements in stated.items():
        holding = [touch for touch in statements if touch.event_id not in person.superseded]
        if holding and holding[-1].value:
            held, first = holding[-1], statements[0]
            campaign = first.attributes.get("campaign", "")
            yield Order(first.at, order_id, held.value or 0, held.currency or "", campaign)


def loyalty(
    world: World,
    sentiments: Mapping[str, float | None],
    spend: Iterable[Row],
    rules: Rules,
    day_of: DayOf,
) -> Iterator[dict[str, Any]]:
    """Give what the view `customers` says of loyalty and value.

    Args:
        sentiments: of texts, by event_id.
        spend: the lines of marketing spend.
        rules: the settings.
        day_of: gives the day of a time.
    """
    people = people_of(world)
    costs = costs_of(spend)
    brought = Counter(person.brought_by(rules) for person in people.values() if person.orders)
    referred = Counter(_referrers(people))
    for row in customers(world):
        person = people[row["customer_id"]]
        orders = [order for order in person.orders if order.at >= row["first_seen_at"]]
        felt = [
            (touch.at, person.felt[touch.event_id])
            for touch in person.touches
            if touch.event_id in person.felt and touch.at >= row["first_seen_at"]
        ]
        good, bad = sum(value > 0 for _, value in felt), sum(value < 0 for _, value in felt)
        campaign = person.brought_by(rules) if person.orders else ""
        cost: float | None = 0.0
        if campaign in costs and orders:
            only = costs[campaign].keys() == {row["currency"]}
            cost = costs[campaign][row["currency"]] / brought[campaign] if only else None
        net = row["spend_minor"] - row["refunded_minor"]
        praised = (post for post in posts(person.touches, sentiments) if _praises(post.rating, post.sentiment))
        said = {
            "customer_id": row["customer_id"],
            "nps_group": _group(row["last_nps"]),
            "good_experiences": good,
            "bad_experiences": bad,
            "experience_balance": good - rules.mend * bad,
            "acquired_by": campaign,
            "acquisition_cost_minor": cost,
            "lifetime_value_minor": None if cost is None else rules.margin * net - cost,
            "referrals": referred[row["customer_id"]],
            "praises": sum(1 for _ in praised),
            **_bought(orders, row, rules, day_of, day_of(world.clock)),
        }
        reasons = {
            "at_risk": said["loyalty_status"] == "at_risk",
            "open_case": row["open_cases"] > 0,
            "turned": row["status"] in ("unhappy", "lost"),
            "detractor": said["nps_group"] == "detractor",
            "unmended": said["experience_balance"] < 0,
        }
        said["care_reasons"] = [name for name, holds in reasons.items() if holds]
        said["extra_care"] = bool(said["loyal"] and {*said["care_reasons"]} - {"unmended"})
        said["unmended_since"] = _unmended_since(felt, rules)
        said["as_of"] = world.clock
        yield said


def _unmended_since(felt: list[tuple[int, float]], rules: Rules) -> int | None:
    """Return since when the balance is below zero without a break, None where it is not.

    Of one moment the bad comes first.
    """
    since, balance = None, 0.0
    for at, value in sorted(felt, key=lambda one: (one[0], one[1] > 0)):
        balance += (value > 0) - rules.mend * (value < 0)
        since = None if balance >= 0 else at if since is None else since
    return since


def _praises(rating: int | None, sentiment: float | None) -> bool:
    return rating == 5 if rating is not None else sentiment is not None and sentiment >= 0.6


def _group(score: float | None) -> str | None:
    if score is None:
        return None
    return "promoter" if score >= 9 else "detractor" if score <= 6 else "passive"


def costs_of(spend: Iterable[Row]) -> dict[str, dict[str, int]]:
    """Return what was spent on each campaign, by currency; of one spend the last statement holds."""
    latest = {line["spend_id"]: line for line in spend}
    costs: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for line in latest.values():
        if line.get("campaign"):
            costs[line["campaign"]][line["currency"]] += line["amount_minor"]
    return costs


def _referrers(people: Mapping[str, Person]) -> Iterator[str]:
    """Yield who referred a customer, once for each."""
    for name, person in people.items():
        named = (touch.attributes.get("referred_by", "") for touch in person.touches)
        first = next((one for one in named if one), name)
        if first != name:
            yield first


def _bought(orders: list[Order], row: Row, rules: Rules, day_of: DayOf, today: int) -> dict[str, Any]:
    """Return what the days of orders say."""
    days = sorted({day_of(order.at) for order in orders})
    is_rfm = rules.method == "rfm"
    frequency = len(orders) if is_rfm else len(days) - 1
    if not days:
        none = ("first_order_at", "last_order_at", "recency_days", "frequency", "tenure_days", "monetary_value_minor",
                "silence_days", "rhythm_days", "loyalty_status")  # fmt: skip
        return {**dict.fromkeys(none), "order_days": 0, "repeat_purchase": False, "loyal": False}
    status = _status(days, today, rules)
    return {
        "first_order_at": orders[0].at,
        "last_order_at": orders[-1].at,
        "order_days": len(days),
        "recency_days": today - days[-1] if is_rfm else days[-1] - days[0],
        "frequency": frequency,
        "tenure_days": today - days[0],
        "monetary_value_minor": (
            row["spend_minor"] - row["refunded_minor"] if is_rfm else _repeat_mean(orders, row["currency"], day_of)
        ),
        "repeat_purchase": frequency > 1 if is_rfm else frequency > 0,
        "silence_days": today - days[-1],
        "rhythm_days": _rhythm(days, rules),
        "loyalty_status": status,
        "loyal": len(days) >= rules.loyal_days and status != "lapsed",
    }


def _repeat_mean(orders: list[Order], currency: str, day_of: DayOf) -> float:
    """Return the mean of what the days after the first brought in a currency."""
    by_day: dict[int, int] = defaultdict(int)
    first = day_of(orders[0].at)
    for order in orders:
        if day_of(order.at) != first and order.currency == currency:
            by_day[day_of(order.at)] += order.amount
    return fmean(by_day.values()) if by_day else 0.0


def _rhythm(days: list[int], rules: Rules) -> float:
    """Return the usual time between two days with an order."""
    gaps = [later - earlier for earlier, later in pairwise(days)]
    return median(gaps) if gaps else rules.rhythm


def _status(days: list[int], today: int, rules: Rules) -> str:
    silence = today - days[-1]
    if silence > rules.lapsed * _rhythm(days, rules):
        return "lapsed"
    if silence > rules.at_risk * _rhythm(days, rules):
        return "at_risk"
    if len(days) == 1:
        return "new"
    was_lapsed = days[-1] - days[-2] > rules.lapsed * _rhythm(days[:-1], rules)
    return "returned" if was_lapsed else "active"
