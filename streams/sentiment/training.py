"""Teaches a model of sentiment: by the rules' own scores of texts, by labels, and by both.

Naive Bayes over n-grams, taught by expectation maximisation: what the rules believe of a text teaches the n-grams, and
these teach what to believe of the texts. After K. Nigam, A. McCallum, S. Thrun and T. Mitchell, "Text classification
from labeled and unlabeled documents using EM" (Machine Learning 39, 2000). The classes' shares are no part of it: a
complaint in a hundred texts weighs as much as one among ninety.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import exp, log, sqrt
from statistics import median
from typing import NamedTuple
from zlib import crc32

from streams.sentiment.model import (
    LEAST_SCALE,
    LONGEST_NGRAM,
    MOST_NGRAMS,
    NGRAMS_WEIGHT,
    OUTSPOKEN_WEIGHT,
    RULES_WEIGHT,
    UNIT,
    SentimentModel,
)
from streams.sentiment.scorer import Heard, VaderScorer

FOLDS = 5
ROUNDS = 3
FEWEST_WITH_NGRAM = 3
"""Different texts that an n-gram has to be in: what few people wrote is not learned, and is in no file."""
SMOOTHING = 0.5
"""Texts more, in praise and in complaints, for each n-gram."""
NEUTRAL_SHARE = 0.5
"""A text is neutral whose margin is less than this share of that of most texts."""
LEAST_BORDER = 0.05
"""In scales: the least strength that is not neutral."""
_FARTHEST = 30.0
NEUTRAL_ROUNDS = 2
SURENESS = 3.0
"""How much likelier, as the logarithm of odds, a text is no neutral one for each scale that its strength is greater."""
FEWEST_NEUTRAL = 50
"""Labelled texts that have to be neutral, and that have not to be, before what tells them apart is learned."""
NOTHING = SentimentModel({}, 1.0, 1.0)
"""A model that knows no n-gram: to learn without a base."""


class Example(NamedTuple):
    """A text to learn from.

    Attributes:
        text: as a customer wrote it.
        lang: its language as a BCP 47 tag, where known.
        label: what a person says of it: -1 negative, 0 neutral, 1 positive; None where nobody said.
    """

    text: str
    lang: str | None = None
    label: int | None = None


class Read(NamedTuple):
    """An example as it is learned from.

    Attributes:
        rules: its polarity by the rules.
        ngrams: its different n-grams.
        context: those that are left without the words that the rules weigh.
        label: as of the example.
        fold: in which part it is held out: equal texts are in one.
    """

    rules: float
    ngrams: frozenset[str]
    context: frozenset[str]
    label: int | None
    fold: int


def read_examples(examples: Iterable[Example], scorer: VaderScorer) -> list[Read]:
    """Return the different texts of which the rules say something; of equal ones the first with a label."""
    found: dict[str, Read] = {}
    for example in examples:
        heard = scorer.hear(example.text, example.lang)
        if heard is None:
            continue
        key = " ".join(word.text for word in heard.words)
        known = found.get(key)
        if known is None or (known.label is None and example.label is not None):
            found[key] = _read(key, heard, example.label)
    return list(found.values())


def _read(key: str, heard: Heard, label: int | None) -> Read:
    ngrams = frozenset(ngram for ngram in heard.ngrams() if len(ngram) <= LONGEST_NGRAM)
    return Read(heard.polarity, ngrams, frozenset(heard.context()), label, crc32(key.encode()) % FOLDS)


def learn(
    texts: Sequence[Read],
    base: SentimentModel = NOTHING,
    learned_from: tuple[str, ...] = (),
    fewest: int = FEWEST_WITH_NGRAM,
) -> SentimentModel:
    """Return the model of some texts.

    Args:
        texts: one at least; better some thousand.
        base: what is known of n-grams already; what is learned is added to its weights.
        learned_from: lines about it, for people.
        fewest: different texts that an n-gram has to be in.
    """
    seen = Counter(ngram for text in texts for ngram in text.ngrams)
    vocabulary = {ngram for ngram, n in seen.items() if n >= fewest}
    rows = [_row(text, vocabulary, base) for text in texts]
    for _ in range(ROUNDS):
        counts = _count([(row.ngrams, row.belief) for row in rows])
        for row in rows:
            row.follow(counts)
    weights = _merged(_count([(row.ngrams, row.belief) for row in rows]), base)
    scale = _rounded(median(abs(row.margin) for row in rows))
    border, outspoken = _neutral(rows, scale, fewest)
    return SentimentModel(weights, scale, border, outspoken, learned_from)


class _Counts(NamedTuple):
    """How much praise and how much complaint each n-gram is in, and all in all."""

    praise: dict[str, float]
    complaints: dict[str, float]
    bias: float

    def weight(self, ngram: str, without: float | None = None) -> float:
        """Return the logarithm of how much likelier an n-gram is in praise.

        Args:
            ngram: one that was counted.
            without: the belief of a text that is left out, so that it does not teach itself.
        """
        praise, complaints = self.praise[ngram], self.complaints[ngram]
        if without is not None:
            praise, complaints = max(praise - without, 0.0), max(complaints - 1 + without, 0.0)
        return log((praise + SMOOTHING) / (complaints + SMOOTHING)) - self.bias


class _Row:
    """A text among those that teach, and what is believed of it.

    Attributes:
        start: its margin before anything is learned.
        ngrams: those that are learned.
        root: of the number of n-grams that it has of those known or learned.
        label: as of the example.
        margin, belief: how far from complaint it is now, and the probability that it is praise.
    """

    def __init__(self, start: float, ngrams: tuple[str, ...], root: float, label: int | None) -> None:
        self.start = start
        self.ngrams = ngrams
        self.root = root
        self.label = label
        self.margin = start
        self.belief = self._believed()

    def follow(self, counts: _Counts) -> None:
        """Believe what the n-grams say, as the other texts have taught them."""
        learned = sum(counts.weight(ngram, self.belief) for ngram in self.ngrams)
        self.margin = self.start + NGRAMS_WEIGHT * learned / self.root
        self.belief = self._believed()

    def _believed(self) -> float:
        if self.label is not None:
            return (self.label + 1) / 2
        return _logistic(self.margin)


def _logistic(odds: float) -> float:
    return 1 / (1 + exp(-max(-_FARTHEST, min(_FARTHEST, odds))))


def _row(text: Read, vocabulary: set[str], base: SentimentModel) -> _Row:
    known = [ngram for ngram in text.ngrams if ngram in base.weights]
    # In order: sums of fractions depend on it, and a set's differs from run to run.
    learned = tuple(sorted(ngram for ngram in text.ngrams if ngram in vocabulary))
    root = sqrt(len({*known, *learned}) or 1)
    at_first = sum(base.weights[ngram] for ngram in known) / (UNIT * root)
    return _Row(RULES_WEIGHT * text.rules + NGRAMS_WEIGHT * at_first, learned, root, text.label)


def _count(texts: Sequence[tuple[Iterable[str], float]]) -> _Counts:
    """Return how often n-grams are on either side, of texts whose belief is 1 on the one and 0 on the other."""
    praise: dict[str, float] = {}
    complaints: dict[str, float] = {}
    for ngrams, belief in texts:
        for ngram in ngrams:
            praise[ngram] = praise.get(ngram, 0.0) + belief
            complaints[ngram] = complaints.get(ngram, 0.0) + 1 - belief
    total = sum(belief for _, belief in texts)
    bias = log((total + 2 * SMOOTHING) / (len(texts) - total + 2 * SMOOTHING))
    return _Counts(praise, complaints, bias)


def _merged(counts: _Counts, base: SentimentModel) -> dict[str, int]:
    """Return the weights of the base with what was learned, the strongest if they are too many."""
    weights = dict(base.weights)
    for ngram in counts.praise:
        weights[ngram] = weights.get(ngram, 0) + round(UNIT * counts.weight(ngram))
    return _strongest(weights)


def _strongest(weights: dict[str, int]) -> dict[str, int]:
    strongest = sorted(weights, key=lambda ngram: (-abs(weights[ngram]), ngram))[:MOST_NGRAMS]
    return {ngram: weights[ngram] for ngram in strongest}


def _neutral(rows: Sequence[_Row], scale: float, fewest: int) -> tuple[float, dict[str, int]]:
    """Return the strength below which texts are neutral, by default half a scale; and how outspoken n-grams are.

    Labels teach at first, and then all texts, by what is believed of those without a label.
    """
    labelled = [row for row in rows if row.label is not None]
    neutral = sum(row.label == 0 for row in labelled)
    if min(neutral, len(labelled) - neutral) < FEWEST_NEUTRAL:
        return _rounded(NEUTRAL_SHARE * scale), {}
    seen = Counter(ngram for row in labelled for ngram in row.ngrams)
    counts = _count([([one for one in row.ngrams if seen[one] >= fewest], float(row.label != 0)) for row in labelled])
    border = _border_of(labelled, counts, scale)
    for _ in range(NEUTRAL_ROUNDS):
        counts = _count([(row.ngrams, _outspoken(row, counts, scale, border)) for row in rows])
        border = _border_of(labelled, counts, scale)
    weights = {ngram: round(UNIT * counts.weight(ngram)) for ngram in counts.praise}
    return _rounded(border * scale), _strongest(weights)


def _border_of(labelled: Sequence[_Row], counts: _Counts, scale: float) -> float:
    """Return the strength, in scales, at which most labelled texts are right, each left out of what it is judged by."""
    strengths = [
        (_strength(row, counts, scale, float(row.label != 0)), row.margin * (row.label or 0) > 0) for row in labelled
    ]
    return max(_border(strengths, [row.label == 0 for row in labelled]), LEAST_BORDER)


def _outspoken(row: _Row, counts: _Counts, scale: float, border: float) -> float:
    """Return the belief that a text is not neutral: what its label says, else by how far it is from the border."""
    if row.label is not None:
        return float(row.label != 0)
    return _logistic(SURENESS * (_strength(row, counts, scale) - border))


def _strength(row: _Row, counts: _Counts, scale: float, without: float | None = None) -> float:
    """Return the strength of a text, in scales; without what it has taught itself, if that is given."""
    ngrams = [ngram for ngram in row.ngrams if ngram in counts.praise]
    outspoken = sum(counts.weight(ngram, without) for ngram in ngrams) / sqrt(len(ngrams) or 1)
    return abs(row.margin) / scale + OUTSPOKEN_WEIGHT * outspoken


def _rounded(scale: float) -> float:
    return max(round(scale, 3), LEAST_SCALE)


def _border(strengths: Sequence[tuple[float, bool]], neutral: Sequence[bool]) -> float:
    """Return the strength at which most texts are right: neutral ones below, those with the right sign from it on."""
    right = most = sum(signed for _, signed in strengths)
    border = 0.0
    for (strength, signed), is_neutral in sorted(zip(strengths, neutral, strict=True)):
        right += is_neutral - signed
        if right > most:
            most, border = right, strength
    return border
