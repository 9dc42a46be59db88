"""What a learned model looks at in a text: its words, pairs of neighbours, words behind a negation, and marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Protocol

NEGATED = "not_"
"""Begins the n-gram of a word that one of the few words before it negates."""
_REACH = 3
"""Words behind a negation that it may turn, as in VADER's rules."""
_MARKS = ("!", "?")


class Spoken(Protocol):
    """A word as the rules of its language read it: its text, whether it weighs, and whether it negates what follows."""

    text: str
    negates: bool

    @property
    def scored(self) -> bool:
        """Tell whether the word weighs."""


def ngrams_of(words: Sequence[Spoken], said: str, language: str = "en") -> list[str]:
    """Return the n-grams of a text, some of them more than once.

    Args:
        words: the text's words in order, as the rules of its language read them.
        said: the text where marks are counted.
        language: its code; it begins the n-grams of other languages than English, as in "es:no funciona".
    """
    texts = [word.text for word in words]
    found = [*texts, *map(" ".join, pairwise(texts))]
    found += [mark for mark in _MARKS if mark in said]
    if True in [word.negates for word in words]:
        found.extend(_negated(words, texts))
    return found if language == "en" else [f"{language}:{ngram}" for ngram in found]


def _negated(words: Sequence[Spoken], texts: list[str]) -> Iterator[str]:
    for place, word in enumerate(words, start=1):
        if word.negates:
            yield from (NEGATED + text for text in texts[place : place + _REACH])
