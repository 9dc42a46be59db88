"""The rules give the library's own compound, to the four decimals that it rounds to."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import (
    BOOSTER_DICT,
    NEGATE,
    SPECIAL_CASES,
    SentimentIntensityAnalyzer,
)

from streams.sentiment.rules import Rules

LIBRARY = SentimentIntensityAnalyzer()
RULES = Rules()

PLAIN = ["the", "table", "I", "went", "it", "a", "and", "to", "parcel", "order", "Monday", "42"]
TURNS = [
    "but",
    "But",
    "kind",
    "of",
    "so",
    "this",
    "never",
    "without",
    "doubt",
    "least",
    "very",
    "no",
    "nor",
    "or",
    "just",
    "enough",
    "sort",
]
IDIOMS = [word for phrase in SPECIAL_CASES for word in phrase.split()]
WEIGHTY = sorted(LIBRARY.lexicon)
EMOJI = sorted(emoji for emoji in LIBRARY.emojis if len(emoji) == 1)
WORDS = st.one_of(
    st.sampled_from(WEIGHTY),
    st.sampled_from(sorted(NEGATE) + sorted(BOOSTER_DICT)),
    st.sampled_from(TURNS + IDIOMS),
    st.sampled_from(PLAIN),
    st.sampled_from(EMOJI),
)
SHAPES = st.sampled_from(["as it is", "as it is", "upper", "capitalised"])
ENDS = st.sampled_from(["", "", "", "", "!", "?", "...", ",", "!!!", "??", "????", '"', ":)"])


def shaped(word: str, shape: str) -> str:
    return {"upper": word.upper(), "capitalised": word.capitalize()}.get(shape, word)


@st.composite
def texts(draw: st.DrawFn) -> str:
    count = draw(st.integers(0, 12))
    words = [shaped(draw(WORDS), draw(SHAPES)) + draw(ENDS) for _ in range(count)]
    return draw(st.sampled_from([" ", " ", "  ", "\n"])).join(words)


def library_compound(text: str) -> float:
    return float(LIBRARY.polarity_scores(text)["compound"])


@settings(max_examples=1500, deadline=None)
@given(texts())
@example("")
@example("kind of good but bad, good and good")
@example("this is the shit")
@example("it is the very least good")
@example("it is at least good, the least good")
@example("it was never so good without a doubt great")
@example("I like no or bad, never a good")
@example("great😥but late")
def test_equals_the_library_on_ordinary_text(text: str) -> None:
    assert round(RULES.polarity(text), 4) == library_compound(text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
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
