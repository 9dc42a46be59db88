"""Questionnaires are read as they are written, and never with their best answer for the worst."""

from __future__ import annotations

import pytest

from schemas.surveys import SurveyError, read_survey, shipped

HEAD = 'id = "s"\ntitle = "S"\n'
QUESTION = '[[question]]\nid = "q"\nkind = "rating"\ntext = "How?"\n'
SCALE = "[question.scale]\nscale_min = 1\nscale_max = 3\nhigher_is_better = true\n"
NAMES = 'answers = { good = 3, so = 2, bad = 1 }\nbest = "good"\n'


def test_the_service_questionnaire_asks_eight_scores_and_four_texts() -> None:
    (service,) = [survey for survey in shipped() if survey.id == "service"]
    scales = [service.scale_of(question) for question in service.question]

    assert [scale.answers for scale in scales[:8] if scale] == [
        {"excellent": 5, "good": 4, "average": 3, "fair": 2, "poor": 1}
    ] * 8
    assert all(scale.higher_is_better for scale in scales[:8] if scale)
    assert scales[8:] == [None] * 4


def test_a_scale_whose_lowest_score_is_the_best_is_read_as_such() -> None:
    turned = SCALE.replace("true", "false") + NAMES.replace("good = 3", "good = 1").replace("bad = 1", "bad = 3")
    survey = read_survey(HEAD + QUESTION + turned)
    scale = survey.scale_of(survey.question[0])

    assert scale is not None
    assert (scale.higher_is_better, scale.best) == (False, "good")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id =", "cannot be read"),
        (HEAD + QUESTION, "needs a scale"),
        (HEAD + QUESTION + SCALE.replace("higher_is_better = true\n", ""), "higher_is_better"),
        (HEAD + QUESTION + SCALE.replace("true", "false") + NAMES, "says that 1 is the best score"),
        (HEAD + QUESTION + SCALE + NAMES.replace('"good"', '"bad"'), "says that 3 is the best score"),
        (HEAD + QUESTION + SCALE + NAMES.replace('best = "good"', ""), "`best` must be one of its answers"),
        (HEAD + QUESTION + SCALE + NAMES.replace("so = 2", "so = 3"), "each score from 1 to 3 once"),
        (HEAD + QUESTION + SCALE.replace("scale_max = 3", "scale_max = 1"), "must rise"),
        (HEAD + QUESTION.replace("rating", "nps") + SCALE, "nps runs from 0 to 10"),
        (HEAD + QUESTION.replace("rating", "text") + SCALE, "kind text has no scale"),
        (HEAD + QUESTION.replace("rating", "text") * 2, "two of this name"),
        (HEAD + QUESTION.replace("rating", "star"), "cannot be read"),
    ],
)
def test_a_questionnaire_that_does_not_hold_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(SurveyError, match=says):
        read_survey(text)
