"""Questionnaires in TOML: what a survey asks, on which scale, and which end of it is the good one."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from schemas.errors import TouchlineError

QuestionKind = Literal["nps", "csat", "ces", "rating", "text", "choice"]

_SCORED = ("nps", "csat", "ces", "rating")
_NPS = (0, 10, True)


class SurveyError(TouchlineError):
    """A questionnaire that does not hold; the message says which question, what, and how to write it."""


class Scale(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From which score to which a question is answered.

    Attributes:
        scale_min: the lowest score.
        scale_max: the highest score.
        higher_is_better: False where the lowest score is the best one.
        answers: what each score is called, one for each, or none.
        best: the name of the best answer, where answers have names.
    """

    scale_min: int
    scale_max: int
    higher_is_better: bool
    answers: dict[str, int] = {}
    best: str | None = None


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is asked; `scale` is another than that of its survey."""

    id: str
    kind: QuestionKind
    text: str
    scale: Scale | None = None


class Survey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A questionnaire; `scale` is that of the questions with a score that have none of their own."""

    id: str
    title: str
    question: list[Question]
    scale: Scale | None = None

    def scale_of(self, question: Question) -> Scale | None:
        """Return the scale of a question, None where it has no score."""
        return (question.scale or self.scale) if question.kind in _SCORED else None


def read_survey(text: str) -> Survey:
    """Return the questionnaire of a TOML file's text.

    Raises:
        SurveyError: it does not hold.
    """
    try:
        survey = msgspec.toml.decode(text, type=Survey)
    except msgspec.DecodeError as error:
        raise SurveyError(f"the survey cannot be read: {error}") from None
    asked: set[str] = set()
    for question in survey.question:
        where = f"survey {survey.id!r}, question {question.id!r}"
        if question.id in asked:
            raise SurveyError(f"{where}: there are two of this name; give each its own")
        asked.add(question.id)
        if question.kind in _SCORED:
            _check(where, question.kind, survey.scale_of(question))
        elif question.scale is not None:
            raise SurveyError(f"{where}: a question of kind {question.kind} has no scale")
    return survey


@cache
def shipped() -> tuple[Survey, ...]:
    """Return the questionnaires of this release."""
    files = sorted(resources.files(__name__).iterdir(), key=lambda file: file.name)
    return tuple(read_survey(file.read_text("utf-8")) for file in files if file.name.endswith(".toml"))


def _check(where: str, kind: QuestionKind, scale: Scale | None) -> None:
    if scale is None:
        raise SurveyError(f"{where}: it needs a scale: scale_min, scale_max and higher_is_better")
    low, high = scale.scale_min, scale.scale_max
    if not low < high:
        raise SurveyError(f"{where}: the scale runs from {low} to {high}; it must rise")
    if kind == "nps" and (low, high, scale.higher_is_better) != _NPS:
        raise SurveyError(f"{where}: nps runs from 0 to 10, and higher is better")
    if not scale.answers:
        return
    if sorted(scale.answers.values()) != list(range(low, high + 1)):
        raise SurveyError(f"{where}: its answers must name each score from {low} to {high} once")
    if scale.best is None or scale.best not in scale.answers:
        raise SurveyError(f"{where}: `best` must be one of its answers: {', '.join(scale.answers)}")
    end = high if scale.higher_is_better else low
    if scale.answers[scale.best] != end:
        raise SurveyError(
            f"{where}: the best answer, {scale.best!r}, is {scale.answers[scale.best]}, but higher_is_better says that "
            f"{end} is the best score"
        )
