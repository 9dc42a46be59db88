"""In which order touchpoints of one millisecond are applied: that in which such things happen."""

from __future__ import annotations

from schemas.log import AnyTouchpoint, CartEvent, CaseEvent, Purchase, SupportCall, SurveyAnswer, Tweet

_ORDERS: dict[type[AnyTouchpoint], tuple[str, ...]] = {
    SurveyAnswer: ("invited", "started", "answered", "completed"),
    SupportCall: ("queued", "answered", "held", "resumed", "transferred", "ended"),
    CartEvent: ("created", "item_added", "item_removed", "checkout_started", "payment_failed", "cleared", "ordered"),
    CaseEvent: (
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
_RANKS: dict[tuple[type[AnyTouchpoint], str], int] = {
    (Purchase, "placed"): 10,
    (Purchase, "refunded"): 11,
    (Tweet, "brand"): 12,
    **{(kind, phase): rank for kind, order in _ORDERS.items() for rank, phase in enumerate(order)},
}


def rank_of(touchpoint: AnyTouchpoint) -> int:
    """Return a touchpoint's place among those of its millisecond; of equal places, the event id decides."""
    return _RANKS.get((type(touchpoint), _phase(touchpoint)), 0)


def _phase(touchpoint: AnyTouchpoint) -> str:
    if isinstance(touchpoint, SupportCall | SurveyAnswer | CaseEvent):
        return touchpoint.phase
    if isinstance(touchpoint, Tweet):
        return touchpoint.author
    return touchpoint.action if isinstance(touchpoint, CartEvent | Purchase) else ""
