"""Surveys: their answers' scores, and responses that were begun and never completed."""

from __future__ import annotations

from schemas.kinds.survey_answer import SurveyAnswer
from schemas.units import DAY_MS, SCALE
from streams.journeys import abandonment
from streams.journeys.effects import Effects
from streams.journeys.state import Attribution, CustomerState, Survey

METRIC = "survey_abandonment_rate"
SILENCE_MS = 7 * DAY_MS
"""How long after its last answer a response counts as abandoned."""
FAVOURABLE: dict[str, int] = {"csat": 3 * SCALE // 4, "ces": round(4 / 6 * SCALE)}
"""The normalised score from which an answer is favourable: the top two boxes, and 5 and more of 7."""
PROMOTER, DETRACTOR = 9, 6


def on_survey_answer(customer: CustomerState, event: SurveyAnswer, attribution: Attribution, effects: Effects) -> None:
    """Apply a phase of a response."""
    if event.phase in {"answered", "completed"}:
        _measure_answer(customer, event, attribution, effects)
    if event.phase == "invited":
        return
    survey = customer.surveys.get(event.response_id)
    if survey is None:
        survey = customer.surveys[event.response_id] = Survey(attribution=attribution, last_at=attribution.at)
    survey.last_at = attribution.at
    if event.phase == "completed":
        _complete(customer, event.response_id, survey, effects)
    elif survey.status in {"open", "abandoned"}:
        _go_on(survey, event.phase, attribution, effects)


def next_deadline(customer: CustomerState) -> int | None:
    """Return the earliest moment at which a response will be abandoned, or None."""
    return min((s.deadline for s in customer.surveys.values() if s.deadline), default=None)


def on_deadline(customer: CustomerState, at: int, effects: Effects) -> None:
    """Abandon every response whose deadline is `at`."""
    for response_id, survey in customer.surveys.items():
        if survey.deadline != at:
            continue
        survey.deadline = 0
        survey.abandoned_at = at
        if survey.status == "open":
            survey.status = "abandoned"
            effects.measure(METRIC, survey.attribution, n=0, numerator=1)
            abandonment.count(customer)
        report(response_id, survey, effects)


def report(response_id: str, survey: Survey, effects: Effects) -> None:
    """Put the response's row among the effects."""
    abandonment.report(effects, "survey", "survey", response_id, survey)


def _go_on(survey: Survey, phase: str, attribution: Attribution, effects: Effects) -> None:
    begins = phase == "started" and not survey.started_at
    if begins:
        survey.started_at = attribution.at
        survey.attribution = attribution
        effects.measure(METRIC, attribution, n=1, numerator=0)
    # To open it once more is no answer.
    if begins or (phase == "answered" and survey.started_at):
        survey.deadline = attribution.at + SILENCE_MS


def _complete(customer: CustomerState, response_id: str, survey: Survey, effects: Effects) -> None:
    survey.deadline = 0
    if survey.status == "abandoned":
        survey.status = "recovered"
        survey.recovered_at = survey.last_at
        abandonment.uncount(customer, survey)
        report(response_id, survey, effects)
    elif survey.status == "open":
        survey.status = "completed"


def _measure_answer(customer: CustomerState, event: SurveyAnswer, attribution: Attribution, effects: Effects) -> None:
    if event.score is None or event.normalised is None:
        return
    kind = event.question_kind
    if kind == "nps":
        customer.last_nps = round(event.score)
        counted = (event.score >= PROMOTER) - (event.score <= DETRACTOR)
    elif kind in FAVOURABLE:
        counted = int(event.normalised >= FAVOURABLE[kind])
    else:
        return
    effects.measure(kind, attribution, n=1, numerator=counted, squares=abs(counted))
