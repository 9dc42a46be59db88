"""Surveys: their answers' scores, and responses that were started and never completed.

An answer counts once, however often it is stated: of one response and question the statement with the greatest
(`occurred_at`, `event_id`) holds, and counts where the first one does. A response is one observation for the shift
detector: the mean of its scores, at its first answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.kinds.survey_answer import SurveyAnswer
from schemas.kinds.touchpoint import Touchpoint
from schemas.metrics import CES, CSAT, EXPERIENCE, NPS, SENTIMENT, SURVEY_ABANDONMENT_RATE, Metric
from schemas.units import DAY_MS, SCALE
from streams.journeys import abandonment, causes, experience, follow_ups, shifts
from streams.journeys.effects import Effects, EntityKey
from streams.journeys.machine import Handler, Machine, Outcome, drop_oldest
from streams.journeys.state import RECOVERY_MS, Answer, Attribution, CustomerState, Observation, Survey

SILENCE_MS = 7 * DAY_MS
"""How long after its last answer a response counts as abandoned."""
SCORED: dict[str, Metric] = {"nps": NPS, "csat": CSAT, "ces": CES}
FAVOURABLE = {"csat": 3 * SCALE // 4, "ces": round(4 / 6 * SCALE)}
"""The normalised score from which an answer is favourable: the top two boxes, and 5 and more of 7."""
ANSWER_WORK = 2
"""What an answer takes beyond an ordinary touchpoint, in units of its work (see `Effects.work`)."""
ANSWERS_MAX = 50
"""Answers of one response that are kept: of more, the oldest go."""


class Surveys(Machine):
    """The machine of survey responses."""

    tables = (abandonment.TABLE,)

    def handlers(self) -> Mapping[type[Touchpoint], Handler]:
        """Want the phases of responses."""
        return {SurveyAnswer: self.on_survey_answer}

    def on_survey_answer(
        self, customer: CustomerState, event: SurveyAnswer, attribution: Attribution, effects: Effects
    ) -> Outcome | None:
        """Apply a phase of a response."""
        follow_ups.ask(customer, event, effects)
        if event.phase == "invited":
            return None
        survey = customer.surveys.get(event.response_id)
        if survey is None:
            survey = Survey(attribution=attribution, last_at=attribution.at)
            customer.surveys[event.response_id] = survey
        survey.last_at = attribution.at
        if event.phase == "completed":
            _complete(customer, event.response_id, survey, effects)
        elif survey.status in {"open", "abandoned"}:
            _continue(survey, event.phase, attribution, effects)
        if event.phase == "started" or not (event.normalised is not None or event.text):
            return None
        return _answer(customer, survey, event, attribution, effects)

    def next_deadline(self, customer: CustomerState) -> int:
        """Return when the next response is abandoned."""
        return abandonment.earliest_deadline(customer.surveys)

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
                abandonment.count_in_journey(customer, survey)
            put_row(response_id, survey, effects)

    def forget(self, customer: CustomerState, now: int) -> int:
        """Drop responses that no completion can recover any more."""
        if not customer.surveys:
            return 0
        oldest = now - RECOVERY_MS
        surveys = customer.surveys.items()
        # Every touchpoint asks this: the first comparison settles most.
        gone = [key for key, one in surveys if one.last_at < oldest and not one.deadline and one.abandoned_at < oldest]
        for response_id in gone:
            del customer.surveys[response_id]
        return drop_oldest(customer.surveys)

    def kept(self, customer: CustomerState) -> dict[str, Survey]:
        """Return the responses."""
        return customer.surveys

    def report(self, customer: CustomerState, _table: str, key: EntityKey, effects: Effects) -> None:
        """Put an abandoned response's row among the effects."""
        family, response_id, started_at = key
        for name, survey in customer.surveys.items():
            is_it = (survey.response_id or name, str(survey.started_at)) == (response_id, started_at)
            if family == "survey" and is_it:
                put_row(name, survey, effects)


def put_row(key: str, survey: Survey, effects: Effects) -> None:
    """Put the row of a response among the effects, if it was abandoned."""
    if abandonment.is_abandoned(survey):
        abandonment.put_row(effects, "survey", survey.response_id or key, survey, survey.started_at)


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
        survey.recovered_by = "completion"
        abandonment.take_from_journey(customer, survey)
        put_row(response_id, survey, effects)
    elif survey.status == "open":
        survey.status = "completed"


