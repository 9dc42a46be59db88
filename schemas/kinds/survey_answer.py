"""The kind `survey_answer`: a phase of a response to a survey."""

from __future__ import annotations

from typing import ClassVar

from schemas.kinds.checks import SCORE_BOUNDS, filled, normalised_score, scores
from schemas.kinds.kind import Text, TouchpointKind, in_order
from schemas.kinds.names import KindName
from schemas.kinds.touchpoint import Touchpoint, tag_of
from schemas.units import SCALE


class SurveyAnswer(Touchpoint, tag=tag_of("survey_answer"), kw_only=True, frozen=True):
    """A phase of a response to a survey.

    Attributes:
        normalised: the score mapped to 0 .. SCALE so that higher is better, or None without a score or its scale.
        score: the score as given, or None.
    """

    kind: ClassVar[KindName] = "survey_answer"

    response_id: str
    survey_id: str
    phase: str
    question_id: str | None = None
    question_kind: str | None = None
    score: float | None = None
    scale_min: float | None = None
    scale_max: float | None = None
    higher_is_better: bool = True
    about: str | None = None
    normalised: int | None = None

    @property
    def action(self) -> str:
        """The phase."""
        return self.phase

    @property
    def subject_id(self) -> str:
        """The response's id."""
        return self.response_id

    @property
    def stated_experience(self) -> int | None:
        """The score mapped from its scale to -1 .. 1."""
        return None if self.normalised is None else 2 * self.normalised - SCALE


KIND = TouchpointKind(
    name="survey_answer",
    record="SurveyAnswer",
    topic="touchpoints.survey_answers.v1",
    checks=(filled("response_id", "survey_id"), scores("score", "scale_min", "scale_max")),
    struct=SurveyAnswer,
    code="s",
    channel="survey",
    actions=in_order({"invited": "i", "started": "s", "answered": "a", "completed": "c"}),
    columns={"response_id": "subject_id", "phase": "action"},
    text=Text("text", by_customer=lambda _: True),
    computed={"normalised": normalised_score},
    bounds=SCORE_BOUNDS,
)
