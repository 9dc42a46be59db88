"""A shop's month, made by hand: what the queries of the report would answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.unit.touchline.service_story import SERVED, UNSERVED
from touchline.report import (
    levels_queries,
    people_queries,
    queries,
    reasons_queries,
    topics_queries,
    value_queries,
)
from touchline.report.asking import Ask

SEPTEMBER = 1_788_220_800_000
"""1 September 2026, 00:00 UTC."""
HOUR = 3_600_000
DAY = 24 * HOUR


def step(number: int, kind: str, action: str, experience: float | None, text: str = "") -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "at": SEPTEMBER + number * DAY,
        "kind": kind,
        "action": action,
        "channel": "web",
        "text": text,
        "experience": experience,
        "value_minor": 4999 if kind == "purchase" else None,
        "currency": "EUR" if kind == "purchase" else None,
    }


def shift(customer: str, before: float, after: float, **more: Any) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "journey_id": f"{customer}-1",
        "direction": "worse" if after < before else "better",
        "onset_at": SEPTEMBER + 6 * DAY,
        "onset_event_id": "e6",
        "before_mean": before,
        "after_mean": after,
        "cause_event_id": "e5",
        "cause_kind": "support_call",
        "cause_action": "ended",
        "cause_text": "waited forty minutes, then the line went dead",
        "cause_at": SEPTEMBER + 5 * DAY,
        "onset_kind": "tweet",
        "onset_action": "customer",
        "onset_text": "never again",
        **more,
    }


def changed(verdict: str = "no difference seen", **more: Any) -> dict[str, Any]:
    """Return the row of a change."""
    return {
        "name": "New call centre",
        "effective_at": SEPTEMBER + 15 * DAY,
        "reverted_at": None,
        "verdict": verdict,
        "before": 0.26,
        "after": -0.5,
        "soured_before": "2",
        "soured_after": 3,
        "days_after": 14,
        "has_trend": 0,
        "overlaps": [],
        **more,
    }


STEPS = [
    step(1, "page_view", "view", None),
    step(2, "cart_event", "ordered", 0.2),
    step(3, "purchase", "placed", 0.3),
    step(4, "tweet", "customer", 0.8, "Lovely shop [bold]really[/bold] \x1b[31mred\x1b[0m"),
    step(5, "support_call", "ended", -0.9, "waited forty minutes, then the line went dead"),
    step(6, "tweet", "customer", -0.7, "never again"),
    step(7, "survey_answer", "answered", -1.0),
]

REASONS: dict[str, list[dict[str, Any]]] = {
    reasons_queries.CAUSES: [
        {"step": "case_event:updated", "failed": 0, "detail": "visit", "detail_value": "failed", "days": "40",
         "called": "30", "more": 20.4, "seconds": 7200.0, "in_all": "9"},
        {"step": "page_view:pay", "failed": 1, "detail": "", "detail_value": "", "days": "50", "called": "20",
         "more": 10.2, "seconds": None, "in_all": "9"},
    ],
    reasons_queries.LOYALTY: [
        {"customer_id": "C7", "reasons": ["at_risk", "turned"], "value_minor": "12050", "currency": "EUR",
         "since": SEPTEMBER + 6 * DAY, "loyal": "12", "at_risk": "2", "days_ago": "0"},
        {"customer_id": "C2", "reasons": ["open_case"], "value_minor": "900", "currency": "JPY", "since": None,
         "loyal": "12", "at_risk": "2", "days_ago": "0"},
        {"customer_id": "C1", "reasons": [], "value_minor": "5", "currency": "EUR", "since": None, "loyal": "12",
         "at_risk": "2", "days_ago": "0"},
    ],
    reasons_queries.LEFT: [
        {"currency": "EUR", "customers": "6", "loyal": "2", "value_minor": "70050"},
        {"currency": "JPY", "customers": "2", "loyal": "0", "value_minor": "1200"},
    ],
    reasons_queries.LEFT_AFTER: [{"step": "support_call:ended", "customers": "4", "in_all": "3", "days_ago": "0"}],
}  # fmt: skip

TOPICS: dict[str, list[dict[str, Any]]] = {
    topics_queries.TOPICS: [
        {"topic": "delivery", "mentions": "1200", "customers": "310", "scored": "800", "negative": "600",
         "positive": "80", "topics": 2},
        {"topic": "parking", "mentions": 3, "customers": 2, "scored": 0, "negative": 0, "positive": 0,
         "topics": 2},
    ],
    topics_queries.GROWING: [{"topic": "delivery", "mentions": "420", "before": "100"}],
}  # fmt: skip

LEVELS: dict[str, list[dict[str, Any]]] = {
    levels_queries.ANOMALIES: [
        {"metric": "revenue", "currency": "EUR", "level": "worse", "since": SEPTEMBER + 2 * DAY + HOUR,
         "ended_at": None,
         "days": [[SEPTEMBER, 8000, 8000], [SEPTEMBER + DAY, 7000, 8000], [SEPTEMBER + 2 * DAY, 3000, 8000],
                  [SEPTEMBER + 3 * DAY, 1000, 6000]]},
        {"metric": "csat", "currency": "", "level": "better", "since": SEPTEMBER, "ended_at": SEPTEMBER + 2 * DAY,
         "days": [[SEPTEMBER, 0.9, 0.6], [SEPTEMBER + DAY, None, None], [SEPTEMBER + 2 * DAY, 0.1, 0.6]]},
    ],
    levels_queries.LEVELS: [{"metrics": "11", "unknown": 1}],
}  # fmt: skip

VALUE: dict[str, list[dict[str, Any]]] = {
    value_queries.COHORTS: [
        {"month": "Sep 2026", "currency": "EUR", "customers": "40", "retention": []},
        {"month": "Jul 2026", "currency": "EUR", "customers": "20", "retention": [1, 0.5]},
    ],
    value_queries.BUYERS: [
        {"month": "Sep 2026", "existing": True, "looked": "16", "bought": "10", "revenue": {"EUR": "5000"}},
        {"month": "Sep 2026", "existing": False, "looked": 90, "bought": 40, "revenue": {"": "0", "EUR": "9000"}},
    ],
    value_queries.CAMPAIGNS: [
        {"campaign": "autumn", "currency": "EUR", "spent_minor": "10000", "new_customers": "4",
         "customers_value_minor": 25000.0, "value_to_cost": 2.5},
        {"campaign": "friends", "currency": "EUR", "spent_minor": "0", "new_customers": "1",
         "customers_value_minor": 900.0, "value_to_cost": None},
    ],
    value_queries.STUCK: [
        {"step": "case_event:opened", "standing": "12", "stuck": "4", "usual": 7200.0, "longest": 432000.0},
    ],
    value_queries.WORTH: [{"customer_id": "C7", "value_minor": "12050", "currency": "EUR"}],
}  # fmt: skip

PEOPLE: dict[str, list[dict[str, Any]]] = {
    people_queries.SHARES: [{"touchpoints": "1000", "named": "940", "linked": 160}],
    people_queries.STITCHED: [
        {"customer_id": "C7", "steps": [
            [SEPTEMBER, "cookie", "page_view", "view"], [SEPTEMBER + DAY, "twitter", "tweet", "customer"],
            [SEPTEMBER + 2 * DAY, "", "purchase", "placed"], [SEPTEMBER + 3 * DAY, "shop_app", "cart_event", "created"],
        ], "people": "5"},
    ],
}  # fmt: skip

STORY: dict[str, list[dict[str, Any]]] = {
    **SERVED,
    **REASONS,
    **TOPICS,
    **LEVELS,
    **VALUE,
    **PEOPLE,
    queries.KINDS: [
        {"kind": "page_view", "n": "700", "first_at": SEPTEMBER, "last_at": SEPTEMBER + 29 * DAY},
        {"kind": "purchase", "n": 300, "first_at": SEPTEMBER + DAY, "last_at": SEPTEMBER + 9 * DAY},
    ],
    queries.CUSTOMERS: [{"customers": 120, "anonymous": 20}],
    queries.IDENTIFIERS: [{"identifiers": 1_300, "customers": 90}],
    queries.REVENUE: [
        {"currency": "EUR", "amount_minor": 1234567},
        {"currency": "JPY", "amount_minor": 98000},
    ],
    queries.REFUSED: [{"reason": "invalid_score", "n": 2}, {"reason": "no_identity", "n": 1}],
    queries.METRIC_SUMS: [
        {"metric": "csat", "observations": 80, "counted": 60, "of": 80},
        {"metric": "call_abandonment_rate", "observations": 50, "counted": 10, "of": 50},
        {"metric": "speed_of_answer", "observations": 40, "counted": 1800, "of": 40},
    ],
    queries.SPREADS: [
        {"metric": "nps", "observations": 100, "total": 30, "squares": 70, "spread": 1},
        {"metric": "csat", "observations": 80, "total": 60, "squares": 60, "spread": 1},
        {"metric": "call_abandonment_rate", "observations": 50, "total": 10, "squares": 0, "spread": 1},
    ],
    queries.ABANDONED: [
        {"subject": "cart", "status": "abandoned", "currency": "EUR", "n": 7, "value_minor": 70050},
        {"subject": "cart", "status": "abandoned", "currency": "JPY", "n": 1, "value_minor": 12000},
        {"subject": "cart", "status": "recovered", "currency": "EUR", "n": 2, "value_minor": 9900},
        {"subject": "call", "status": "abandoned", "currency": "", "n": 10, "value_minor": None},
    ],
    queries.SHIFTS: [shift("C7", 0.5, -0.8), shift("C3", 0.4, 0.1), shift("C9", -0.6, 0.4)],
    queries.OUTCOME: [{"outcome": "unresolved"}],
    queries.STEPS: STEPS,
    queries.CHANGES: [changed()],
    queries.COUNT_CHANGES: [{"n": 100}],
}

NOTHING: dict[str, list[dict[str, Any]]] = {
    **{sql: [] for sql in STORY},
    **UNSERVED,
    queries.CUSTOMERS: [{"customers": 0, "anonymous": 0}],
    queries.IDENTIFIERS: [{"identifiers": 0, "customers": 0}],
}


def teller(story: Mapping[str, list[dict[str, Any]]]) -> Ask:
    """Return an `Ask` that knows the answers of a story."""

    def ask(sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        del parameters
        return story[sql]

    return ask