def _answer(
    customer: CustomerState, survey: Survey, event: SurveyAnswer, attribution: Attribution, effects: Effects
) -> Outcome:
    """Count an answer where its first statement counts, instead of what the statement before it said."""
    effects.work += ANSWER_WORK
    question = _question(survey, event)
    known = survey.answers.get(question)
    answer = _stated(event, known.attribution if known else attribution)
    if known is not None and answer.stated < known.stated:
        effects.supersede(event.event_id, known.stated[1])
        return Outcome(answer.experience, is_counted=True)
    if known is not None:
        effects.supersede(known.stated[1], event.event_id)
    # The last one is the last that was stated: see `_question`.
    survey.answers.pop(question, None)
    survey.answers[question] = answer
    drop_oldest(survey.answers, ANSWERS_MAX)
    _count_score(known, answer, effects)
    answer_key = f"{event.response_id} {question}"
    _count_last_nps(customer, answer_key, known, event)
    effects.replace_score(SENTIMENT, answer.attribution, known.sentiment if known else None, answer.sentiment)
    was = known.experience if known else None
    # With its time: the response may be forgotten, and the question answered anew in the same journey.
    entry = f"{answer_key} {answer.attribution.at}"
    if known is None:
        experience.record(customer, answer.experience, entry)
    else:
        experience.restate(customer, answer.attribution, was, answer.experience, entry)
    effects.replace_score(EXPERIENCE, answer.attribution, was, answer.experience)
    follow_ups.answer(customer, event, attribution, known, answer, effects)
    _observe(customer, survey, event, answer, effects)
    return Outcome(answer.experience, is_counted=True)


def _question(survey: Survey, event: SurveyAnswer) -> str:
    """Return what tells a question from the others of its response.

    A source that does not name questions asks each kind once. What completes a response without naming a question
    restates the last answer of its kind. Words without a score do not restate a score.
    """
    kind = event.question_kind or ""
    sort = "score" if event.normalised is not None else "text"
    if event.question_id is not None:
        return f"{sort} id {event.question_id}"
    if event.phase == "completed" and kind:
        for question, answer in reversed(survey.answers.items()):
            if answer.question_kind == kind and answer.scored == (sort == "score"):
                return question
    return f"{sort} kind {kind}"


def _stated(event: SurveyAnswer, attribution: Attribution) -> Answer:
    return Answer(
        attribution=attribution,
        stated=(event.occurred_at, event.event_id),
        question_kind=event.question_kind or "",
        metric_value=_metric_value(event),
        experience=experience.experience_of(event),
        sentiment=event.sentiment,
        scored=event.normalised is not None,
    )


def _metric_value(event: SurveyAnswer) -> int | None:
    if event.score is None or event.normalised is None:
        return None
    kind = event.question_kind or ""
    if kind == "nps":
        return (event.score >= experience.PROMOTER) - (event.score <= experience.DETRACTOR)
    return int(event.normalised >= FAVOURABLE[kind]) if kind in FAVOURABLE else None


def _count_score(known: Answer | None, answer: Answer, effects: Effects) -> None:
    """Count a score in its metric; take out of it what the statement before said."""
    for sign, one in ((-1, known), (1, answer)):
        if one is not None and one.metric_value is not None:
            value = one.metric_value
            effects.change(
                SCORED[one.question_kind],
                answer.attribution,
                n=sign,
                numerator=sign * value,
                squares=sign * abs(value),
            )


def _count_last_nps(customer: CustomerState, answer_key: str, known: Answer | None, event: SurveyAnswer) -> None:
    if (
        event.question_kind == "nps"
        and event.score is not None
        and (known is None or customer.last_nps_of == answer_key)
    ):
        customer.last_nps = event.score
        customer.last_nps_of = answer_key


def _observe(customer: CustomerState, survey: Survey, event: SurveyAnswer, answer: Answer, effects: Effects) -> None:
    """Give the shift detector one observation a response, and correct it as answers come."""
    scored = [one.experience for one in survey.answers.values() if one.scored and one.experience is not None]
    experiences = scored or [one.experience for one in survey.answers.values() if one.experience is not None]
    mean = round(sum(experiences) / len(experiences)) if experiences else None
    if survey.observation:
        shifts.restate(customer, survey.observation, mean, effects)
    elif mean is not None:
        survey.observation = event.event_id
        cause = causes.cause_of(customer, event, answer.attribution, mean)
        shifts.observe(customer, Observation(answer.attribution, event.event_id, mean, cause), effects)
