"""What one touchpoint says of how the customer was served: the one table of experience.

A score counts before words, words before what merely happened. Scores map linearly from their scale to -1 .. 1; a
scored text counts as its sentiment; what happened has the fixed weights below. A touchpoint that is in none of these
has no experience: an order placed says what was bought, not how the customer was served.
"""

from __future__ import annotations

from schemas.journey_log import CaseEvent, PageView, SurveyAnswer, Touchpoint, Tweet
from schemas.units import SCALE

CALL_ABANDONED = -6_000
HOLD_ABANDONED = -8_000

HAPPENED: dict[tuple[str, str], int] = {
    ("purchase", "refunded"): -5_000,
    ("cart_event", "payment_failed"): -4_000,
    ("support_call", "abandoned in the queue"): CALL_ABANDONED,
    ("support_call", "abandoned on hold"): HOLD_ABANDONED,
    ("support_call", "ended, resolved"): 5_000,
    ("support_call", "ended, not resolved"): -5_000,
    ("case_event", "opened as a complaint"): -7_000,
    ("case_event", "escalated"): -6_000,
    ("case_event", "reopened"): -6_000,
    ("case_event", "resolved"): 5_000,
    ("page_view", "failed"): -3_000,
}
"""The fixed weights, in units of 1 / SCALE, by kind and what happened."""


def experience_of(touchpoint: Touchpoint) -> int | None:
    """Return what the touchpoint says on its own, in units of 1 / SCALE; a call's end is weighed by `calls`."""
    if isinstance(touchpoint, SurveyAnswer) and touchpoint.normalised is not None:
        return 2 * touchpoint.normalised - SCALE
    if isinstance(touchpoint, Tweet) and touchpoint.rating is not None:
        return (touchpoint.rating - 3) * (SCALE // 2)
    if touchpoint.sentiment is not None:
        return touchpoint.sentiment
    return _happened(touchpoint)


def _happened(touchpoint: Touchpoint) -> int | None:
    if isinstance(touchpoint, PageView):
        return None if touchpoint.ok else HAPPENED["page_view", "failed"]
    if isinstance(touchpoint, CaseEvent) and touchpoint.complaint and touchpoint.phase == "opened":
        return HAPPENED["case_event", "opened as a complaint"]
    return HAPPENED.get((touchpoint.kind, touchpoint.what))
