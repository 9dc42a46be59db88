"""In which order touchpoints of one millisecond are applied: that in which such things happen."""

from __future__ import annotations

from schemas.journey_log import Touchpoint

_ORDERS: dict[str, tuple[str, ...]] = {
    "survey_answer": ("invited", "started", "answered", "completed"),
    "support_call": ("queued", "answered", "held", "resumed", "transferred", "ended"),
    "cart_event": ("created", "item_added", "item_removed", "checkout_started", "payment_failed", "cleared", "ordered"),
    "case_event": (
        "opened",
        "acknowledged",
        "updated",
        "solution_offered",
        "eta_given",
        "escalated",
        "resolved",
        "reopened",
        "closed",
    ),
}
# An order comes after the events of its cart and a reply after the post, also where a clock knows only seconds.
_RANKS: dict[tuple[str, str], int] = {
    ("purchase", "placed"): 10,
    ("purchase", "refunded"): 11,
    ("tweet", "brand"): 12,
    **{(kind, phase): rank for kind, order in _ORDERS.items() for rank, phase in enumerate(order)},
}


def rank_of(touchpoint: Touchpoint) -> int:
    """Return a touchpoint's place among those of its millisecond; of equal places, the event id decides."""
    return _RANKS.get((touchpoint.kind, touchpoint.what), 0)
