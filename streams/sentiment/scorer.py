"""Scores the polarity of what customers write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from streams.sentiment.language import mostly_foreign
from streams.sentiment.lexicon import VADER_VERSION, service_terms, vader_words
from streams.sentiment.messages import LONGEST_TEXT, Reader
from streams.sentiment.own_words import own_words
from streams.sentiment.rules import Rules, Word

SCALE = 10_000
"""A polarity of 1 as a score (the scale of the journeys log)."""
RULES_VERSION = 2
"""Of the rules, of what counts as the writer's own words, and of the function words: raised when scores change."""
_ENGLISH = frozenset({"en", "eng"})
_UNTOLD = frozenset({"", "und"})  # "und": the language could not be told


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


class Heard(NamedTuple):
    """What the rules make of a text.

    Attributes:
        words: its words, in order.
        text: where marks are counted.
        polarity: in [-1, 1].
    """

    words: list[Word]
    text: str
    polarity: float


class VaderScorer:
    """English by VADER's lexicon, by rules that began as VADER's, and by the terms of customer service.

    It scores what the customer wrote (`own_words`), and abstains on other languages: by the tag, or without one by
    letters and function words. It abstains, too, on texts that say nothing: empty, or made of quotations, mentions,
    links, digits and marks alone. English without a word that weighs scores 0. Only the first `LONGEST_TEXT`
    characters are read, an emoji as the words that it is.
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
        self._name = f"vader-{VADER_VERSION}+rules-{RULES_VERSION}+service-{terms.version}"

    @property
    def name(self) -> str:
        """Return the name, with the versions of VADER's lexicon, of the rules and of the service terms."""
        return self._name

    def score(self, text: str, lang: str | None = None) -> int | None:
        """Return the polarity of a text in ten-thousandths, or None to abstain."""
        heard = self.hear(text, lang)
        return None if heard is None else round(heard.polarity * SCALE)

    def hear(self, text: str, lang: str | None = None) -> Heard | None:
        """Return what the rules make of a text, or None to abstain."""
        language = (lang or "").replace("_", "-").split("-")[0].lower()
        if language not in _ENGLISH and language not in _UNTOLD:
            return None
        text = own_words(text[:LONGEST_TEXT])
        if not text.isascii() and mostly_foreign(text):
            return None
        message = self._reader.read(text)
        if language in _UNTOLD and not message.english:
            return None
        polarity = self._rules.compound(message.words, message.text)
        if polarity == 0.0 and not any(word.scored or word.text.upper().isupper() for word in message.words):
            return None
        return Heard(message.words, message.text, polarity)
