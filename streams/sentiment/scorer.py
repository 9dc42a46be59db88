"""Scores the polarity of what customers write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from streams.sentiment.lexicon import VADER_VERSION, service_terms, vader_words
from streams.sentiment.messages import LONGEST_TEXT, Reader, mostly_foreign
from streams.sentiment.rules import Rules

SCALE = 10_000
"""A polarity of 1 as a score (the scale of the journeys log)."""
_ENGLISH = frozenset({"en", "eng", "und"})  # "und": the language could not be told


class Scorer(Protocol):
    """Anything that can say how a text feels."""

    @property
    def name(self) -> str:
        """Return the name and version: scorers that may differ on a text differ in name."""

    def score(self, text: str, lang: str | None = None) -> int | None:
        """Return the polarity of a text in ten-thousandths, or None to abstain.

        Args:
            text: as the customer wrote it.
            lang: its language as a BCP 47 tag, where known.
        """


class VaderScorer:
    """English by VADER's lexicon and rules, and by the terms of customer service.

    It abstains on other languages (by the tag, or where most letters are not Latin) and on texts
    that say nothing: empty, or made of mentions, links, digits and marks alone. English without a
    word that weighs scores 0. Other languages in Latin letters are not recognised without a tag.
    Only the first `LONGEST_TEXT` characters are read, an emoji as the words that it is.
    """

    def __init__(self, companies: Iterable[str] = ()) -> None:
        """Build a scorer.

        Args:
            companies: names that are no words ("Best Buy" is no praise), in any case, with or
                without their spaces.
        """
        terms = service_terms()
        weights = {**vader_words(), **terms.words}
        self._rules = Rules({word: weight for word, weight in weights.items() if weight != 0})
        self._reader = Reader(self._rules, terms.phrases, companies)
        self._name = f"vader-{VADER_VERSION}+service-{terms.version}"

    @property
    def name(self) -> str:
        """Return the name, with the versions of VADER's lexicon and of the service terms."""
        return self._name

    def score(self, text: str, lang: str | None = None) -> int | None:
        """Return the polarity of a text in ten-thousandths, or None to abstain."""
        if lang and lang.replace("_", "-").split("-")[0].lower() not in _ENGLISH:
            return None
        text = text[:LONGEST_TEXT]
        if not text.isascii() and mostly_foreign(text):
            return None
        words, said = self._reader.read(text)
        polarity = self._rules.compound(words, said)
        if polarity == 0.0 and not any(word.scored or word.text.upper().isupper() for word in words):
            return None
        return round(polarity * SCALE)
