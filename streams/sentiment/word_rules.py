"""Scores texts in a language that has a list of words: what they weigh, among words that turn or strengthen them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from streams.sentiment.word_list import MARKS, WordList, plain

KNOWN_TOKENS: Final = 1 << 15
"""Tokens remembered of each language; when full, the memory starts anew (a bound, not a tuning)."""
MOST_WORDS: Final = 4
"""Words in a token that is remembered."""
LONGEST_TOKEN: Final = 200
"""Characters of a token that are read; a longer one is no word, and is not remembered."""
# What a word of praise, and one of complaint, keeps of its weight where it is negated; the first is VADER's.
_NEGATED_GOOD: Final = -0.74
_NEGATED_BAD: Final = -0.4
_BOOST: Final = 0.293
"""What a word of degree adds to the weight of a neighbour, or takes, as in VADER's rules."""
_BEFORE_BUT, _BEHIND_BUT = 0.5, 1.5
_REACH: Final = 3
"""Words over which a negation works, within its sentence."""
_DEGREE_REACH: Final = 2
_SHORTEST_STEM: Final = 2
_LONGEST_STEM: Final = 24
_SHORTEST_BEHIND_PREFIX: Final = 3
_ENDS: Final = frozenset(".!?;:\N{ARABIC FULL STOP}\N{ARABIC QUESTION MARK}\N{ARABIC SEMICOLON}\N{DEVANAGARI DANDA}")
_WORD = re.compile(rf"[\w{MARKS}]+")
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")


@dataclass(slots=True)
class ListedWord:
    """One word of a text and all the rules ask of it.

    Attributes:
        text: in the letters of its list.
        weight: in the list, or None where it has none.
        boost: what it adds to a word beside it, 0 for most.
        negates: turns the weight of the words after it.
        negates_behind: turns the weight of the words before it.
        contrasts: what follows counts more than what stands before, as behind "but".
        ends: a sentence ends with it.
        opens: a phrase may begin here.
    """

    text: str
    weight: float | None = None
    boost: float = 0.0
    negates: bool = False
    negates_behind: bool = False
    contrasts: bool = False
    ends: bool = False
    opens: bool = False

    @property
    def scored(self) -> bool:
        """Tell whether the word weighs."""
        return self.weight is not None


