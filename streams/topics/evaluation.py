"""Chooses how sure a model has to be, and says how well it does on texts that it has not learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from streams.topics.errors import TopicsError
from streams.topics.lists import WordLists
from streams.topics.model import TopicModel
from streams.topics.training import FOLDS, Example, HeldOut, Read, hold_out, learn, read_examples

PRECISION = 0.6
"""The share of the topics it names that has to be right."""
THRESHOLDS = tuple(step / 20 for step in range(4, 20))
FEWEST_NAMED = 20
"""Texts that it has to name a topic of, before its share of right ones says anything."""
FEWEST_LABELS = 100
"""Texts with labels of which the lists know nothing: with fewer, the figures are of texts without labels."""


class Named(NamedTuple):
    """How often a topic is named of texts of which the lists know nothing, or of which their words were taken out."""

    texts: int
    named: int
    right: int
    commonest: int

    @property
    def precision(self) -> float:
        """The share of right ones among those named; 0 where none is."""
        return self.right / self.named if self.named else 0.0


class Agreement(NamedTuple):
    """How topics agree with labels: of all texts with labels.

    Attributes:
        named: topics that are named.
        right: those of them that are labels.
        labels: all labels.
    """

    named: int
    right: int
    labels: int

    @property
    def precision(self) -> float:
        """The share of named topics that are labels."""
        return self.right / self.named if self.named else 0.0

    @property
    def recall(self) -> float:
        """The share of labels that are named."""
        return self.right / self.labels if self.labels else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        both = self.named + self.labels
        return 2 * self.right / both if both else 0.0


class Trained(NamedTuple):
    """A model, and its figures on texts held out.

    Attributes:
        texts: different texts.
        by_lists, taught: how many of them have a topic by the lists, and how many it learned from.
        labelled: whether `held_out` is of texts with labels of which the lists know nothing, or else of texts with one
            topic by the lists, whose words were taken out.
        lists, both: the lists alone, and with the model, on all texts with labels; None where there are too few.
    """

    model: TopicModel
    texts: int
    by_lists: int
    taught: int
    labelled: bool
    held_out: Named
    lists: Agreement | None
    both: Agreement | None


def train(examples: Iterable[Example], lists: WordLists, precision: float = PRECISION) -> Trained:
    """Return the model of some texts, with the least threshold at which it is right often enough.

    Args:
        examples: of equal texts one counts.
        lists: their topics, where a text has one alone, are learned.
        precision: the least share of right ones among the topics that it names.

    Raises:
        TopicsError: there is too little to learn from, or the model is worse than the lists alone.
    """
    texts = read_examples(examples, lists)
    held = hold_out(texts)
    if held is None:
        raise TopicsError(
            f"{len(texts)} different texts are too few to learn from: two topics need 20 texts each, in every fold, "
            "that are about one of them alone; give more texts, or labels, or write lists for what these are about"
        )
    silent = [one for one in held if one.text.labels is not None and not one.text.by_lists]
    labelled = len(silent) >= FEWEST_LABELS
    judged = silent if labelled else [one for one in held if one.text.labels is None and one.text.learned_as]
    threshold = choose(judged, precision)
    if threshold is None:
        raise TopicsError(
            f"it is refused: held out, no threshold makes {precision:.0%} of the topics right that it names of "
            f"{len(judged)} texts; the lists alone are better"
        )
    thresholds = {fold: choose([one for one in judged if one.text.fold != fold], precision) for fold in range(FOLDS)}
    found = named(judged, thresholds)
    alone, both = agreements(held, thresholds) if labelled else (None, None)
    if why := objection(found, alone, both):
        raise TopicsError(f"it is refused: held out, {why}")
    about = (f"lists {lists.name}", f"texts {len(texts)}", f"labelled {sum(one.labels is not None for one in texts)}")
    model = learn(texts, threshold, about)
    assert model is not None  # the folds had fewer texts  # noqa: S101
    taught = sum(bool(one.learned_as) for one in texts)
    by_lists = sum(bool(one.by_lists) for one in texts)
    return Trained(
        model=model,
        texts=len(texts),
        by_lists=by_lists,
        taught=taught,
        labelled=labelled,
        held_out=found,
        lists=alone,
        both=both,
    )


def objection(found: Named, alone: Agreement | None, both: Agreement | None) -> str | None:
    """Return why a model of these figures is worse than none, None where it is not."""
    if found.right * found.texts < found.commonest * found.named:
        commonest = found.commonest / found.texts
        return f"{found.precision:.0%} of its topics are right, and to name the commonest alone is in {commonest:.0%}"
    if alone is not None and both is not None and both.f1 <= alone.f1:
        return f"F1 is {both.f1:.3f} with it, and {alone.f1:.3f} with the lists alone"
    return None


def choose(judged: Sequence[HeldOut], precision: float) -> float | None:
    """Return the least threshold at which so many of the named topics are right; None where there is none."""
    for threshold in THRESHOLDS:
        found = named(judged, dict.fromkeys(range(FOLDS), threshold))
        if found.named >= FEWEST_NAMED and found.precision >= precision:
            return threshold
    return None


def named(judged: Sequence[HeldOut], thresholds: dict[int, float | None] | dict[int, float]) -> Named:
    """Return how often a topic is named of texts, by the threshold of each fold, and is right."""
    topics = [(one.text, _topic(one, thresholds[one.text.fold])) for one in judged]
    given = [(text, topic) for text, topic in topics if topic is not None]
    right = sum(topic in text.learned_as for text, topic in given)
    counts = Counter(topic for one in judged for topic in one.text.learned_as)
    return Named(len(judged), len(given), right, max(counts.values(), default=0))


def agreements(held: Sequence[HeldOut], thresholds: dict[int, float | None]) -> tuple[Agreement, Agreement]:
    """Return how the lists alone, and the lists with the model, agree with labels."""
    alone, both = [], []
    for one in held:
        if one.text.labels is not None:
            by_lists = one.text.by_lists
            topic = None if by_lists else _topic(one, thresholds[one.text.fold])
            alone.append((one.text, by_lists))
            both.append((one.text, by_lists if topic is None else (topic,)))
    return _agreement(alone), _agreement(both)


def _agreement(found: Sequence[tuple[Read, tuple[str, ...]]]) -> Agreement:
    return Agreement(
        sum(len(topics) for _, topics in found),
        sum(topic in (text.labels or ()) for text, topics in found for topic in topics),
        sum(len(text.labels or ()) for text, _ in found),
    )


def _topic(one: HeldOut, threshold: float | None) -> str | None:
    guess = one.guess
    return guess.topic if guess is not None and threshold is not None and guess.probability >= threshold else None
