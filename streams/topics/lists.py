"""The word lists of topics: those that ship, and an operator's own; TOML."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Annotated

import msgspec

from schemas.toml import TomlError, convert_toml
from streams.topics.errors import TopicsError
from streams.topics.reading import words_of
from streams.topics.spotter import PREFIX_MARK, Spotter

MOST_TOPICS = 64
MOST_WORDS_OF_A_TERM = 5
SHORTEST_PREFIX = 3
_TOPIC = re.compile(r"[^\W_][\w -]{0,63}")

Terms = dict[str, list[str]]
"""Terms by their topic."""


class _Shipped(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    version: str
    languages: tuple[str, ...]
    topics: Terms


class _Own(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    shipped: bool = True
    languages: tuple[Annotated[str, msgspec.Meta(min_length=2, max_length=8)], ...] = ()
    topics: Terms = {}
    without: Terms = {}


class _List(msgspec.Struct, frozen=True):
    """Terms, and the languages whose texts they are looked for in; none for all."""

    languages: tuple[str, ...]
    topics: Terms


class WordLists:
    """The word lists in force.

    Attributes:
        name: their versions: lists that may differ on a text differ in name.
        topics: what they know of.
    """

    def __init__(self, name: str, lists: Sequence[_List]) -> None:
        self.name = name
        self.topics = tuple(dict.fromkeys(topic for one in lists for topic in one.topics))
        self._lists = lists
        tagged = {language for one in lists for language in one.languages}
        # A text without a language may be in any of them; of one in another language only lists for all know words.
        self._any = self._spotter(None)
        self._other = self._spotter("")
        self._spotters = {language: self._spotter(language) for language in tagged}

    def spotter(self, lang: str | None) -> Spotter:
        """Return what finds the terms in a text.

        Args:
            lang: the text's language as a BCP 47 tag, where known.
        """
        if not lang:
            return self._any
        language = lang.replace("_", "-").split("-")[0].lower()
        return self._any if language == "und" else self._spotters.get(language, self._other)

    def _spotter(self, language: str | None) -> Spotter:
        terms: dict[tuple[str, ...], list[str]] = {}
        for one in self._lists:
            if language is None or not one.languages or language in one.languages:
                for topic, texts in one.topics.items():
                    for text in texts:
                        topics = terms.setdefault(_words(topic, text), [])
                        if topic not in topics:
                            topics.append(topic)
        return Spotter(terms)


@cache
def shipped_lists() -> WordLists:
    """Return the lists that ship: `words.toml`."""
    shipped = _shipped()
    return WordLists(f"words-{shipped.version}", [_List(shipped.languages, shipped.topics)])


def read_lists(text: str) -> WordLists:
    """Return the lists that an operator's file makes of those that ship.

    Raises:
        TopicsError: the file does not hold.
    """
    try:
        own = convert_toml(text, _Own)
    except TomlError as error:
        raise TopicsError(str(error)) from None
    _check(own)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    shipped = _shipped()
    lists, name = [_List(own.languages, own.topics)], f"own-{digest}"
    if own.shipped:
        lists.insert(0, _List(shipped.languages, _less(shipped.topics, own.without)))
        name = f"words-{shipped.version}+{name}"
    elif own.without:
        raise TopicsError("`without` takes words from the shipped lists, and `shipped = false` says that none count")
    found = WordLists(name, lists)
    if not 0 < len(found.topics) <= MOST_TOPICS:
        raise TopicsError(f"there are {len(found.topics)} topics; write 1 to {MOST_TOPICS}")
    return found


@cache
def _shipped() -> _Shipped:
    text = files("streams.topics").joinpath("words.toml").read_text(encoding="utf-8")
    return convert_toml(text, _Shipped)


def _check(own: _Own) -> None:
    for topic, terms in own.topics.items():
        if not _TOPIC.fullmatch(topic):
            raise TopicsError(f"topic {topic!r}: write at most 64 letters, digits, blanks, - and _, a letter first")
        for term in terms:
            _words(topic, term)


def _less(topics: Mapping[str, list[str]], without: Mapping[str, list[str]]) -> Terms:
    """Return topics without some of their terms; a topic with none left is gone."""
    for topic, terms in without.items():
        if missing := [term for term in terms if term not in topics.get(topic, ())]:
            raise TopicsError(f"without.{topic}: {missing[0]!r} is not in the shipped list")
    left = {topic: [term for term in terms if term not in without.get(topic, ())] for topic, terms in topics.items()}
    return {topic: terms for topic, terms in left.items() if terms}


def _words(topic: str, term: str) -> tuple[str, ...]:
    """Return a term's words as they are looked for in texts."""
    stem = term.removesuffix(PREFIX_MARK)
    words = words_of(stem)
    if not words or len(words) > MOST_WORDS_OF_A_TERM or PREFIX_MARK in stem:
        raise TopicsError(f"topics.{topic}: {term!r} is no term; write 1 to {MOST_WORDS_OF_A_TERM} words")
    if stem == term:
        return tuple(words)
    if len(words) > 1 or len(words[0]) < SHORTEST_PREFIX:
        raise TopicsError(f"topics.{topic}: {term!r}: * may end one word of {SHORTEST_PREFIX} letters or more")
    return (words[0] + PREFIX_MARK,)
