"""Surveys: their answers' scores, and responses that were begun and never completed."""

from __future__ import annotations

from schemas.log import SCALE, SurveyAnswer
from streams.journeys import abandonment
from streams.journeys.effects import Effects
from streams.journeys.life import DAY_MS, Life, Origin, Survey

METRIC = "survey_abandonment_rate"
SILENCE_MS = 7 * DAY_MS
"""How long after its last answer a response counts as abandoned."""
FAVOURABLE: dict[str, int] = {"csat": 3 * SCALE // 4, "ces": round(4 / 6 * SCALE)}
"""The normalised score from which an answer is favourable: the top two boxes, and 5 and more of 7."""
PROMOTER, DETRACTOR = 9, 6


def on_survey_answer(life: Life, event: SurveyAnswer, origin: Origin, effects: Effects) -> None:
    """Apply a phase of a response."""
    if event.phase in {"answered", "completed"}:
        _measure_answer(life, event, origin, effects)
    if event.phase == "invited":
        return
    survey = life.surveys.get(event.response_id)
    if survey is None:
        survey = life.surveys[event.response_id] = Survey(origin=origin, last_at=origin.at)
    survey.last_at = origin.at
    if event.phase == "completed":
        _complete(life, event.response_id, survey, effects)
    elif survey.status in {"open", "abandoned"}:
        _go_on(survey, event.phase, origin, effects)


def next_deadline(life: Life) -> int | None:
    """Return the earliest moment at which a response will be abandoned, or None."""
    return min((s.deadline for s in life.surveys.values() if s.deadline), default=None)


def on_deadline(life: Life, at: int, effects: Effects) -> None:
    """Abandon every response whose deadline is `at`."""
    for response_id, survey in life.surveys.items():
        if survey.deadline != at:
            continue
        survey.deadline = 0
        survey.abandoned_at = at
        if survey.status == "open":
            survey.status = "abandoned"
            effects.measure(METRIC, survey.origin, n=0, numerator=1)
            abandonment.count(life)
        report(response_id, survey, effects)


def report(response_id: str, survey: Survey, effects: Effects) -> None:
    """Put the response's row among the effects."""
    abandonment.report(effects, "survey", "survey", response_id, survey)


def _go_on(survey: Survey, phase: str, origin: Origin, effects: Effects) -> None:
    begins = phase == "started" and not survey.started_at
    if begins:
        survey.started_at = origin.at
        survey.origin = origin
        effects.measure(METRIC, origin, n=1, numerator=0)
    # To open it once more is no answer.
    if begins or (phase == "answered" and survey.started_at):
        survey.deadline = origin.at + SILENCE_MS


def _complete(life: Life, response_id: str, survey: Survey, effects: Effects) -> None:
    survey.deadline = 0
    if survey.status == "abandoned":
        survey.status = "recovered"
        survey.recovered_at = survey.last_at
        abandonment.uncount(life, survey)
        report(response_id, survey, effects)
    elif survey.status == "open":
        survey.status = "completed"


def _measure_answer(life: Life, event: SurveyAnswer, origin: Origin, effects: Effects) -> None:
    if event.score is None or event.normalised is None:
        return
    kind = event.question_kind
    if kind == "nps":
        life.last_nps = round(event.score)
        counted = (event.score >= PROMOTER) - (event.score <= DETRACTOR)
    elif kind in FAVOURABLE:
        counted = int(event.normalised >= FAVOURABLE[kind])
    else:
        return
    effects.measure(kind, origin, n=1, numerator=counted, squares=abs(counted))
