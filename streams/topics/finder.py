"""Finds what a text is about: by the word lists and, where they say nothing, by a model."""

from __future__ import annotations

from typing import NamedTuple

from streams.topics.lists import WordLists
from streams.topics.model import TopicModel
from streams.topics.reading import words_of
from streams.topics.spotter import strongest_first


class Found(NamedTuple):
    """What a text is about.

    Attributes:
        topics: the strongest first; empty where nothing is known of it.
        by: what found them: the name of the lists or of the model, "" where nothing did.
    """

    topics: tuple[str, ...]
    by: str


NOTHING = Found((), "")


class TopicFinder:
    """Finds topics. Not for use by several threads at once."""

    def __init__(self, lists: WordLists, model: TopicModel | None = None) -> None:
        """Build a finder of the lists in force, and of the model that is to help out."""
        self._lists = lists
        self._model = model

    def find(self, text: str, lang: str | None = None) -> Found:
        """Return what a text is about.

        Args:
            text: as the customer wrote it.
            lang: its language as a BCP 47 tag, where known.
        """
        words = words_of(text)
        if matches := self._lists.spotter(lang).spot(words):
            return Found(strongest_first(words, matches), self._lists.name)
        if self._model is not None and (topic := self._model.topic_of(words)) is not None:
            return Found((topic,), self._model.name)
        return NOTHING
