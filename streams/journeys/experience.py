"""How one touchpoint says the customer was served: its experience.

A score counts before words, and words before a fixed weight. Scores map linearly from their scale to -1 .. 1; a scored
text counts as its sentiment; the fixed weights are declared by the kinds (`schemas.kinds`). Other touchpoints have no
experience: an order placed says what was bought, not how the customer was served.
"""

from __future__ import annotations

from schemas.kinds import TOUCHPOINT_KINDS
from schemas.kinds.touchpoint import Touchpoint
from streams.journeys.state import Attribution, CustomerState, Experienced, Journey

HAPPENED: dict[tuple[str, str], int] = {
    (name, what): weight for name, kind in TOUCHPOINT_KINDS.items() for what, weight in kind.experience.items()
}
"""The fixed weights, in units of 1 / SCALE, by kind and what happened."""

PROMOTER, DETRACTOR = 9, 6
"""The least score of NPS that recommends, and the greatest that warns."""
ANSWERS_MAX = 64
"""Answers at the beginning, and at the end, of a journey whose corrections change its first and last experience."""
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


def record(customer: CustomerState, experience: int | None, answer: str = "") -> None:
    """Count an experience in the sums of the customer and of the journey under way; None where an answer has none.

    Args:
        answer: the response and question that it answers, "" for what is no answer.
    """
    journey = customer.journey
    if experience is not None:
        customer.experience_sum += experience
        customer.experience_n += 1
    if journey is None:
        return
    if experience is not None:
        journey.experience_sum += experience
        journey.experience_n += 1
    experienced = Experienced(answer, experience)
    firsts = journey.first_experiences
    if not firsts or (firsts[-1].answer and len(firsts) < ANSWERS_MAX):
        firsts.append(experienced)
        if len(firsts) == ANSWERS_MAX:
            firsts[:] = filter(_has_value, firsts)
    # What came before an experience that stays is never the last again.
    journey.last_experiences = _with_last(journey.last_experiences, experienced) if answer else [experienced]


def _with_last(lasts: list[Experienced], experienced: Experienced) -> list[Experienced]:
    if len(lasts) < ANSWERS_MAX:
        return [*lasts, experienced]
    return [*filter(_has_value, lasts), experienced][-ANSWERS_MAX:]


def settle(journey: Journey) -> None:
    """Let a journey's first and last experience be what they now are, whatever answers are corrected."""
    journey.first_experiences = [one for one in journey.first_experiences if _has_value(one)][:1]
    journey.last_experiences = [one for one in journey.last_experiences if _has_value(one)][-1:]


def _has_value(experienced: Experienced) -> bool:
    return experienced.value is not None


def restate(
    customer: CustomerState, attribution: Attribution, was: int | None, experience: int | None, answer: str
) -> None:
    """Count an answer's experience instead of the one that its statement before had; None for none.

    Args:
        attribution: of the answer's first statement.
    """
    journey = customer.journey
    difference, n = (experience or 0) - (was or 0), (experience is not None) - (was is not None)
    customer.experience_sum += difference
    customer.experience_n += n
    if journey is None or journey.number != attribution.journey:
        return
    journey.experience_sum += difference
    journey.experience_n += n
    for kept in (journey.first_experiences, journey.last_experiences):
        for place, experienced in enumerate(kept):
            if experienced.answer == answer:
                kept[place] = Experienced(answer, experience)
