"""Questionnaires in TOML: what a survey asks, on which scale, and which end of it is the good one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Annotated, Literal, get_args

import msgspec

from schemas.errors import TouchlineError
from schemas.toml import TomlError, convert_toml

QuestionKind = Literal["nps", "csat", "ces", "rating", "text", "choice"]

_SCORED = ("nps", "csat", "ces", "rating")
_NPS = (0, 10, True)
_ID_CHARACTERS = 256
"""As many as an answer's `survey_id` and `question_id` may have."""
_Score = Annotated[int, msgspec.Meta(ge=-1_000_000, le=1_000_000)]
_UNKNOWN = re.compile(r"unknown field `(.+?)`(?: - at `\$\.?(.+)`)?$")


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

    scale_min: _Score
    scale_max: _Score
    higher_is_better: bool
    answers: dict[str, _Score] = {}
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
        survey = convert_toml(text, Survey)
    except TomlError as error:
        raise SurveyError(f"the survey cannot be read: {_explained(str(error))}") from None
    _check_id("the survey", survey.id)
    if not survey.question:
        raise SurveyError(f"survey {survey.id!r} asks nothing: give it a [[question]]")
    asked: set[str] = set()
    for question in survey.question:
        where = f"survey {survey.id!r}, question {question.id!r}"
        _check_id(where, question.id)
        if question.id in asked:
            raise SurveyError(f"{where}: there are two of this name; give each its own")
        asked.add(question.id)
        if question.kind in _SCORED:
            _check(where, question.kind, survey.scale_of(question))
        elif question.scale is not None:
            raise SurveyError(f"{where}: a question of kind {question.kind} has no scale")
    return survey


def read_surveys(files: Mapping[str, str]) -> list[Survey]:
    """Return the questionnaires of TOML files, one of each.

    Args:
        files: the text of each, by its name.

    Raises:
        SurveyError: one does not hold, or two have one id; the message names the file.
    """
    surveys: dict[str, Survey] = {}
    read_of: dict[str, str] = {}
    for name, text in files.items():
        try:
            survey = read_survey(text)
        except SurveyError as error:
            raise SurveyError(f"{name}: {error}") from None
        if survey.id in surveys:
            raise SurveyError(
                f"{name}: survey {survey.id!r} is in {read_of[survey.id]} too; give each an id of its own"
            )
        surveys[survey.id], read_of[survey.id] = survey, name
    return list(surveys.values())


@cache
def shipped() -> tuple[Survey, ...]:
    """Return the questionnaires of this release."""
    files = sorted(resources.files(__name__).iterdir(), key=lambda file: file.name)
    return tuple(read_survey(file.read_text("utf-8")) for file in files if file.name.endswith(".toml"))


def in_force(own: Sequence[Survey]) -> list[Survey]:
    """Return the questionnaires of a business, and those of this release whose ids none of them has."""
    taken = {survey.id for survey in own}
    return [*own, *(survey for survey in shipped() if survey.id not in taken)]


def _explained(fault: str) -> str:
    """Return what a parser says, with the keys and kinds that it would have taken."""
    if fault.startswith("Invalid enum value"):
        return f"{fault}; the kinds of question are {', '.join(get_args(QuestionKind))}"
    found = _UNKNOWN.search(fault)
    if found is None:
        return fault
    key, where = found[1], found[2] or ""
    place = re.sub(r"\[\d+\]|\[\.\.\.\]", "", where).rpartition(".")[2]
    taken = {"scale": Scale, "question": Question}.get(place, Survey).__struct_fields__
    near = difflib.get_close_matches(key, taken, n=1)
    advice = f"did you mean {near[0]}?" if near else f"it may have {', '.join(taken)}"
    return f"{f'{where} has' if where else 'there is'} an unknown key {key!r}; {advice}"


def _check_id(where: str, name: str) -> None:
    if not name.strip() or len(name) > _ID_CHARACTERS:
        raise SurveyError(f"{where}: an id has 1 to {_ID_CHARACTERS} characters, as answers state it")


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
