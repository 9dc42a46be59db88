"""Likely causes: what the business last did, or what last failed, before a customer felt otherwise.

Of what may turn a customer (`Touchpoint.may_turn`) a bad experience most likely comes from the last about another thing
(call, case, order, post …) within a day before: what is done in a call is seldom why it was made. Else, and where the
experience is not bad, it comes from the last of all within a week. Both are of the experience's own journey.
"""

from __future__ import annotations

from schemas.kinds.touchpoint import Touchpoint
from schemas.units import DAY_MS
from streams.journeys.acts import Act
from streams.journeys.state import Attribution, CustomerState

NEAR_MS = DAY_MS
FAR_MS = 7 * DAY_MS


def cause_of(customer: CustomerState, touchpoint: Touchpoint, attribution: Attribution, experience: int) -> int:
    """Return the number of the act that an experience most likely comes from, 0 for none.

    Args:
        touchpoint: the one that tells the experience; it is no act yet.
        attribution: where the experience counts.
        experience: units of 1 / SCALE.
    """
    acts = customer.acts
    if not acts:
        return 0
    if experience < 0:
        other = _last_about_another(acts, touchpoint.kind, touchpoint.subject_id)
        if other is not None and _is_within(other, attribution, NEAR_MS):
            return other.number
    return acts[-1].number if _is_within(acts[-1], attribution, FAR_MS) else 0


def note(customer: CustomerState, touchpoint: Touchpoint, journey: int) -> None:
    """Keep a touchpoint that may turn its customer, and of those before it what is still needed.

    It is told of each touchpoint that may, when all that it brings about has been.
    """
    kind, subject_id = touchpoint.kind, touchpoint.subject_id
    act = Act(customer.touchpoints, touchpoint.event_id, kind, subject_id, touchpoint.occurred_at, journey)
    acts = customer.acts
    if acts:
        other = _last_about_another(acts, kind, subject_id)
        needed = {observation.cause for observation in customer.observations}
        acts = [one for one in acts if one is other or one.number in needed]
    customer.acts = [*acts, act]


def act_of(customer: CustomerState, number: int) -> Act | None:
    """Return the act of a number, None for none."""
    return next((act for act in customer.acts if act.number == number), None)


def _last_about_another(acts: list[Act], kind: str, subject_id: str) -> Act | None:
    for act in reversed(acts):
        if act.subject_id != subject_id or act.kind != kind:
            return act
    return None


def _is_within(act: Act, attribution: Attribution, most_ms: int) -> bool:
    return act.journey == attribution.journey and 0 <= attribution.at - act.at <= most_ms
