"""The rows of each kind's view, as the lines hold them: the contract's fields, and what stands for those left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.oracle.histories import CustomerHistory
from tests.oracle.touchpoints import Touch, milliseconds

LEFT_OUT: dict[str, dict[str, Any]] = {
    "purchases": {"action": "placed", "discount_minor": 0, "cart_id": None, "items": []},
    "tweets": {"platform": "twitter", "lang": None, "author": "customer", "in_reply_to": None, "rating": None},
    "support_calls": {
        "agent_id": None, "topic": None, "case_id": None, "notes": None, "resolved": None, "solutions_offered": None,
    },
    "survey_answers": {
        "question_id": None, "question_kind": None, "score": None, "scale_min": None, "scale_max": None,
        "higher_is_better": True, "text": None, "about": None,
    },
    "cart_events": {"sku": None, "quantity": 1, "value_minor": 0, "currency": None},
    "case_events": {"topic": None, "owner": None, "eta_at": None, "text": None, "complaint": False},
    "page_views": {"area": "site", "action": "view", "duration_ms": None, "ok": True},
}  # fmt: skip
"""By view, what a field holds that the line leaves out."""
STATED: dict[str, tuple[str, ...]] = {
    "purchases": ("order_id", "amount_minor", "currency"),
    "tweets": ("post_id", "text"),
    "support_calls": ("call_id", "phase"),
    "survey_answers": ("response_id", "survey_id", "phase"),
    "cart_events": ("cart_id", "action"),
    "case_events": ("case_id", "phase", "by"),
    "page_views": ("page",),
}
"""By view, the fields that every line states."""
KINDS = {
    "purchases": "purchase",
    "tweets": "tweet",
    "support_calls": "support_call",
    "survey_answers": "survey_answer",
    "cart_events": "cart_event",
    "case_events": "case_event",
    "page_views": "page_view",
}
Owners = Mapping[tuple[str, int], str]
"""As whose a view shows what is stored under a name, by that and the time, ms."""
NAMED_PAGE_ACTIONS = {"view", "search", "download", "invoice_viewed", "invoice_paid"}
"""A page view may have any other action too, which a journey's step does not tell."""


def rows(view: str, people: Mapping[str, CustomerHistory], owners: Owners) -> Iterator[dict[str, Any]]:
    """Give the expected rows of a view, without when they were received."""
    for history in people.values():
        superseded = history.superseded
        for touch in history.touches:
            if touch.kind == KINDS[view]:
                yield {
                    "event_id": touch.event_id,
                    "occurred_at": touch.at,
                    "customer_id": owners[touch.stored_key, touch.at],
                    "identifiers": touch.record.get("identifiers", {}),
                    "journey_id": history.journey_of(touch),
                    "channel": touch.channel,
                    "source": touch.source,
                    **_own(view, touch),
                    "sentiment": touch.sentiment,
                    "experience": history.experiences.get(touch.event_id),
                    "attributes": touch.attributes,
                    "ahead": False,
                    "late": False,
                    "superseded": touch.event_id in superseded,
                }


def items(people: Mapping[str, CustomerHistory], owners: Owners) -> Iterator[dict[str, Any]]:
    """Give the expected rows of the items of orders and refunds."""
    for row in rows("purchases", people, owners):
        for place, item in enumerate(row["items"], start=1):
            yield {"event_id": row["event_id"], "order_id": row["order_id"], "place": place, **item}


def step(touch: Touch) -> str:
    """Return what a journey's `steps` call a touchpoint."""
    if touch.kind == "page_view" and touch.action not in NAMED_PAGE_ACTIONS:
        return touch.kind
    return f"{touch.kind}:{touch.action}"


def _own(view: str, touch: Touch) -> dict[str, Any]:
    record = touch.record
    own = {name: record[name] for name in STATED[view]}
    own |= {name: record.get(name, usual) for name, usual in LEFT_OUT[view].items()}
    if own.get("eta_at") is not None:
        own["eta_at"] = milliseconds(own["eta_at"])
    return {name: None if value == "" and name in LEFT_OUT[view] else value for name, value in own.items()}
