"""Trains a model of topics from what the word lists are sure of and from labels, and measures it on texts held out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from math import log
from typing import NamedTuple
from zlib import crc32

from streams.topics.lists import WordLists
from streams.topics.model import UNIT, Guess, TopicModel
from streams.topics.reading import ngrams, words_of
from streams.topics.spotter import between, strongest_first

FOLDS = 5
FEWEST_TEXTS = 20
"""Texts that a topic needs to be learned, of those with this topic alone."""
FEWEST_WITH_NGRAM = 5
"""Different texts that an n-gram has to be in: what few people wrote is not learned, and is in no file."""
MOST_NGRAMS = 20_000


class Example(NamedTuple):
    """A text to learn from.

    Attributes:
        text: as a customer wrote it.
        lang: its language as a BCP 47 tag, where known.
        labels: what a person says that it is about, none where about no topic; None where nobody said.
    """

    text: str
    lang: str | None = None
    labels: tuple[str, ...] | None = None


class Read(NamedTuple):
    """An example as it is learned from.

    Attributes:
        by_lists: its topics by the word lists.
        labels: as of the example.
        context: its n-grams without the lists' words, so that others are learned.
        fold: in which part it is held out: equal texts are in one.
    """

    by_lists: tuple[str, ...]
    labels: tuple[str, ...] | None
    context: set[str]
    fold: int

    @property
    def learned_as(self) -> tuple[str, ...]:
        """The topics that it is learned as: its labels, else that of the lists where there is one alone."""
        if self.labels is not None:
            return self.labels
        return self.by_lists if len(self.by_lists) == 1 else ()


def read_examples(examples: Iterable[Example], lists: WordLists) -> list[Read]:
    """Return the different texts of examples; of equal ones the first with labels, else the first."""
    different: dict[str, Example] = {}
    for example in examples:
        key = " ".join(words_of(example.text))
        known = different.get(key)
        if key and (known is None or (known.labels is None and example.labels is not None)):
            different[key] = example
    return [_read(key, example, lists) for key, example in different.items()]


def _read(key: str, example: Example, lists: WordLists) -> Read:
    words = key.split(" ")
    matches = lists.spotter(example.lang).spot(words)
    context = ngrams(between(words, matches))
    return Read(strongest_first(words, matches), example.labels, context, crc32(key.encode()) % FOLDS)


def learn(texts: Iterable[Read], threshold: float = 1.0, learned_from: tuple[str, ...] = ()) -> TopicModel | None:
    """Return the model of the texts that have a topic to learn; None where fewer than two topics have enough texts."""
    taught = [text for text in texts if text.learned_as]
    counts = Counter(topic for text in taught for topic in text.learned_as)
    topics = tuple(sorted(topic for topic, n in counts.items() if n >= FEWEST_TEXTS))
    if len(topics) < 2:
        return None
    seen: Counter[str] = Counter()
    of_topic: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text in taught:
        seen.update(text.context)
        for topic in text.learned_as:
            of_topic[topic].update(text.context)
    frequent = sorted((ngram for ngram, n in seen.items() if n >= FEWEST_WITH_NGRAM), key=lambda one: (-seen[one], one))
    weights = _weights(frequent[:MOST_NGRAMS], [of_topic[topic] for topic in topics])
    total = sum(counts[topic] for topic in topics)
    priors = tuple(round(UNIT * log(counts[topic] / total)) for topic in topics)
    return TopicModel(topics, priors, weights, threshold, learned_from)


def _weights(vocabulary: Sequence[str], of_topics: Sequence[Counter[str]]) -> dict[str, tuple[int, ...]]:
    """Return log P(n-gram | topic) with one text more for each n-gram (Laplace), less the mean over topics."""
    sums = [sum(found[ngram] for ngram in vocabulary) + len(vocabulary) for found in of_topics]
    weights = {}
    for ngram in vocabulary:
        logs = [log((found[ngram] + 1) / total) for found, total in zip(of_topics, sums, strict=True)]
        # Every topic gets the same n-grams: what is common to all of them tells nothing apart.
        mean = sum(logs) / len(logs)
        weights[ngram] = tuple(round(UNIT * (one - mean)) for one in logs)
    return weights


class HeldOut(NamedTuple):
    """A text, and what a model says of it that has not learned from it; None where it knows too little."""

    text: Read
    guess: Guess | None


def hold_out(texts: Sequence[Read]) -> list[HeldOut] | None:
    """Return all texts with what the model of the other folds says; None where one of these cannot be learned."""
    found = []
    for fold in range(FOLDS):
        model = learn(text for text in texts if text.fold != fold)
        if model is None:
            return None
        found += [HeldOut(text, model.guess(text.context)) for text in texts if text.fold == fold]
    return found
