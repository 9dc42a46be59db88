"""What was lost with those who left, and what campaigns were worth, worked out from the touchpoints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.oracle.compare import Row, World, customers
from tests.oracle.loyalty import Rules, costs_of, people_of
from tests.oracle.touchpoints import DAY

CAMPAIGN_KEY = ("campaign", "currency")


def departures(world: World, said: Iterable[Row], rules: Rules) -> Iterator[dict[str, Any]]:
    """Give the rows of the view.

    Args:
        said: what `loyalty` gives.
    """
    people, totals = people_of(world), _totals(world)
    for row in said:
        if row["loyalty_status"] != "lapsed":
            continue
        name, total = row["customer_id"], totals[row["customer_id"]]
        left_at = total["last_seen_at"]
        felt = [
            (people[name].felt[touch.event_id], touch)
            for touch in people[name].touches
            if touch.event_id in people[name].felt and left_at - 30 * DAY <= touch.at <= left_at
        ]
        bad = [(value, touch) for value, touch in felt if value < 0]
        worst = min(bad, key=lambda one: (one[0], one[1].at, one[1].event_id), default=None)
        value = total["spend_minor"] - total["refunded_minor"]
        days = row["order_days"]
        yield {
            "customer_id": name,
            "left_at": left_at,
            "last_order_at": row["last_order_at"],
            "order_days": days,
            "currency": total["currency"],
            "value_minor": value,
            "yearly_minor": value * 365 / max(90, days * row["rhythm_days"]) if days > 1 else None,
            "was_loyal": days >= rules.loyal_days,
            "good_before": sum(one > 0 for one, _ in felt),
            "bad_before": len(bad),
            "bad_steps": [touch.kind_and_action for _, touch in bad],
            "worst_step": worst[1].kind_and_action if worst else None,
            "worst_event_id": worst[1].event_id if worst else None,
            "open_cases": total["open_cases"],
            "nps_group": row["nps_group"],
            "acquired_by": row["acquired_by"],
            "as_of": world.clock,
        }


def campaign_value(world: World, said: Iterable[Row], spend: Iterable[Row], rules: Rules) -> Iterator[dict[str, Any]]:
    """Give the rows of the view.

    Args:
        said: what `loyalty` gives.
        spend: the lines of marketing spend.
    """
    totals = _totals(world)
    spent = {
        (campaign, currency): cost for campaign, of_one in costs_of(spend).items() for currency, cost in of_one.items()
    }
    worth: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in said:
        total = totals[row["customer_id"]]
        if row["acquired_by"]:
            net = total["spend_minor"] - total["refunded_minor"]
            worth[row["acquired_by"], total["currency"]].append(rules.margin * net)
    placed: dict[tuple[str, str], list[int]] = defaultdict(list)
    for person in people_of(world).values():
        for order in person.orders:
            if order.campaign:
                placed[order.campaign, order.currency].append(order.amount)
    for key in spent.keys() | worth.keys() | placed.keys():
        cost, values, amounts = spent.get(key, 0), worth.get(key, []), placed.get(key, [])
        brought = sum(len(of_one) for (campaign, _), of_one in worth.items() if campaign == key[0])
        yield {
            **dict(zip(CAMPAIGN_KEY, key, strict=True)),
            "spent_minor": cost,
            "new_customers": len(values),
            "cost_per_customer_minor": cost / brought if brought else None,
            "customers_value_minor": sum(values),
            "value_to_cost": sum(values) / cost if cost else None,
            "orders": len(amounts),
            "revenue_minor": sum(amounts),
            "as_of": world.clock,
        }


def _totals(world: World) -> Mapping[str, Row]:
    return {row["customer_id"]: row for row in customers(world)}
