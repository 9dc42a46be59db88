"""What a model makes of a text, by hand; and its file, which is data from outside."""

from __future__ import annotations

import hashlib

import pytest

from streams.sentiment import LearnedScorer, SentimentError, SentimentModel, VaderScorer, read_model, shipped_model
from streams.sentiment.ngrams import ngrams_of
from streams.sentiment.rules import Rules

MODEL = SentimentModel(
    {"crema": 1500, "not_crema": -900, "wobbly": -2000, "# one": 0},
    2.0,
    1.5,
    {"which": -2000, "gate": -8000},
    ("texts 7",),
)


def signed(*lines: str) -> str:
    body = "".join(f"{line}\n" for line in lines)
    return f"{body}sha256 {hashlib.sha256(body.encode()).hexdigest()}\n"


def test_a_margin_is_that_of_the_rules_and_of_the_ngrams_by_the_root_of_their_number() -> None:
    # 6 * 0.5 + 2 * (1.5 - 2.0) / sqrt(2)
    assert MODEL.margin(0.5, {"crema", "wobbly", "unknown"}) == pytest.approx(3.0 - 0.70710678)
    assert MODEL.margin(0.25, {"unknown"}) == 1.5
    assert MODEL.margin(0.0, {"crema"}) == 3.0


@pytest.mark.parametrize(
    ("rules", "polarity"),
    [
        (0.0, 0.0),
        (0.125, 0.025),  # margin 0.75, half of the border
        (0.25, 0.05),  # margin 1.5, the border
        (0.5833333, 0.05 + 0.95 * 0.70710678),  # margin 3.5, one scale beyond it: 1 / sqrt(2)
        (-0.125, -0.025),
        (-0.5833333, -0.05 - 0.95 * 0.70710678),
    ],
)
def test_a_polarity_is_neutral_up_to_the_border_and_grows_beyond(rules: float, polarity: float) -> None:
    assert MODEL.polarity(rules, set()) == pytest.approx(polarity)


def test_polarities_grow_with_margins_and_stay_below_one() -> None:
    found = [MODEL.polarity(step / 10, set()) for step in range(-1000, 1001)]
    assert found == sorted(set(found))
    assert -1 < found[0] < -0.99
    assert 0.99 < found[-1] < 1


def test_what_neutral_texts_say_takes_strength_and_leaves_the_side() -> None:
    # Strength 3 + 0.5 * 2.0 * -2 = 1, below the border of 1.5: 0.05 / 1.5.
    assert MODEL.polarity(0.5, {"which"}) == pytest.approx(0.05 / 1.5)
    # 3 + 0.5 * 2.0 * (-2 - 8) / sqrt(2) is far below 0.
    assert MODEL.polarity(-0.5, {"which", "gate"}) == -0.0001
    assert MODEL.polarity(0.0, {"which"}) == 0.0


def test_ngrams_are_words_pairs_what_is_negated_and_marks() -> None:
    rules = Rules()
    words = [rules.look_up(token) for token in ("It", "was", "never", "a", "good", "crema", "today!")]
    assert set(ngrams_of(words, "It was never a good crema today!")) == {
        *("it", "was", "never", "a", "good", "crema", "today"),
        *("it was", "was never", "never a", "a good", "good crema", "crema today"),
        *("not_a", "not_good", "not_crema"),
        "!",
    }


def test_a_text_of_which_the_rules_know_nothing_is_scored_by_what_was_learned() -> None:
    rules = VaderScorer()
    scorer = LearnedScorer(rules, MODEL)
    assert rules.score("the crema today") == 0
    # Margin 3, by one known n-gram; 1.5 beyond the band, which is 0.75 scales: 0.05 + 0.95 * 0.6.
    assert scorer.score("the crema today") == 6200
    assert scorer.name == f"{rules.name}+{MODEL.name}"


@pytest.mark.parametrize(("text", "lang"), [("crema", "de"), ("", None), ("@crema", None), ("это crema, ужасно", None)])
def test_it_abstains_where_the_rules_do(text: str, lang: str | None) -> None:
    assert LearnedScorer(VaderScorer(), MODEL).score(text, lang) is None


def test_a_file_is_read_as_it_was_written() -> None:
    read = read_model(MODEL.text())
    assert (read.weights, read.outspoken, read.scale, read.border) == (MODEL.weights, MODEL.outspoken, 2.0, 1.5)
    assert (read.learned_from, read.name) == (("texts 7",), MODEL.name)
    assert "wobbly\t-2000\n" in MODEL.text()


def test_models_that_may_differ_on_a_text_differ_in_name() -> None:
    others = [
        SentimentModel({**MODEL.weights, "crema": 1501}, 2.0, 1.5, MODEL.outspoken),
        SentimentModel(MODEL.weights, 2.001, 1.5, MODEL.outspoken),
        SentimentModel(MODEL.weights, 2.0, 1.501, MODEL.outspoken),
        SentimentModel(MODEL.weights, 2.0, 1.5, {"which": -2000}),
    ]
    assert len({model.name for model in (MODEL, *others)}) == 5


HEAD = ("touchline-sentiment 1", "scale\t2\t1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "first line is not"),
        ("touchline-topics 1\n", "first line is not"),
        ("touchline-sentiment 10\n", "first line is not"),
        (MODEL.text().replace("1500", "1600"), "its checksum does not hold"),
        (MODEL.text()[:-9], "its checksum does not hold"),
        ("".join(f"{line}\n" for line in HEAD), "its checksum does not hold"),
        (signed(HEAD[0]), "line 2: must be 'scale' and two numbers from 0.001 to 1,000,000"),
        (signed(HEAD[0], "scale\tnan\t1"), "line 2: must be 'scale'"),
        (signed(HEAD[0], "scale\t1e-320\t1"), "line 2: must be 'scale'"),
        (signed(HEAD[0], "scale\t2\tinf"), "line 2: must be 'scale'"),
        (signed(HEAD[0], "scale\t2"), "line 2: must be 'scale'"),
        (signed(HEAD[0], "# a remark", "scale\t0\t1"), "line 3: must be 'scale'"),
        (signed(*HEAD, "late"), "line 3: must be an n-gram"),
        (signed(*HEAD, "late\t1.5"), "line 3: must be an n-gram"),
        (signed(*HEAD, "late\t5\tloud"), "line 3: must be an n-gram"),
        (signed(*HEAD, "late\t5", "__import__('os')\tx\toutspoken"), "line 4: must be an n-gram"),
        (signed(*HEAD, "\t5"), "line 3: the n-gram is empty"),
        (signed(*HEAD, "late\t100001"), "line 3: the n-gram is empty, or its weight"),
        (signed(*HEAD, *(f"word{number}\t1" for number in range(80_001))), "more than 80,000 lines"),
    ],
)
def test_a_file_that_does_not_hold_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(SentimentError, match=message):
        read_model(text)


def test_the_shipped_model_reads_what_the_rules_do_not_know() -> None:
    rules = VaderScorer()
    scorer = LearnedScorer(rules, shipped_model())
    said = {"never again": -1, "I am in tears of joy": 1, "what a joke of a company": -1, "it tastes bland": -1}
    for text, sign in said.items():
        assert (scorer.score(text) or 0) * sign > 500, text
