"""The experience of each touchpoint, -1 to 1, to four decimals."""

from __future__ import annotations

from tests.oracle.calls import Call
from tests.oracle.scores import is_scored, normalised
from tests.oracle.touchpoints import Touch

WEIGHTS = {
    ("purchase", "refunded"): -0.5,
    ("cart_event", "payment_failed"): -0.4,
    ("case_event", "escalated"): -0.6,
    ("case_event", "reopened"): -0.6,
    ("case_event", "resolved"): 0.5,
}


def experience(touch: Touch, calls: dict[str, Call]) -> float | None:
    """Return a touchpoint's experience, if it has one; `calls` are the customer's."""
    if is_scored(touch):
        return round(2 * normalised(touch) - 1, 4)
    if touch.kind == "tweet" and touch.action == "customer" and touch.record.get("rating") is not None:
        return float((touch.record["rating"] - 3) / 2)
    if touch.own_words and touch.sentiment is not None:
        return touch.sentiment
    return _of_call(touch, calls[touch.subject]) if touch.kind == "support_call" else _happened(touch)


def _happened(touch: Touch) -> float | None:
    if touch.kind == "page_view":
        return None if touch.record.get("ok", True) else -0.3
    if touch.kind == "case_event" and touch.action == "opened":
        return -0.7 if touch.record.get("complaint") else None
    return WEIGHTS.get((touch.kind, touch.action))


def _of_call(touch: Touch, call: Call) -> float | None:
    if touch is not call.ended:
        return None
    if call.gave_up:
        return -0.8 if call.gave_up == "hold" else -0.6
    return None if call.resolved is None else 0.5 if call.resolved else -0.5
