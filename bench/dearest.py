"""The dearest message of one customer: a robot whose touchpoints fill its timeline, and then come out of order."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from schemas import journey_log
from schemas.kinds.touchpoint import Touchpoint
from schemas.units import DAY_MS, SECOND_MS
from streams.intake.accept import Source, accept
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from streams.sentiment import VaderScorer

BEGIN = 1_717_236_000_000
"""2024-06-01 10:00:00 UTC."""
IN_ORDER, STRAGGLERS = 1_400, 99
COMMON: dict[str, Any] = {
    "source": "robot",
    "customer_id": "robot",
    "identifiers": {},
    "channel": None,
    "attributes": {},
}
PURCHASE = {"currency": "EUR", "discount_minor": 0, "cart_id": None, "items": []}
ANSWER = {"survey_id": "s", "phase": "answered", "question_id": "q", "question_kind": "nps", "score": 9.0}
SCALE = {"scale_min": None, "scale_max": None, "higher_is_better": True, "text": None, "about": None}
CALL = dict.fromkeys(("agent_id", "topic", "case_id", "notes", "resolved", "solutions_offered"))
PAGE = {"page": "/", "area": "site", "action": "view", "duration_ms": None, "ok": True}

Make = Callable[[int], dict[str, Any]]
"""Makes the own fields of the touchpoint with a number."""
ROBOTS: dict[str, tuple[str, Make]] = {
    "page views": ("page_view", lambda _: PAGE),
    "carts": (
        "cart_event",
        lambda n: {
            "cart_id": f"k{n % 300}",
            "action": "item_added",
            "sku": f"s{n}",
            "quantity": 1,
            "value_minor": 0,
            "currency": None,
        },
    ),
    "orders stated again": (
        "purchase",
        lambda n: PURCHASE | {"order_id": f"o{n % 3}", "action": "placed", "amount_minor": n % 2},
    ),
    "answers": ("survey_answer", lambda n: ANSWER | SCALE | {"response_id": f"r{n % 300}"}),
    "calls": (
        "support_call",
        lambda n: CALL | {"call_id": f"c{n // 3}", "phase": ("queued", "answered", "ended")[n % 3]},
    ),
}


def measure_dearest() -> dict[str, tuple[float, float]]:
    """Return the greatest and the mean CPU time of a message, ms, by what the robot does."""
    return {name: _measure(kind, make) for name, (kind, make) in ROBOTS.items()}


def _measure(kind: str, make: Make) -> tuple[float, float]:
    scorer, partition, costs = VaderScorer(), Partition(0, 1, Rules()), []
    numbers = [*range(IN_ORDER), *range(-1, -STRAGGLERS - 1, -1)]
    for offset, number in enumerate(numbers):
        at = BEGIN + number * SECOND_MS
        record = COMMON | make(number) | {"event_id": f"e{number}", "occurred_at": at}
        touchpoint = accept(kind, record, Source(0, "robots", 0, offset, at), now=BEGIN + DAY_MS, scorer=scorer)
        assert isinstance(touchpoint, Touchpoint)  # noqa: S101 - for the type checker: no robot changes the business
        data = journey_log.encode(touchpoint)
        began = time.process_time_ns()
        partition.apply(offset, touchpoint, data)
        partition.flush()
        costs.append((time.process_time_ns() - began) / 1e6)
    return max(costs), sum(costs) / len(costs)
