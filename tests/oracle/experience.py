"""The experience of each touchpoint, -1 to 1, to four decimals, and what the shift detector observes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from tests.oracle.calls import Call
from tests.oracle.facts import Fact, is_answer
from tests.oracle.scores import is_scored, normalised
from tests.oracle.touchpoints import HOUR, Touch

WEIGHTS = {
    ("purchase", "refunded"): -0.5,
    ("cart_event", "payment_failed"): -0.4,
    ("case_event", "escalated"): -0.6,
    ("case_event", "reopened"): -0.6,
    ("case_event", "resolved"): 0.5,
}


def experience(touch: Touch, calls: Mapping[str, Call]) -> float | None:
    """Return a touchpoint's experience, if it has one; `calls` are the customer's, by the event_id of each phase."""
    if is_scored(touch):
        return round(2 * normalised(touch) - 1, 4)
    if touch.kind == "tweet" and touch.action == "customer" and touch.record.get("rating") is not None:
        return float((touch.record["rating"] - 3) / 2)
    if touch.own_words and touch.sentiment is not None:
        return touch.sentiment
    return _of_call(touch, calls.get(touch.event_id)) if touch.kind == "support_call" else _happened(touch)


def _happened(touch: Touch) -> float | None:
    if touch.kind == "page_view":
        return None if touch.record.get("ok", True) else -0.3
    if touch.kind == "case_event" and touch.action == "opened":
        return -0.7 if touch.record.get("complaint") else None
    return WEIGHTS.get((touch.kind, touch.action))


def _of_call(touch: Touch, call: Call | None) -> float | None:
    if call is None or touch is not call.ended:
        return None
    if call.gave_up:
        return -0.8 if call.gave_up == "hold" else -0.6
    return None if call.resolved is None else 0.5 if call.resolved else -0.5


def observations(
    touches: Sequence[Touch], answers: Sequence[Fact], experiences: Mapping[str, float]
) -> dict[str, float]:
    """Return the detector's series once these touchpoints are known, in order, by event_id.

    A survey response is one observation, at the first of its answers that has an experience. A page or payment that
    fails less than an hour after one that failed, with nothing between them, is one with it: the worse counts.
    """
    known = {touch.event_id for touch in touches}
    stated = [Fact([touch for touch in fact.statements if touch.event_id in known]) for fact in answers]
    series: dict[str, float] = {}
    responses = set[str]()
    failed: Touch | None = None
    for touch in touches:
        if touch.event_id not in experiences:
            continue
        if not is_answer(touch):
            felt = experiences[touch.event_id]
            if failed is not None and has_failed(touch) and touch.at - failed.at < HOUR:
                series[failed.event_id] = min(series[failed.event_id], felt)
                continue
            failed = touch if has_failed(touch) else None
            series[touch.event_id] = felt
        elif touch.subject not in responses:
            responses.add(touch.subject)
            failed = None
            held = [fact.holding for fact in stated if fact.statements and fact.first.subject == touch.subject]
            series.update(_of_response(touch, held, experiences))
    return series


def has_failed(touch: Touch) -> bool:
    """Return whether it is a page or a payment that failed."""
    return (touch.kind, touch.action) == ("cart_event", "payment_failed") or touch.record.get("ok") is False


def _of_response(first: Touch, held: Sequence[Touch], experiences: Mapping[str, float]) -> dict[str, float]:
    """Return the mean of the scored answers that hold, else of the texts, by the event_id of the first."""
    felt = [answer for answer in held if answer.event_id in experiences]
    scored = [answer for answer in felt if is_scored(answer)]
    values = [experiences[answer.event_id] for answer in scored or felt]
    return {first.event_id: fmean(values)} if values else {}
