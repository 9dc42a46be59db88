"""The learned model of topics, and its file: multinomial naive Bayes over words and pairs of words.

After A. McCallum and K. Nigam, "Text classification by bootstrapping with keywords, EM and shrinkage" (ACL workshop on
unsupervised learning in natural language processing, 1999). The file is text, with a line for each n-gram, so that a
person can read what was learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, sqrt
from typing import NamedTuple

from schemas.checksummed import version_of, with_checksum, without_checksum
from streams.topics.errors import TopicsError
from streams.topics.reading import ngrams

FORMAT = "touchline-topics 1"
UNIT = 1000
"""A weight is a natural logarithm in thousandths: sums of whole numbers do not depend on their order."""
FEWEST_KNOWN = 2
"""A text with fewer n-grams that the model knows has no topic by it."""


class Guess(NamedTuple):
    """The likeliest topic of a text, and the probability that the model gives to it."""

    topic: str
    probability: float


class TopicModel:
    """Names the likeliest topic of a text, where that is likely enough.

    Attributes:
        topics: what it knows of.
        priors: the weight of each of them.
        weights: those of each n-gram, in the order of the topics.
        threshold: the least probability at which a topic is named.
        learned_from: lines about what it was made of, for people.
    """

    def __init__(
        self,
        topics: tuple[str, ...],
        priors: tuple[int, ...],
        weights: Mapping[str, tuple[int, ...]],
        threshold: float,
        learned_from: tuple[str, ...] = (),
    ) -> None:
        self.topics = topics
        self.priors = priors
        self.weights = weights
        self.threshold = threshold
        self.learned_from = learned_from
        self._name = f"learned-{version_of(self._body())}"

    @property
    def name(self) -> str:
        """The name, with a version that says what the file holds."""
        return self._name

    def topic_of(self, words: list[str]) -> str | None:
        """Return the topic of a text's words; None where the model is not sure."""
        guess = self.guess(ngrams([words]))
        return guess.topic if guess is not None and guess.probability >= self.threshold else None

    def guess(self, found: set[str]) -> Guess | None:
        """Return the likeliest topic of a text's n-grams; None where it knows too few of them."""
        weights = self.weights
        known = [weights[ngram] for ngram in found if ngram in weights]
        if len(known) < FEWEST_KNOWN:
            return None
        # Neighbouring n-grams say much the same: by their root, long texts are not surer than they should be.
        scale = UNIT * sqrt(len(known))
        totals = map(sum, zip(*known, strict=True))
        scores = [prior / UNIT + total / scale for prior, total in zip(self.priors, totals, strict=True)]
        best = max(scores)
        return Guess(self.topics[scores.index(best)], 1 / sum(exp(score - best) for score in scores))

    def text(self) -> str:
        """Return the model as its file holds it."""
        return with_checksum(self._body())

    def _body(self) -> str:
        head = [FORMAT, *(f"# {line}" for line in self.learned_from), f"threshold {self.threshold}"]
        head.append("\t".join(("topics", *self.topics)))
        head.append("\t".join(("prior", *map(str, self.priors))))
        lines = ("\t".join((ngram, *map(str, self.weights[ngram]))) for ngram in sorted(self.weights))
        return "".join(f"{line}\n" for line in (*head, *lines))


def read_model(text: str) -> TopicModel:
    """Return the model in a file's text.

    Raises:
        TopicsError: it is no such file, of another format, or not as it was written.
    """
    body, is_whole = without_checksum(text)
    lines = body.split("\n")
    if lines[0] != FORMAT:
        raise TopicsError(f"it is no model of topics of this version: its first line is not {FORMAT!r}")
    if not is_whole:
        raise TopicsError(
            "it is not as it was written: its checksum does not hold; make it by `touchline train-topics`"
        )
    try:
        return _read(lines[1:-1])
    except (ValueError, IndexError) as error:
        raise TopicsError(f"it is no model of topics: {error}") from None


def _read(lines: list[str]) -> TopicModel:
    about = tuple(line.removeprefix("# ") for line in lines if line.startswith("# "))
    threshold, topics, priors, *rest = lines[len(about) :]
    weights: dict[str, tuple[int, ...]] = {}
    for line in rest:
        ngram, *numbers = line.split("\t")
        weights[ngram] = tuple(map(int, numbers))
    names = tuple(topics.split("\t")[1:])
    found = tuple(map(int, priors.split("\t")[1:]))
    if not names or any(len(numbers) != len(names) for numbers in (found, *weights.values())):
        raise ValueError("a line has not one number for each topic")
    return TopicModel(names, found, weights, float(threshold.removeprefix("threshold ")), about)
