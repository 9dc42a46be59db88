"""The rules give the library's own compound, to the four decimals that it rounds to, where they are VADER's.

Where they are not (negations, clauses, questions, headlines), the expected signs are a person's.
"""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import (
    BOOSTER_DICT,
    NEGATE,
    SPECIAL_CASES,
    SentimentIntensityAnalyzer,
)

from streams.sentiment import rules
from streams.sentiment.rules import Rules, Word

LIBRARY = SentimentIntensityAnalyzer()
RULES = Rules()

PLAIN = ["the", "table", "I", "went", "it", "a", "and", "to", "parcel", "order", "monday", "42"]
TURNS = [
    "kind",
    "of",
    "so",
    "this",
    "doubt",
    "very",
    "or",
    "just",
    "enough",
    "sort",
]
# Words that negate, or begin a clause.
TURNING = {*NEGATE, "no", "but"}
IDIOMS = [word for phrase in SPECIAL_CASES for word in phrase.split() if word not in TURNING]
# Emoticons with these marks would end a sentence where other marks follow them.
ENDING = set(".:;!?")
WEIGHTY = sorted(word for word in LIBRARY.lexicon if not ENDING & set(word) and not TURNING & set(word.split()))
# Names without such words, without the end of a sentence and without the capitals of a headline.
EMOJI = sorted(
    emoji
    for emoji, name in LIBRARY.emojis.items()
    if len(emoji) == 1 and name.islower() and not TURNING & set(name.split()) and not ENDING & set(name)
)
WORDS = st.one_of(
    st.sampled_from(WEIGHTY),
    st.sampled_from(sorted(BOOSTER_DICT)),
    st.sampled_from(TURNS + IDIOMS),
    st.sampled_from(PLAIN),
    st.sampled_from(EMOJI),
)
ENDS = st.sampled_from(["", "", "", "", ",", '"', "'"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Return one sentence without negations, and without marks at words of two letters."""
    words = [word.upper() if draw(st.integers(0, 3)) == 0 else word for word in draw(st.lists(WORDS, max_size=12))]
    words = [word + draw(ENDS) if len(word.split()[-1]) > 2 else word for word in words]
    return draw(st.sampled_from([" ", " ", "  ", "\n"])).join(words) + draw(st.sampled_from([" .", " !", " !!!!!", ""]))


def is_short_with_a_mark(token: str) -> bool:
    """Tell whether the library takes a token for an emoticon, and the rules for a word."""
    word = token.strip(string.punctuation)
    return word != token and word.isalpha() and len(word) <= 2


def library_compound(text: str) -> float:
    return float(LIBRARY.polarity_scores(text)["compound"])


@settings(max_examples=1500, deadline=None)
@given(texts())
@example("")
@example("kind of good but bad, good and good")
@example("this is the shit")
@example("great😀or late")
def test_equals_the_library_on_ordinary_text(text: str) -> None:
    assert round(RULES.polarity(text), 4) == library_compound(text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60).filter(lambda text: not any(map(is_short_with_a_mark, text.split()))))
def test_equals_the_library_on_any_text(text: str) -> None:
    assert round(RULES.polarity(text), 4) == library_compound(text)


# The compounds that VADER's authors print for these sentences in their README.
PUBLISHED = {
    "VADER is smart, handsome, and funny.": 0.8316,
    "VADER is smart, handsome, and funny!": 0.8439,
    "VADER is very smart, handsome, and funny.": 0.8545,
    "VADER is VERY SMART, handsome, and FUNNY.": 0.9227,
    "VADER is VERY SMART, handsome, and FUNNY!!!": 0.9342,
    "VADER is VERY SMART, uber handsome, and FRIGGIN FUNNY!!!": 0.9469,
    "VADER is not smart, handsome, nor funny.": -0.7424,
    "The book was good.": 0.4404,
    "At least it isn't a horrible book.": 0.431,
    "The book was only kind of good.": 0.3832,
    "The plot was good, but the characters are uncompelling and the dialog is not great.": -0.7042,
    "Today SUX!": -0.5461,
    "Today only kinda sux! But I'll get by, lol": 0.5249,
    "Make sure you :) or :D today!": 0.8633,
    "Not bad at all": 0.431,
}


@pytest.mark.parametrize(("text", "compound"), PUBLISHED.items())
def test_gives_the_published_scores(text: str, compound: float) -> None:
    assert round(RULES.polarity(text), 4) == compound


def test_forgets_words_when_it_knows_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.sentiment.rules.KNOWN_WORDS", 10)
    rules = Rules()
    for number in range(100):
        rules.polarity(f"word{number} good")
    assert len(rules._known) <= 12
    assert round(rules.polarity("The book was good."), 4) == 0.4404


def sign(text: str) -> int:
    polarity = RULES.polarity(text)
    return (polarity > 0) - (polarity < 0)


@pytest.mark.parametrize(
    "text",
    [
        "never seen before! Kudos",
        "It never came. Great people though",
        "I could not go; excellent staff",
        "No, great service",
        "was not there but good staff",
        "not here because great people called",
        "it did not because very great people called",
        "No! Great lamp",
        "it did not come :)",
        "not bad",
        "That was not a problem",
        "never disappointed",
    ],
)
def test_what_a_negation_does_not_reach_and_the_negation_of_a_bad_judgement_are_praise(text: str) -> None:
    assert sign(text) == 1


@pytest.mark.parametrize(
    "text",
    [
        "not good",
        "not a very good lamp",
        "I don't like the lamp",
        "not good, not helpful",
        "there was no help",
        "it was not smart, handsome, nor funny",
        "it did not come :(",
        "not an obscene request",
        "my card was not stolen",
        "never so angry",
    ],
)
def test_what_a_negation_reaches_is_no_praise(text: str) -> None:
    assert sign(text) == -1


def test_a_word_of_two_letters_is_known_with_a_mark() -> None:
    assert RULES.polarity("It was ok.") == RULES.polarity("It was ok") > 0


def test_the_negation_of_a_bad_word_that_does_not_judge_says_little() -> None:
    assert -0.2 < RULES.polarity("my card was not stolen") < 0


def test_what_is_said_well_counts_less_in_a_question() -> None:
    assert 0 < RULES.polarity("Is it good?") < RULES.polarity("It is good.")
    assert RULES.polarity("Is it good? It is good.") > RULES.polarity("Is it good? It is.")
    assert RULES.polarity("Is it bad?") == RULES.polarity("It is bad.")
    assert RULES.polarity("Is it so :) ?") == RULES.polarity("It is so :)")


def test_a_headline_counts_less_than_a_sentence() -> None:
    headline = "Shop Wins Great Award For Lamps"
    assert 0 < RULES.polarity(headline) < RULES.polarity(headline.capitalize())
    assert RULES.polarity("Great Lamp By Shop And My Thanks") == RULES.polarity("great lamp by shop and my thanks")


def word(text: str) -> Word:
    return Word(text=text, weight=None, scored=False, boost=0.0, negates=False, upper=False, idiomatic=False)


def weakened_one_by_one(places: list[int], weights: list[float], turn: int) -> list[float]:
    """Return what the library does, by the words of its code: each weight is looked up anew."""
    weights = list(weights)
    for weight in weights:
        index = weights.index(weight)
        if places[index] < turn:
            weights[index] = weight * 0.5
        elif places[index] > turn:
            weights[index] = weight * 1.5
    return weights


@given(st.lists(st.sampled_from([0.0, 1.0, 1.5, 2.0, 2.25, -1.0, -0.5, 0.75]), max_size=40), st.integers(0, 40))
def test_what_stands_around_a_but_is_weighed_as_by_the_library(weights: list[float], turn: int) -> None:
    words = [word("but" if place == turn else "x") for place in range(len(weights) + turn + 1)]
    places, found = list(range(len(weights))), list(weights)

    rules._contrast(words, places, found)

    assert found == weakened_one_by_one(places, weights, turn)


def test_a_long_text_with_a_but_is_weighed_in_few_steps() -> None:
    class Counted(float):
        compared = 0

        def __eq__(self, other: object) -> bool:
            Counted.compared += 1
            return float(self) == other

        __hash__ = float.__hash__

    weights: list[float] = [Counted(1 + number / 100_000) for number in range(5_000)]
    rules._contrast([word("but")], list(range(1, 5_001)), weights)

    assert Counted.compared < 20 * 5_000
