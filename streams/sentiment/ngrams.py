"""What a learned model looks at in a text: its words, pairs of neighbours, words behind a negation, and marks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from streams.sentiment.rules import Word

NEGATED = "not_"
"""Begins the n-gram of a word that one of the few words before it negates."""
_REACH = 3
"""Words behind a negation that it may turn, as in VADER's rules."""
_MARKS = ("!", "?")


def ngrams_of(words: list[Word], said: str) -> list[str]:
    """Return the n-grams of a text, some of them more than once.

    Args:
        words: the text's words in order, as `streams.sentiment.messages.Reader` reads them.
        said: the text where marks are counted, as of the same reader.
    """
    texts = [word.text for word in words]
    found = [*texts, *map(" ".join, pairwise(texts))]
    found += [mark for mark in _MARKS if mark in said]
    if True in [word.negates for word in words]:
        found.extend(_negated(words, texts))
    return found


def _negated(words: list[Word], texts: list[str]) -> Iterator[str]:
    for place, word in enumerate(words, start=1):
        if word.negates:
            yield from (NEGATED + text for text in texts[place : place + _REACH])
