"""Scores the polarity of what customers write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import sqrt
from typing import NamedTuple, Protocol

from streams.sentiment.language import mostly_foreign
from streams.sentiment.lexicon import VADER_VERSION, service_terms, vader_words
from streams.sentiment.messages import LONGEST_TEXT, Message, Reader, emotions_of
from streams.sentiment.ngrams import Spoken, ngrams_of
from streams.sentiment.other_languages import language_by_script, language_by_words, listed_language
from streams.sentiment.own_words import own_words
from streams.sentiment.rules import NORMALISATION, Rules, Word
from streams.sentiment.word_list import WORDS_VERSION, without_names, word_list
from streams.sentiment.word_rules import WordRules

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
        language: a BCP 47 code.
        weighs: the rules say how it feels: it is in English, or has a word that weighs.
    """

    words: Sequence[Spoken]
    text: str
    polarity: float
    language: str
    weighs: bool

    def ngrams(self) -> list[str]:
        """Return the n-grams of the text."""
        return ngrams_of(self.words, self.text, self.language)

    def context(self) -> list[str]:
        """Return those that are left without the words that weigh, and without marks."""
        return ngrams_of([word for word in self.words if not word.scored], "", self.language)


class VaderScorer:
    """English by VADER's lexicon, rules that began as VADER's, and terms of customer service; others by lists of words.

    It scores what the customer wrote (`own_words`), in the language that the tag says, or without one the letters and
    function words. It abstains on languages without a list of words (`word_list`), and on texts that say nothing:
    empty, or made of quotations, mentions, links, digits and marks alone. English without a word that weighs scores 0;
    of the other languages, whose lists know less, such a text has no score. Only the first `LONGEST_TEXT`
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
        self._companies = tuple(companies)
        self._reader = Reader(self._rules, terms.phrases, self._companies)
        self._others: dict[str, WordRules] = {}
        self._name = f"vader-{VADER_VERSION}+rules-{RULES_VERSION}+service-{terms.version}+words-{WORDS_VERSION}"

    @property
    def name(self) -> str:
        """Return the name, with the versions of VADER's lexicon, of rules, service terms and lists of words."""
        return self._name

    def score(self, text: str, lang: str | None = None) -> int | None:
        """Return the polarity of a text in ten-thousandths, or None to abstain."""
        heard = self.hear(text, lang)
        return None if heard is None or not heard.weighs else round(heard.polarity * SCALE)

    def hear(self, text: str, lang: str | None = None) -> Heard | None:
        """Return what the rules make of a text, or None where its language has none, or it says nothing."""
        tag = (lang or "").replace("_", "-").split("-")[0].lower()
        untold = tag in _UNTOLD
        if tag not in _ENGLISH and not untold:
            language = listed_language(tag)
            return None if language is None else self._hear_listed(own_words(text[:LONGEST_TEXT]), language)
        text = own_words(text[:LONGEST_TEXT])
        if not text.isascii() and mostly_foreign(text):
            language = language_by_script(text) if untold else None
            return None if language is None else self._hear_listed(text, language)
        message = self._reader.read(text)
        if untold and not message.english:
            language = language_by_words(text)
            return None if language is None else self._hear_listed(text, language, emotions_of(message.words))
        return self._hear_english(message)

    def _hear_english(self, message: Message) -> Heard | None:
        polarity = self._rules.compound(message.words, message.text)
        if polarity == 0.0 and not any(word.scored or word.text.upper().isupper() for word in message.words):
            return None
        return Heard(message.words, message.text, polarity, "en", True)

    def _hear_listed(self, text: str, language: str, emotions: list[Word] | None = None) -> Heard | None:
        rules = self._others.get(language)
        if rules is None:
            words_of_it = without_names(word_list(language), self._companies, language)
            rules = self._others[language] = WordRules(words_of_it, language)
        words = rules.read(text)
        if emotions is None:
            emotions = self._reader.emotions(text)
        if not words and not emotions:
            return None
        total = rules.total(words) + sum(word.weight or 0.0 for word in emotions)
        weighs = bool(emotions) or any(word.scored for word in words)
        return Heard(words, text, total / sqrt(total * total + NORMALISATION), language, weighs)
