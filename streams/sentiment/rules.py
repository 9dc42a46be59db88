"""VADER's rules, fast, and mended where they mislead: the compound score of a text.

What a word is (weight, booster, negation, capitals) is found once and kept; a text without a word
of the lexicon is done after one pass; the rules look only at the neighbours of words that weigh.
They differ from VADER's in these points, and are else kept to the letter, odd corners too (each is
marked), so that scores can be compared with the library's:

- what stands before a word counts as far as the sentence or clause goes ("Never late! Great");
- a bad word that is negated is praise only if it judges ("not bad", but "not cancelled");
- an emoticon or emoji is not negated;
- a word of one or two letters is known with a mark, too ("no!", "ok.");
- what is said well counts less in a question, and all in a headline.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from math import sqrt

from streams.sentiment.lexicon import (
    BOOSTERS,
    CAPS_INCREASE,
    IDIOMS,
    NEGATION,
    NEGATIONS,
    vader_emoji,
    vader_words,
)

KNOWN_WORDS = 1 << 16
"""Words remembered; when full, the memory starts anew (a bound, not a tuning)."""
NORMALISATION = 15.0
"""Weights whose sum has this square make half of the greatest polarity, by its square, as in VADER's rules."""
_EXCLAMATION, _QUESTION, _MANY_QUESTIONS = 0.292, 0.18, 0.96
# An idiom or a two-word booster can only be there when its longest word is.
_IDIOM_KEYS = frozenset(max(phrase.split(), key=len) for phrase in (*IDIOMS, *BOOSTERS) if " " in phrase)


@dataclass(slots=True)
class Word:
    """One token of a text and all the rules ask of it.

    Attributes:
        text: lower-case, stripped of punctuation.
        weight: in the lexicon, or None where the lexicon has no such word.
        scored: the word's own weight counts (a booster of the lexicon only boosts).
        boost: what it adds to the word it precedes, 0 for most.
        negates: turns the weight of the words after it.
        upper: in capitals.
        idiomatic: an idiom may be near.
        emotion: an emoticon or emoji, which no word before it negates.
        ends: a sentence ends with it, or it negates what was said before ("No, ...").
        asks: a question ends with it.
        title: begins with a capital letter and goes on in small ones.
        opens: a phrase may begin here (set by who knows phrases).
        english: how much it says for English (above 0) or another language (set by who knows languages).
    """

    text: str
    weight: float | None = None
    scored: bool = False
    boost: float = 0.0
    negates: bool = False
    upper: bool = False
    idiomatic: bool = False
    emotion: bool = False
    ends: bool = False
    asks: bool = False
    title: bool = False
    opens: bool = False
    english: int = 0


_NOTHING = Word("")
_SENTENCE_ENDS = frozenset(".!?;:")
_CLOSING_MARKS = "\"')]*"
# The negation of these praises ("not bad"); that of another bad word ("not cancelled") leaves a part of what it says.
_PRAISED_BY_NEGATION = frozenset(
    {
        *("bad", "badly", "horrible", "terrible", "awful", "poor", "worst", "wrong", "hard", "difficult", "trouble"),
        *("disappoint", "disappoints", "disappointed", "disappointing", "fail", "fails", "failed", "worry", "worried"),
        *("worries", "problem", "problems", "issue", "issues", "complain", "complaint", "complaints", "regret"),
        *("regrets", "suck", "sucks", "stink", "stinks"),
    }
)
_NEGATED_BAD = 0.2
# A question asks whether something is good; a headline tells what was good or bad for others.
_ASKED_GOOD = 0.4
_HEADLINE = 0.5
_HEADLINE_WORDS, _HEADLINE_TITLES = 5, 0.6
_WRITER_OR_READER = frozenset({"i", "i'm", "i've", "me", "my", "we", "us", "our", "you", "your", "u"})
_CLAUSE_OPENERS = frozenset({"but", "because", "although", "though", "however", "while", "until"})


