"""How one touchpoint says the customer was served: its experience.

A score counts before words, and words before a fixed weight. Scores map linearly from their scale to -1 .. 1; a scored
text counts as its sentiment; the fixed weights are declared by the kinds (`schemas.kinds`). Other touchpoints have no
experience: an order placed says what was bought, not how the customer was served.
"""

from __future__ import annotations

from schemas.kinds import TOUCHPOINT_KINDS
from schemas.kinds.touchpoint import Touchpoint

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
