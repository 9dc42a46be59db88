"""What texts teach: made-up customers, whose words go with praise or with complaints."""

from __future__ import annotations

from math import log
from random import Random

import pytest

from streams.sentiment import Example, LearnedScorer, SentimentError, VaderScorer, figures_of, train
from streams.sentiment.evaluation import objection
from streams.sentiment.figures import Figures
from streams.sentiment.training import Read, learn, read_examples

RULES = VaderScorer()
GLAD, SOUR = ["crema", "barista", "saucer", "terrace"], ["conveyor", "turnstile", "voucher", "hatch"]


def texts(n: int, complaints: float = 0.5, known: float = 0.5) -> list[tuple[str, int]]:
    """Return texts with their side; the rules know a word in `known` of them."""
    rnd = Random(4)
    made = []
    for number in range(n):
        side = -1 if rnd.random() < complaints else 1
        words = rnd.sample(GLAD if side > 0 else SOUR, 2)
        if rnd.random() < known:
            words.append("wonderful" if side > 0 else "terrible")
        made.append((f"the {words[0]} and the {' '.join(words[1:])} n{number}", side))
    return made


def examples(made: list[tuple[str, int]]) -> list[Example]:
    return [Example(text) for text, _ in made]


def test_words_that_go_with_the_rules_words_are_learned() -> None:
    made = texts(600)
    scorer = LearnedScorer(RULES, learn(read_examples(examples(made), RULES)))
    assert (scorer.score("the crema and the saucer") or 0) > 500
    assert (scorer.score("the conveyor and the hatch") or 0) < -500
    unknown = [(text, side) for text, side in texts(900)[600:] if "terr" not in text and "wonder" not in text]
    assert len(unknown) > 100
    assert figures_of([scorer.score(text) for text, _ in unknown], [side for _, side in unknown]).both > 0.99


def test_the_rare_side_is_not_drowned() -> None:
    made = texts(1000, complaints=0.93)
    model = learn(read_examples(examples(made), RULES))
    scorer = LearnedScorer(RULES, model)
    assert (scorer.score("the crema and the saucer") or 0) > 0 > (scorer.score("the conveyor and the hatch") or 0)
    # In all texts, so it says nothing, though it is in thirteen times as many complaints.
    assert abs(model.weights["the"]) < 100


def test_a_weight_is_the_logarithm_of_how_much_likelier_an_ngram_is_in_praise() -> None:
    def read(number: int, ngram: str, label: int) -> Read:
        return Read(0.0, frozenset({ngram}), frozenset(), label, number % 5)

    said = [("a", 1)] * 30 + [("b", 1)] * 70 + [("a", -1)] * 10 + [("c", -1)] * 90 + [("c", 1)] * 2
    model = learn([read(number, *each) for number, each in enumerate(said)])
    bias = log(103 / 101)  # 102 texts of praise, 100 complaints, and one more each
    assert model.weights["a"] == round(1000 * (log(30.5 / 10.5) - bias))
    assert model.weights["c"] == round(1000 * (log(2.5 / 90.5) - bias))


def test_labels_win_over_the_rules() -> None:
    made = [
        Example(f"that wonderful {word} n{number}", None, -1) for number in range(150) for word in ("kettle", "cup")
    ]
    made += [Example(f"the {word} n{number}", None, 1) for number in range(150) for word in ("beans", "mill")]
    scorer = LearnedScorer(RULES, learn(read_examples(made, RULES)))
    assert (RULES.score("that wonderful kettle") or 0) > 0
    assert (scorer.score("that kettle") or 0) < 0 < (scorer.score("the beans") or 0)


def test_equal_texts_count_once_and_keep_the_label() -> None:
    read = read_examples([Example("Nice cup"), Example("nice CUP!"), Example("nice cup", None, -1)], RULES)
    assert [one.label for one in read] == [-1]
    assert read_examples([Example("dat is mooi", "nl"), Example("")], RULES) == []


def test_what_few_people_wrote_is_not_learned() -> None:
    made = [*examples(texts(300)), Example("call me n0 at 5551234"), Example("again 5551234 please")]
    weights = learn(read_examples(made, RULES)).weights
    assert "crema" in weights
    assert not any("5551234" in ngram for ngram in weights)
    assert "5551234" in learn(read_examples(made, RULES), fewest=2).weights