class Rules:
    """Scores texts by VADER's rules over a lexicon. Not for use by several threads at once."""

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        """Build the rules over a lexicon: lower-case word -> weight, by default VADER's own."""
        self._weights = vader_words() if weights is None else dict(weights)
        self._emoji = vader_emoji()
        self._known: dict[str, Word] = {}

    def polarity(self, text: str) -> float:
        """Return the compound of a text in [-1, 1], unrounded, read as VADER's library reads it."""
        text = self._spelt_out(text)
        known = self._known
        if len(known) > KNOWN_WORDS:
            known.clear()
        words = []
        for token in text.split():
            word = known.get(token)
            if word is None:
                word = known[token] = self.look_up(token)
            words.append(word)
        return self.compound(words, text)

    def compound(self, words: list[Word], text: str) -> float:
        """Return the compound of `words` in [-1, 1], unrounded.

        Args:
            words: the text's words, in order.
            text: where the punctuation is counted.
        """
        places = [place for place, word in enumerate(words) if word.scored]
        if not places:
            return 0.0
        some_upper = _only_some([word.upper for word in words])
        idioms = True in [word.idiomatic for word in words]
        weights = [_weight(words, place, some_upper, idioms) for place in places]
        if "but" in text.lower():
            _contrast(words, places, weights)
        if "?" in text:
            _damp_questions(words, places, weights)
        total = float(sum(weights))
        if True in [words[place].title for place in places] and _is_headline(words):
            total *= _HEADLINE
        if total > 0:
            total += _emphasis(text)
        elif total < 0:
            total -= _emphasis(text)
        return total / sqrt(total * total + NORMALISATION)

    def look_up(self, token: str) -> Word:
        """Work out what a token of a text is."""
        stripped = token.strip(string.punctuation)
        if len(stripped) <= 2 and not (stripped.isalpha() and token.lower() not in self._weights):
            stripped = token  # most likely an emoticon
        lower = stripped.lower()
        weight = self._weights.get(lower)
        negates = lower in NEGATIONS or "n't" in lower
        emotion = weight is not None and not all(char.isalnum() or char in "'-*" for char in lower)
        mark = "" if emotion else token.rstrip(_CLOSING_MARKS)[-1:]
        return Word(
            text=lower,
            weight=weight,
            scored=weight is not None and lower not in BOOSTERS,
            boost=BOOSTERS.get(lower, 0.0),
            negates=negates,
            upper=stripped.isupper(),
            idiomatic=lower in _IDIOM_KEYS,
            emotion=emotion,
            ends=mark in _SENTENCE_ENDS or (mark == "," and (negates or lower == "no")),
            asks=mark == "?",
            title=not emotion and stripped[:1].isupper() and stripped[1:].islower(),
        )

    def _spelt_out(self, text: str) -> str:
        # As in the library, the description runs into a word that follows the emoji unspaced.
        if text.isascii() or self._emoji.keys().isdisjoint(text):
            return text
        parts: list[str] = []
        after_space = True
        for char in text:
            description = self._emoji.get(char)
            if description is None:
                parts.append(char)
                after_space = char == " "
            else:
                parts.append(description if after_space else " " + description)
                after_space = False
        return "".join(parts)


def _only_some(flags: list[bool]) -> bool:
    return True in flags and False in flags


def _weight(words: list[Word], place: int, some_upper: bool, idioms: bool) -> float:
    """Return what the word at `place`, one of the lexicon, weighs among its neighbours."""
    word = words[place]
    if idioms and word.text == "kind" and _text(words, place + 1) == "of":
        return 0.0
    weight = word.weight or 0.0
    if word.text == "no" and not word.ends and place + 1 < len(words) and words[place + 1].weight is not None:
        return 0.0  # it only negates the next word
    if word.upper and some_upper:
        weight += CAPS_INCREASE if weight > 0 else -CAPS_INCREASE
    one, two, three = _before(words, place)
    if one.weight is None:
        weight += _boost(one, weight, some_upper)
    if two.weight is None:
        weight += _boost(two, weight, some_upper) * 0.95
    if three.weight is None:
        weight += _boost(three, weight, some_upper) * 0.9
    weight *= _negation(word, one, two, three)
    if idioms and place > 2 and three.weight is None:
        weight = _idiom(words, place, weight)
    return weight


def _negation(word: Word, one: Word, two: Word, three: Word) -> float:
    """Return the factor by which the three words before it change a word's weight."""
    factor = 1.0
    if "no" in (one.text, two.text) or (three.text == "no" and one.text in ("or", "nor")):
        factor *= NEGATION
    if one.negates and one.weight is None:
        factor *= NEGATION
    if two.weight is None:
        factor *= _second_negation(one, two)
    if three is not _NOTHING and three.weight is None:
        factor *= _third_negation(one, two, three)
    if one.text == "least" and one.weight is None and two.text not in ("at", "very"):
        factor *= NEGATION
    if factor < 0 and word.emotion:
        return 1.0
    if factor < 0 and (word.weight or 0.0) < 0 and word.text not in _PRAISED_BY_NEGATION:
        return _NEGATED_BAD
    return factor