class WordRules:
    """Scores texts by the list of one language. Not for use by several threads at once."""

    def __init__(self, words: WordList, language: str) -> None:
        """Build the rules over the list of a language."""
        self._list = words
        self._language = language
        self._known: dict[str, tuple[ListedWord, ...]] = {}

    def read(self, text: str) -> list[ListedWord]:
        """Return the words of what a customer wrote, phrases as one word; mentions and links are none."""
        known = self._known
        if len(known) > KNOWN_TOKENS:
            known.clear()
        words: list[ListedWord] = []
        for token in text.split():
            found = known.get(token)
            if found is None:
                found = tuple(self._read_token(token[:LONGEST_TOKEN]))
                if len(token) <= LONGEST_TOKEN and len(found) <= MOST_WORDS:
                    known[token] = found
            words += found
        return self._joined(words) if True in [word.opens for word in words] else words

    def total(self, words: list[ListedWord]) -> float:
        """Return what the words of a text weigh together."""
        places = [place for place, word in enumerate(words) if word.weight is not None]
        weights = [self._weight(words, place) for place in places]
        contrasts = [word.contrasts for word in words]
        if True not in contrasts:
            return sum(weights)
        turn = contrasts.index(True)
        pairs = zip(places, weights, strict=True)
        return sum(weight * (_BEFORE_BUT if place < turn else _BEHIND_BUT) for place, weight in pairs)

    def _weight(self, words: list[ListedWord], place: int) -> float:
        """Return what the word at `place`, one that weighs, weighs among its neighbours."""
        weight = words[place].weight or 0.0
        sign = 1.0 if weight > 0 else -1.0
        negations = 0
        for distance, word in enumerate(_before(words, place)):
            negations += word.negates
            if distance < _DEGREE_REACH:
                weight += sign * word.boost
        behind = list(_behind(words, place))
        if behind and not (place + 2 < len(words) and words[place + 2].scored):
            weight += sign * behind[0].boost
        negations += any(word.negates_behind for word in behind)
        if negations % 2 == 0:
            return weight
        return weight * (_NEGATED_GOOD if weight > 0 else _NEGATED_BAD)

    def _read_token(self, token: str) -> Iterator[ListedWord]:
        if "@" in token or "://" in token or token.startswith("www."):
            return
        token = plain(token.replace("_", " "), self._language)
        for match in _WORD.finditer(token):
            word = self._look_up(match.group())
            word.ends = token[match.end() : match.end() + 1] in _ENDS
            yield word

    def _look_up(self, text: str) -> ListedWord:
        meaning = self._meaning(text)
        if meaning is None and _DRAWN_OUT.search(text):
            short = (self._meaning(_DRAWN_OUT.sub(letters, text)) for letters in (r"\1\1", r"\1"))
            meaning = next((found for found in short if found is not None), None)
        word = _word(text, meaning)
        word.opens = text in self._list.phrases
        if meaning != 0.0 and any(text.endswith(ending) for ending in self._list.negated_endings):
            if word.weight is None:
                word.negates_behind = True
            elif text not in self._list.terms:
                word.weight *= _NEGATED_GOOD if word.weight > 0 else _NEGATED_BAD
        return word

    def _meaning(self, text: str) -> float | str | None:
        meaning = self._meaning_alone(text)
        if meaning is None:
            for prefix in self._list.prefixes:
                rest = text.removeprefix(prefix)
                if _SHORTEST_BEHIND_PREFIX <= len(rest) < len(text) and isinstance(self._meaning_alone(rest), float):
                    return self._meaning_alone(rest)
        return meaning

    def _meaning_alone(self, text: str) -> float | str | None:
        meaning = self._list.terms.get(text)
        if meaning is None and self._list.stems:
            for length in range(min(len(text), _LONGEST_STEM), _SHORTEST_STEM - 1, -1):
                meaning = self._list.stems.get(text[:length])
                if meaning is not None:
                    break
        return meaning

    def _joined(self, words: list[ListedWord]) -> list[ListedWord]:
        """Return the words with each phrase as one word."""
        joined: list[ListedWord] = []
        begin = 0
        phrases = self._list.phrases
        for place, following in enumerate(words[1:]):
            word = words[place]
            if word.opens and place >= begin and not word.ends and following.text in phrases[word.text]:
                phrase, length = self._phrase_at(words, place)
                if phrase is not None:
                    joined += words[begin:place]
                    joined.append(phrase)
                    begin = place + length
        return joined + words[begin:] if begin else words

    def _phrase_at(self, words: list[ListedWord], place: int) -> tuple[ListedWord | None, int]:
        """Return the phrase at `place` and its number of words, or None where there is no phrase."""
        first = words[place].text
        for rest, meaning in self._list.phrases[first][words[place + 1].text]:
            found = words[place + 1 : place + 1 + len(rest)]
            if tuple(word.text for word in found) == rest and True not in [word.ends for word in found[:-1]]:
                return replace(_word(" ".join((first, *rest)), meaning), ends=found[-1].ends), 1 + len(rest)
        return None, 0


def _word(text: str, meaning: float | str | None) -> ListedWord:
    if isinstance(meaning, float):
        return ListedWord(text, weight=meaning or None)  # 0: the word does not count
    return ListedWord(
        text,
        boost=_BOOST if meaning == "more" else -_BOOST if meaning == "less" else 0.0,
        negates=meaning in ("not", "not around"),
        negates_behind=meaning in ("not behind", "not around"),
        contrasts=meaning == "but",
    )


def _before(words: list[ListedWord], place: int) -> Iterator[ListedWord]:
    """Yield the words before `place`, the nearest first, as far as a negation reaches in the sentence."""
    for word in reversed(words[max(0, place - _REACH) : place]):
        if word.ends or word.contrasts:
            return
        yield word


def _behind(words: list[ListedWord], place: int) -> Iterator[ListedWord]:
    """Yield the words behind `place`, as far as a negation reaches in the sentence, or to the next that weighs."""
    if words[place].ends:
        return
    for word in words[place + 1 : place + 1 + _REACH]:
        if word.contrasts or word.weight is not None:
            return
        yield word
        if word.ends:
            return
