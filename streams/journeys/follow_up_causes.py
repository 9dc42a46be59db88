"""What a touchpoint is for follow-ups: a cause of one, a contact with the customer, or what settles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from schemas.follow_ups import Reason
from schemas.kinds.case_event import CaseEvent
from schemas.kinds.support_call import SupportCall
from schemas.kinds.survey_answer import SurveyAnswer
from schemas.kinds.touchpoint import Touchpoint
from schemas.kinds.tweet import Tweet
from schemas.units import SCALE
from streams.journeys.experience import DETRACTOR
from streams.journeys.state import Answer

PRAISE = 6 * SCALE // 10
"""The sentiment from which words are praise."""
DETRACTS, PROMOTES = -1, 1
"""What an answer to NPS adds to its metric: that of a detractor, and of a promoter."""

Cause = tuple[Reason, str, str]
"""A reason, its topic and its language; "" for none."""


def reason_of(answer: Answer) -> Reason | None:
    """Return what an answer is a cause of: a score counts before words."""
    if not answer.scored:
        return "thank_you" if answer.sentiment is not None and answer.sentiment >= PRAISE else None
    if answer.question_kind == "nps":
        if answer.metric_value == DETRACTS:
            return "poor_answer"
        return "thank_you" if answer.metric_value == PROMOTES else None
    # The experience of a score is twice its normalised score, less one.
    if answer.experience is None or 0 <= answer.experience < SCALE:
        return None
    return "thank_you" if answer.experience == SCALE else "poor_answer"


def _cause_of_case(event: CaseEvent) -> Cause | None:
    if event.by != "customer":
        return None
    if event.complaint:
        return "complaint", event.topic or "", ""
    is_praise = event.sentiment is not None and event.sentiment >= PRAISE
    return ("thank_you", event.topic or "", "") if is_praise else None


def _cause_of_post(event: Tweet) -> Cause | None:
    if event.author != "customer":
        return None
    stars = event.stated_experience
    is_praise = (event.sentiment or 0) >= PRAISE if stars is None else stars == SCALE
    return "thank_you" if is_praise else "unanswered_post", "", event.lang or ""


CAUSES: Mapping[type[Touchpoint], Callable[[Any], Cause | None]] = {CaseEvent: _cause_of_case, Tweet: _cause_of_post}
"""What returns what a touchpoint is a cause of by itself, by its type; what depends on others, their machines tell."""


MEANT: frozenset[type[Touchpoint]] = frozenset({CaseEvent, SupportCall, Tweet})
"""The types of touchpoints that may be a contact, or settle, though they have no experience."""


def is_contact(touchpoint: Touchpoint) -> bool:
    """Return whether a person of the business gets to the customer."""
    match touchpoint:
        case Tweet():
            return touchpoint.is_answer
        case CaseEvent():
            return touchpoint.by == "agent" and touchpoint.phase != "opened"
        case SupportCall():
            return touchpoint.phase == "answered"
    return False


def is_the_business(touchpoint: Touchpoint) -> bool:
    """Return whether a touchpoint is not the customer's: that staff call a case resolved says not how they feel."""
    match touchpoint:
        case Tweet():
            return touchpoint.author != "customer"
        case CaseEvent():
            return touchpoint.by != "customer"
    return False


def settles(touchpoint: Touchpoint, felt: int | None) -> bool:
    """Return whether a touchpoint says that all is well; what is a complaint, or a poor answer, does not.

    Args:
        felt: the customer's experience in it, units of 1 / SCALE.
    """
    is_good = felt is not None and felt > 0
    match touchpoint:
        case CaseEvent():
            return touchpoint.phase == "resolved" or (is_good and not touchpoint.complaint)
        case SurveyAnswer():
            # Of NPS, a six is above the middle of the scale.
            is_poor = touchpoint.question_kind == "nps" and (touchpoint.score or 0) <= DETRACTOR
            return is_good and not (is_poor and touchpoint.normalised is not None)
    return is_good
