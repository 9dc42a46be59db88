"""Finds the words and phrases of topics in a text, in one pass over its words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

KNOWN_WORDS = 1 << 16
"""Words remembered; when full, the memory starts anew (a bound, not a tuning)."""
LONGEST_WORD = 64
"""Characters of a word that is remembered: few are so long, and they take as much memory."""
PREFIX_MARK = "*"


class Match(NamedTuple):
    """Words of a text that are a term of topics: `length` words from `start` on."""

    start: int
    length: int
    topics: tuple[str, ...]


class Term(NamedTuple):
    """What follows a word, so that all is one term, and what it is about."""

    rest: tuple[str, ...]
    topics: tuple[str, ...]


class Spotter:
    """Spots terms in texts. Not for use by several threads at once."""

    def __init__(self, terms: Mapping[tuple[str, ...], Iterable[str]]) -> None:
        """Build a spotter.

        Args:
            terms: the words of each term, and the topics that it stands for. The last character of a single word may
                be `*`: any word that begins so.
        """
        opened: dict[str, list[Term]] = {}
        prefixes: list[tuple[str, Term]] = []
        for (first, *rest), topics in terms.items():
            term = Term(tuple(rest), tuple(sorted(topics)))
            if first.endswith(PREFIX_MARK):
                prefixes.append((first.removesuffix(PREFIX_MARK), term))
            else:
                opened.setdefault(first, []).append(term)
        self._known = _Known(opened, prefixes)

    def spot(self, words: list[str]) -> list[Match]:
        """Return the terms in a text, in order; of those that begin at one word the longest, and none in another."""
        known = self._known
        if len(known) > KNOWN_WORDS:
            known.clear()
        matches: list[Match] = []
        end = 0
        for place, word in enumerate(words):
            terms = known[word]
            if not terms or place < end:
                continue
            for rest, topics in terms:
                end_of_term = place + 1 + len(rest)
                if not rest or tuple(words[place + 1 : end_of_term]) == rest:
                    matches.append(Match(place, 1 + len(rest), topics))
                    end = end_of_term
                    break
        return matches


class _Known(dict[str, tuple[Term, ...]]):
    """Words seen before, and the terms that begin with them, the longest first."""

    def __init__(self, opened: Mapping[str, list[Term]], prefixes: list[tuple[str, Term]]) -> None:
        super().__init__()
        self._opened = {word: tuple(sorted(terms, key=lambda term: -len(term.rest))) for word, terms in opened.items()}
        self._prefixes = prefixes

    def __missing__(self, word: str) -> tuple[Term, ...]:
        terms = self._opened.get(word, ())
        begun = {topic for prefix, term in self._prefixes if word.startswith(prefix) for topic in term.topics}
        if begun:
            # A word that is in the lists as it is, and begins as others do, is about all of that.
            whole = {topic for term in terms if not term.rest for topic in term.topics}
            longer = tuple(term for term in terms if term.rest)
            terms = (*longer, Term((), tuple(sorted(begun | whole))))
        if len(word) <= LONGEST_WORD:
            self[word] = terms
        return terms


def strongest_first(words: list[str], matches: list[Match]) -> tuple[str, ...]:
    """Return the topics of matches: by how many different terms speak for each, and of equal ones the first named."""
    terms = {(topic, tuple(words[start : start + length])) for start, length, topics in matches for topic in topics}
    counts = Counter(topic for topic, _ in terms)
    named = dict.fromkeys(topic for match in matches for topic in match.topics)
    return tuple(sorted(named, key=lambda topic: -counts[topic]))


def between(words: list[str], matches: list[Match]) -> list[list[str]]:
    """Return the runs of words between the matches of a text."""
    runs, begin = [], 0
    for match in matches:
        runs.append(words[begin : match.start])
        begin = match.start + match.length
    runs.append(words[begin:])
    return runs
