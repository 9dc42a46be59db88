"""Surveys: their answers' scores, and responses that were started and never completed."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.kinds.survey_answer import SurveyAnswer
from schemas.kinds.touchpoint import Touchpoint
from schemas.metrics import CES, CSAT, NPS, SURVEY_ABANDONMENT_RATE
from schemas.units import DAY_MS, SCALE
from streams.journeys import abandonment
from streams.journeys.effects import Effects, EntityKey
from streams.journeys.machine import Handler, Machine, drop_oldest
from streams.journeys.state import NEVER, Attribution, CustomerState, Survey

SILENCE_MS = 7 * DAY_MS
"""How long after its last answer a response counts as abandoned."""
FAVOURABLE = {"csat": (CSAT, 3 * SCALE // 4), "ces": (CES, round(4 / 6 * SCALE))}
"""The normalised score from which an answer is favourable: the top two boxes, and 5 and more of 7."""
PROMOTER, DETRACTOR = 9, 6


class Surveys(Machine):
    """The machine of survey responses."""

    tables = (abandonment.TABLE,)

    def handlers(self) -> Mapping[type[Touchpoint], Handler]:
        """Want the phases of responses."""
        return {SurveyAnswer: self.on_survey_answer}

    def on_survey_answer(
        self, customer: CustomerState, event: SurveyAnswer, attribution: Attribution, effects: Effects
    ) -> None:
        """Apply a phase of a response."""
        if event.phase in {"answered", "completed"}:
            _count_score(customer, event, attribution, effects)
        if event.phase == "invited":
            return
        survey = customer.surveys.get(event.response_id)
        if survey is None:
            survey = Survey(attribution=attribution, last_at=attribution.at)
            customer.surveys[event.response_id] = survey
        survey.last_at = attribution.at
        if event.phase == "completed":
            _complete(customer, event.response_id, survey, effects)
        elif survey.status in {"open", "abandoned"}:
            _continue(survey, event.phase, attribution, effects)

    def next_deadline(self, customer: CustomerState) -> int:
        """Return when the next response is abandoned."""
        if not customer.surveys:
            return NEVER
        return min((survey.deadline for survey in customer.surveys.values() if survey.deadline), default=NEVER)

    def on_deadline(self, customer: CustomerState, at: int, effects: Effects) -> None:
        """Abandon every response whose deadline is `at`."""
        for response_id, survey in customer.surveys.items():
            if survey.deadline != at:
                continue
            survey.deadline = 0
            survey.abandoned_at = at
            if survey.status == "open":
                survey.status = "abandoned"
                effects.change(SURVEY_ABANDONMENT_RATE, survey.attribution, n=0, numerator=1)
                abandonment.count_in_journey(customer)
            _put_row(response_id, survey, effects)

    def forget(self, customer: CustomerState, now: int) -> None:
        """Drop responses that no completion can recover any more."""
        if customer.surveys:
            abandonment.forget_old(customer.surveys, now)
            drop_oldest(customer.surveys)

    def report(self, customer: CustomerState, _table: str, key: EntityKey, effects: Effects) -> None:
        """Put an abandoned response's row among the effects."""
        family, response_id = key
        survey = customer.surveys.get(response_id)
        if family == "survey" and survey is not None and abandonment.is_abandoned(survey):
            _put_row(response_id, survey, effects)


def _put_row(response_id: str, survey: Survey, effects: Effects) -> None:
    abandonment.put_row(effects, "survey", response_id, survey, survey.started_at)


def _continue(survey: Survey, phase: str, attribution: Attribution, effects: Effects) -> None:
    begins = phase == "started" and not survey.started_at
    if begins:
        survey.started_at = attribution.at
        survey.attribution = attribution
        effects.change(SURVEY_ABANDONMENT_RATE, attribution, n=1, numerator=0)
    # To open it once more is not an answer.
    if begins or (phase == "answered" and survey.started_at):
        survey.deadline = attribution.at + SILENCE_MS


def _complete(customer: CustomerState, response_id: str, survey: Survey, effects: Effects) -> None:
    survey.deadline = 0
    if survey.status == "abandoned":
        survey.status = "recovered"
        survey.recovered_at = survey.last_at
        abandonment.take_from_journey(customer, survey)
        _put_row(response_id, survey, effects)
    elif survey.status == "open":
        survey.status = "completed"


def _count_score(customer: CustomerState, event: SurveyAnswer, attribution: Attribution, effects: Effects) -> None:
    if event.score is None or event.normalised is None:
        return
    kind = event.question_kind
    if kind == "nps":
        customer.last_nps = round(event.score)
        counted = (event.score >= PROMOTER) - (event.score <= DETRACTOR)
        effects.change(NPS, attribution, n=1, numerator=counted, squares=abs(counted))
    elif kind in FAVOURABLE:
        metric, least = FAVOURABLE[kind]
        counted = int(event.normalised >= least)
        effects.change(metric, attribution, n=1, numerator=counted, squares=counted)