def _before(words: list[Word], place: int) -> tuple[Word, Word, Word]:
    """Return the three words before `place`, the nearest first, as far as they are in its clause."""
    one = words[place - 1] if place > 0 else _NOTHING
    if one.ends:
        return _NOTHING, _NOTHING, _NOTHING
    two = words[place - 2] if place > 1 and one.text not in _CLAUSE_OPENERS else _NOTHING
    if two.ends:
        return one, _NOTHING, _NOTHING
    three = words[place - 3] if place > 2 and two.text not in _CLAUSE_OPENERS and two is not _NOTHING else _NOTHING
    return one, two, _NOTHING if three.ends else three


def _boost(word: Word, weight: float, some_upper: bool) -> float:
    boost = word.boost
    if boost == 0.0:
        return 0.0
    if weight < 0:
        boost = -boost
    if word.upper and some_upper:
        boost += CAPS_INCREASE if weight > 0 else -CAPS_INCREASE
    return boost


def _second_negation(one: Word, two: Word) -> float:
    if two.text == "never" and one.text in ("so", "this"):
        return 1.25
    if two.text == "without" and one.text == "doubt":
        return 1.0
    return NEGATION if two.negates else 1.0


def _third_negation(one: Word, two: Word, three: Word) -> float:
    # VADER's own precedence: "so" or "this" just before strengthens, with or without "never".
    if (three.text == "never" and two.text in ("so", "this")) or one.text in ("so", "this"):
        return 1.25
    if three.text == "without" and "doubt" in (one.text, two.text):
        return 1.0
    return NEGATION if three.negates else 1.0


def _idiom(words: list[Word], place: int, weight: float) -> float:
    three, two, one, zero = (words[place - back].text for back in (3, 2, 1, 0))
    for phrase in (
        f"{one} {zero}",
        f"{two} {one} {zero}",
        f"{two} {one}",
        f"{three} {two} {one}",
        f"{three} {two}",
    ):
        if phrase in IDIOMS:
            weight = IDIOMS[phrase]
            break
    ahead, further = _text(words, place + 1), _text(words, place + 2)
    weight = IDIOMS.get(f"{zero} {ahead}", weight)
    weight = IDIOMS.get(f"{zero} {ahead} {further}", weight)
    for phrase in (f"{three} {two}", f"{two} {one}"):
        weight += BOOSTERS.get(phrase, 0.0)
    return weight


def _damp_questions(words: list[Word], places: list[int], weights: list[float]) -> None:
    """Weaken what is said well in a question ("Is it any good?")."""
    asks = False
    index = len(places) - 1
    for place in range(len(words) - 1, -1, -1):
        word = words[place]
        if word.ends:
            asks = word.asks
        if index >= 0 and places[index] == place:
            if asks and weights[index] > 0 and not word.emotion:
                weights[index] *= _ASKED_GOOD
            index -= 1


def _is_headline(words: list[Word]) -> bool:
    """Tell whether most words are capitalised, and none is of the writer or the reader."""
    titles = [word.title for word in words].count(True)
    return (
        len(words) >= _HEADLINE_WORDS
        and titles >= _HEADLINE_TITLES * len(words)
        and not any(word.text in _WRITER_OR_READER for word in words)
    )


def _contrast(words: list[Word], places: list[int], weights: list[float]) -> None:
    """Weaken what is said before the first "but" and strengthen what is said after it."""
    turn = next((place for place, word in enumerate(words) if word.text == "but"), None)
    if turn is None:
        return
    # VADER looks weights up by value: of equal ones it changes the first, perhaps twice. To search for each anew would
    # take seconds for a long text.
    indexes: dict[float, list[int]] = {}
    for index, weight in enumerate(weights):
        indexes.setdefault(weight, []).append(index)
    for current in range(len(weights)):
        weight = weights[current]
        equal = indexes[weight]
        while weights[equal[0]] != weight:
            heappop(equal)
        index = equal[0]
        if places[index] < turn:
            weights[index] *= 0.5
        elif places[index] > turn:
            weights[index] *= 1.5
        if weights[index] != weight:
            heappush(indexes.setdefault(weights[index], []), index)


def _emphasis(text: str) -> float:
    questions = text.count("?")
    emphasis = min(text.count("!"), 4) * _EXCLAMATION
    if questions > 3:
        emphasis += _MANY_QUESTIONS
    elif questions > 1:
        emphasis += questions * _QUESTION
    return emphasis


def _text(words: list[Word], place: int) -> str:
    return words[place].text if place < len(words) else ""
