"""The layout of what is remembered of a customer: states are arrays, so a field that moves is read as another."""

from __future__ import annotations

import msgspec

from streams.journeys import state
from streams.journeys.formats import FORMAT

LAYOUTS: dict[str, tuple[str, ...]] = {
    "Journey": (
        "number", "started_at", "last_touch_at", "touchpoints", "channels", "path", "purchases", "revenue", "currency",
        "currency_of", "first_experiences", "last_experiences", "experience_sum", "experience_n", "resolved",
        "unresolved", "abandoned",
    ),
    "Experienced": ("answer", "value"),
    "Attribution": ("at", "channel", "attributes", "journey", "stated_key"),
    "AbandonedCart": ("subject", "value_minor", "currency"),
    "CartStep": ("occurred_at", "action", "sku", "quantity", "value_minor", "currency", "attribution"),
    "Cart": (
        "attribution", "cart_id", "last_at", "skus", "value_minor", "currency", "checkout", "counted", "deadline",
        "status", "abandoned_at", "recovered_at", "recovered_by", "abandoned_as", "unlisted", "steps", "is_settled",
        "corrected_at",
    ),
    "Call": (
        "attribution", "call_id", "began_at", "last_at", "queued_at", "waiting_at", "requeued_at", "answered_at",
        "talked", "held_at", "hold_ms", "status", "family", "started_at", "abandoned_at", "recovered_at",
        "recovered_by", "corrected_at",
    ),
    "Answer": ("attribution", "stated", "question_kind", "metric_value", "experience", "sentiment", "scored"),
    "Survey": (
        "attribution", "last_at", "started_at", "deadline", "status", "abandoned_at", "recovered_at", "recovered_by",
        "answers", "observation",
    ),
    "FollowUp": (
        "attribution", "follow_up_id", "event_id", "happened_at", "warns_at", "due_at", "settle_due_at", "deadline",
        "status", "opened_at", "warned_at", "missed_at", "contacted_at", "closed_at", "changed_at", "causes",
        "subject_id", "topic", "lang", "owner", "value_minor", "currency", "experience_before", "experience_after",
        "may_ask",
    ),
    "CustomerFollowUps": ("running", "asked", "thanked_at"),
    "Order": ("attribution", "stated", "leading", "amount_minor", "currency", "skus", "cart_id"),
    "Observation": ("attribution", "event_id", "value"),
    "Act": ("number", "event_id", "kind", "subject_id", "at", "journey"),
    "CustomerState": (
        "journey", "journeys", "first_seen_at", "last_seen_at", "touchpoints", "purchases", "spend", "refunded",
        "currency", "currency_of", "experience_sum", "experience_n", "last_nps", "last_shift", "last_timer_at", "carts",
        "calls", "surveys", "cases", "observations", "unanswered", "orders", "last_nps_of",
        "orders_forgotten_at",
    ),
}  # fmt: skip
"""The fields of format 1, in their order. A later field with a default may follow them."""


def test_the_layout_changes_only_with_the_format() -> None:
    structs = {name: value.__struct_fields__ for name, value in vars(state).items() if is_struct(value)}
    assert structs.keys() == LAYOUTS.keys(), "write down each struct's fields in LAYOUTS: none of them may move later"
    begun = {name: fields[: len(LAYOUTS[name])] for name, fields in structs.items()}

    assert FORMAT == 1, "write down the new format's layout here"
    assert begun == LAYOUTS, "a field moved or went: put new ones at the end, or raise FORMAT"


def is_struct(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, msgspec.Struct)
