"""How one touchpoint says the customer was served: its experience.

A score counts before words, and words before a fixed weight. Scores map linearly from their scale to -1 .. 1; a scored
text counts as its sentiment; the fixed weights are declared by the kinds (`schemas.kinds`). Other touchpoints have no
experience: an order placed says what was bought, not how the customer was served.
"""

from __future__ import annotations

from schemas.kinds import TOUCHPOINT_KINDS
from schemas.kinds.touchpoint import Touchpoint
from streams.journeys.state import Attribution, CustomerState

HAPPENED: dict[tuple[str, str], int] = {
    (name, what): weight for name, kind in TOUCHPOINT_KINDS.items() for what, weight in kind.experience.items()
}
"""The fixed weights, in units of 1 / SCALE, by kind and what happened."""

CALL_ABANDONED = HAPPENED["support_call", "abandoned in the queue"]
HOLD_ABANDONED = HAPPENED["support_call", "abandoned on hold"]


def experience_of(touchpoint: Touchpoint) -> int | None:
    """Return the experience that the touchpoint states on its own, in units of 1 / SCALE, or None without one.

    The experience of a call's end depends on the call, so `streams.journeys.calls` finds it.
    """
    if (stated := touchpoint.stated_experience) is not None:
        return stated
    if touchpoint.sentiment is not None:
        return touchpoint.sentiment
    return HAPPENED.get((touchpoint.kind, touchpoint.experience_key))


def record(customer: CustomerState, attribution: Attribution, was: int | None, now: int | None) -> None:
    """Count an experience in the customer's sums and, while it is under way, in its journey's.

    Args:
        attribution: of the touchpoint, or of the first statement of what it restates.
        was: the experience that it takes the place of, None for none.
        now: the experience, None for none.
    """
    journey = customer.journey
    of_journey = journey is not None and journey.number == attribution.journey
    for sign, value in ((-1, was), (1, now)):
        if value is None:
            continue
        customer.experience_sum += sign * value
        customer.experience_n += sign
        if journey is not None and of_journey:
            journey.experience_sum += sign * value
            journey.experience_n += sign
    if journey is None or not of_journey:
        return
    if now is None:
        if not journey.experience_n:
            journey.experience_first = journey.experience_last = None
        return
    at = attribution.at
    if journey.experience_first is None or (was, at) == (journey.experience_first, journey.first_experience_at):
        journey.experience_first, journey.first_experience_at = now, at
    if was is None or (was, at) == (journey.experience_last, journey.last_experience_at):
        journey.experience_last, journey.last_experience_at = now, at
