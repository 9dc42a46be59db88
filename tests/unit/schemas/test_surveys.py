"""Questionnaires are read as they are written, and never with their best answer for the worst."""

from __future__ import annotations

import pytest

from schemas.surveys import SurveyError, in_force, read_survey, read_surveys, shipped

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
        (HEAD + QUESTION + SCALE.replace("scale_max = 3", f"scale_max = {10**15}") + NAMES, "`int` <= 1000000"),
        (HEAD + QUESTION + SCALE.replace("scale_min = 1", f"scale_min = 0x{'f' * 5_000}"), "`int` <= 1000000"),
        (HEAD + QUESTION.replace("rating", "nps") + SCALE, "nps runs from 0 to 10"),
        (HEAD + QUESTION.replace("rating", "text") + SCALE, "kind text has no scale"),
        (HEAD + QUESTION.replace("rating", "text") * 2, "two of this name"),
        (HEAD + QUESTION.replace("rating", "star"), "kinds of question are nps, csat, ces, rating, text, choice"),
        (HEAD.replace("title", "titel") + QUESTION + SCALE, "there is an unknown key 'titel'; did you mean title"),
        (
            HEAD + QUESTION.replace("kind", "type") + SCALE,
            "unknown key 'type'; it may have id, kind",
        ),
        (HEAD + QUESTION + SCALE.replace("is_better", "better"), "'higher_better'; did you mean higher_is_better"),
        (HEAD + "question = []", "'s' asks nothing"),
        (HEAD.replace('"s"', '" "') + QUESTION + SCALE, "the survey: an id has 1 to 256 characters"),
        (HEAD + QUESTION.replace('"q"', f'"{"q" * 257}"') + SCALE, "question 'qqq.*: an id has 1 to 256 characters"),
    ],
)
def test_a_questionnaire_that_does_not_hold_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(SurveyError, match=says):
        read_survey(text)


OWN = HEAD + QUESTION + SCALE


def test_questionnaires_of_several_files_are_told_apart_by_their_ids() -> None:
    read = read_surveys({"a.toml": OWN, "b.toml": OWN.replace('id = "s"', 'id = "t"')})

    assert [survey.id for survey in read] == ["s", "t"]


@pytest.mark.parametrize(
    ("second", "says"), [(OWN, r"b\.toml: survey 's' is in a\.toml too"), ("id =", r"b\.toml: .*cannot be read")]
)
def test_a_file_whose_questionnaire_does_not_hold_is_named(second: str, says: str) -> None:
    with pytest.raises(SurveyError, match=says):
        read_surveys({"a.toml": OWN, "b.toml": second})


def test_an_own_questionnaire_takes_the_place_of_the_one_that_ships_with_its_id() -> None:
    translated = read_survey(OWN.replace('id = "s"', 'id = "service"'))
    other = read_survey(OWN)

    assert in_force([translated]) == [translated]
    assert in_force([other]) == [other, *shipped()]