def test_what_is_learned_is_added_to_the_base() -> None:
    read = read_examples(examples(texts(400)), RULES)
    base = learn(read_examples([Example(f"old base n{number}", None, 1) for number in range(200)], RULES))
    both = learn(read, base)
    assert both.weights["base"] == base.weights["base"]
    assert both.weights["the"] != base.weights.get("the")


def test_a_model_is_the_same_whatever_the_order_of_sets() -> None:
    read = read_examples(examples(texts(300)), RULES)
    again = [one._replace(ngrams=frozenset(sorted(one.ngrams, reverse=True))) for one in read]
    assert learn(read).text() == learn(again).text()


def test_labels_tell_what_is_neutral() -> None:
    rnd = Random(7)
    made = [Example(text, None, side) for text, side in texts(300)]
    asked = ["which", "when", "where", "who"]
    made += [Example(f"{' '.join(rnd.sample(asked, 2))} the {rnd.choice(SOUR)} n{n}", None, 0) for n in range(300)]
    model = learn(read_examples(made, RULES))
    scorer = LearnedScorer(RULES, model)
    assert -500 < (scorer.score("when and where the hatch") or 0) < 0
    assert (scorer.score("the hatch and the conveyor") or 0) < -500
    assert model.outspoken["which"] < -2000
    # 300 texts of either; an n-gram of 300 and 300 texts tells nothing.
    assert abs(model.outspoken["the"]) < 10
    fewer = learn(read_examples(made[:340], RULES))
    assert fewer.outspoken == {}
    assert fewer.border == pytest.approx(fewer.scale / 2, abs=0.001)


def test_texts_without_a_label_teach_what_neutral_ones_say() -> None:
    rnd = Random(7)
    made = [Example(text, None, side) for text, side in texts(300)]
    asked = ["which", "when", "where", "who"]
    made += [Example(f"{' '.join(rnd.sample(asked, 2))} the belt n{n}", None, 0) for n in range(300)]
    unlabelled = [Example(f"{' '.join(rnd.sample(asked, 2))} whether the belt n{n}") for n in range(300, 600)]
    outspoken = learn(read_examples([*made, *unlabelled], RULES)).outspoken

    assert outspoken["whether"] < -2000
    assert "whether" not in learn(read_examples(made, RULES)).outspoken


def test_figures_of_texts_held_out_are_told() -> None:
    made = texts(600)
    shown: list[tuple[int, int]] = []
    trained = train(
        [Example(text, None, side) for text, side in made], RULES, show=lambda done, total: shown.append((done, total))
    )
    assert trained.rules is not None
    assert trained.held_out is not None
    known = sum("terrible" in text or "wonderful" in text for text, _ in made) / len(made)
    assert trained.rules.sign == pytest.approx(known)
    assert trained.held_out.sign > 0.99
    assert shown == [(done, 6) for done in range(1, 7)]
    assert trained.model.learned_from == (f"rules {RULES.name}", "base none", "texts 600", "labelled 600")


def test_without_labels_the_words_beside_the_rules_are_judged() -> None:
    trained = train(examples(texts(600)), RULES)
    assert (trained.rules, trained.held_out, trained.labelled) == (None, None, 0)
    assert trained.agreement is not None
    assert trained.agreement > 0.99


def test_texts_that_teach_nothing_are_refused() -> None:
    rnd = Random(2)
    drawn = [f"the {rnd.choice(GLAD + SOUR)} is {rnd.choice(['wonderful', 'terrible'])} n{n}" for n in range(600)]
    with pytest.raises(SentimentError, match=r"it is refused.*chance has it in half"):
        train([Example(text) for text in drawn], RULES)
    with pytest.raises(SentimentError, match="the rules are sure of fewer than 20"):
        train([Example(f"the {rnd.choice(GLAD)} n{n}") for n in range(600)], RULES)
    with pytest.raises(SentimentError, match="5 different texts are too few to learn from: give 200"):
        train([Example(f"the {word}") for word in ("cup", "mill", "tray", "lid", "jug")], RULES)


def test_a_model_that_is_worse_than_the_rules_is_refused() -> None:
    good, better = Figures(500, 0.7, 0.75, 0.6, 0.6, 0.0, 1.0, 0.7), Figures(500, 0.7, 0.8, 0.6, 0.6, 0.0, 1.0, 0.7)
    assert objection(0.9, good, better) is None
    assert "the rules alone in 80.0%" in (objection(0.9, better, good) or "")
    assert objection(0.9, good, good) is not None
