"""The learned model of sentiment, and its file: a weight for each n-gram, added to what the rules say.

The file is text with a line for each n-gram, so that a person can read what was learned.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.resources import files
from itertools import takewhile
from math import sqrt

from schemas.checksummed import version_of, with_checksum, without_checksum
from streams.sentiment.errors import SentimentError

FORMAT = "touchline-sentiment 1"
UNIT = 1000
"""A weight is a natural logarithm in thousandths: sums of whole numbers do not depend on their order."""
RULES_WEIGHT = 6.0
"""What the rules' polarity of 1 adds to a margin: the odds that a text with it is praise are about 400 to 1."""
NGRAMS_WEIGHT = 2.0
OUTSPOKEN_WEIGHT = 0.5
"""In scales: what n-grams that neutral texts lack add to a text's strength."""
OUTSPOKEN = "outspoken"
"""Ends the lines of these weights in a file."""
MOST_NGRAMS = 40_000
LONGEST_NGRAM = 64
LEAST_SCALE, GREATEST_SCALE = 0.001, 1e6
_GREATEST_WEIGHT = 100 * UNIT
NEUTRAL = 0.05
"""Polarities below this are neutral, as VADER's authors have it."""
LEAST = 0.0001
"""The least polarity that a text keeps whose margin has a sign."""


class SentimentModel:
    """Says how a text feels, by its n-grams and by what the rules say of it.

    Attributes:
        weights: of each n-gram, the logarithm of how much more often it is in praise than in complaints.
        outspoken: of n-grams that labels told of, how much more often they are in either than in neutral texts.
        scale: the margin of a text as strong as most are.
        border: the strength below which a text is neutral.
        learned_from: lines about what it was made of, for people.
    """

    def __init__(
        self,
        weights: Mapping[str, int],
        scale: float,
        border: float,
        outspoken: Mapping[str, int] | None = None,
        learned_from: tuple[str, ...] = (),
    ) -> None:
        self.weights = weights
        self.outspoken = outspoken or {}
        self.scale = scale
        self.border = border
        self.learned_from = learned_from
        self._known = frozenset(weights)
        self._telling = frozenset(self.outspoken)
        self._name = f"learned-{version_of(self._body())}"

    @property
    def name(self) -> str:
        """The name, with a version that says what the file holds."""
        return self._name

    def margin(self, rules: float, ngrams: Collection[str]) -> float:
        """Return how far a text is from the border of complaint (below 0) and praise, as the logarithm of odds.

        Args:
            rules: its polarity by the rules, in [-1, 1].
            ngrams: its n-grams; of equal ones one counts.
        """
        # Neighbouring n-grams say much the same: by their root, long texts are not surer than they should be.
        known = self._known.intersection(ngrams)
        return RULES_WEIGHT * rules + NGRAMS_WEIGHT * mean_of(self.weights, known)

    def polarity(self, rules: float, ngrams: Collection[str]) -> float:
        """Return the polarity of a text, in (-1, 1): of its margin's sign, and below `NEUTRAL` where it is neutral.

        Args:
            rules, ngrams: as of `margin`.
        """
        margin = self.margin(rules, ngrams)
        if margin == 0:
            return 0.0
        strength = abs(margin)
        if self.outspoken:
            telling = self._telling.intersection(ngrams)
            strength += OUTSPOKEN_WEIGHT * self.scale * mean_of(self.outspoken, telling)
        return self._loudness(strength) if margin > 0 else -self._loudness(strength)

    def _loudness(self, strength: float) -> float:
        if strength < self.border:
            return max(NEUTRAL * strength / self.border, LEAST)
        beyond = (strength - self.border) / self.scale
        return NEUTRAL + (1 - NEUTRAL) * beyond / sqrt(beyond * beyond + 1)

    def text(self) -> str:
        """Return the model as its file holds it."""
        return with_checksum(self._body())

    def _body(self) -> str:
        head = [FORMAT, *(f"# {line}" for line in self.learned_from)]
        head.append(f"scale\t{self.scale:.3f}\t{self.border:.3f}")
        lines = [f"{ngram}\t{self.weights[ngram]}" for ngram in sorted(self.weights)]
        lines += [f"{ngram}\t{self.outspoken[ngram]}\t{OUTSPOKEN}" for ngram in sorted(self.outspoken)]
        return "".join(f"{line}\n" for line in (*head, *lines))


def mean_of(weights: Mapping[str, int], ngrams: Collection[str]) -> float:
    """Return the sum of n-grams' weights, as logarithms, by the root of their number; 0 of none."""
    return sum(map(weights.__getitem__, ngrams)) / (UNIT * sqrt(len(ngrams))) if ngrams else 0.0


def shipped_model() -> SentimentModel:
    """Return the base model that ships: NOTICE names what it has learned from."""
    return read_model(files("streams.sentiment").joinpath("base.sentiment").read_text("utf-8"))


def read_model(text: str) -> SentimentModel:
    """Return the model in a file's text.

    Raises:
        SentimentError: it is no such file, of another format, or not as it was written; a line that does not hold is
            named by its number.
    """
    if not text.startswith(f"{FORMAT}\n"):
        raise SentimentError(f"it is no model of sentiment of this version: its first line is not {FORMAT!r}")
    body, is_whole = without_checksum(text)
    if not is_whole:
        raise SentimentError(
            "it is not as it was written: its checksum does not hold; make it by `touchline train-sentiment`"
        )
    lines = body.split("\n")
    # Not all lines that begin so: "#" can begin an n-gram.
    about = [line.removeprefix("# ") for line in takewhile(lambda line: line.startswith("# "), lines[1:])]
    at = 1 + len(about)
    scale, border = _scale(lines, at)
    weights, outspoken = _weights(lines, at + 1)
    return SentimentModel(weights, scale, border, outspoken, tuple(about))


def _scale(lines: list[str], at: int) -> tuple[float, float]:
    name, *numbers = lines[at].split("\t")
    try:
        scale, border = map(float, numbers)
    except ValueError:
        scale = border = 0.0
    if name != "scale" or not all(LEAST_SCALE <= one <= GREATEST_SCALE for one in (scale, border)):
        raise SentimentError(
            f"line {at + 1}: must be 'scale' and two numbers from {LEAST_SCALE} to {GREATEST_SCALE:,.0f}, tab-separated"
        )
    return scale, border


def _weights(lines: list[str], first: int) -> tuple[dict[str, int], dict[str, int]]:
    if len(lines) - 1 - first > 2 * MOST_NGRAMS:
        raise SentimentError(f"it has more than {2 * MOST_NGRAMS:,} lines: make a smaller one")
    weights: dict[str, int] = {}
    outspoken: dict[str, int] = {}
    for number, line in enumerate(lines[first:-1], first + 1):
        ngram, *rest = line.split("\t")
        found = outspoken if rest[1:] == [OUTSPOKEN] else weights
        try:
            (found[ngram],) = map(int, rest[:1] if found is outspoken else rest)
        except ValueError:
            raise SentimentError(f"line {number}: must be an n-gram and a whole number, tab-separated") from None
        if not ngram or abs(found[ngram]) > _GREATEST_WEIGHT:
            raise SentimentError(f"line {number}: the n-gram is empty, or its weight beyond {_GREATEST_WEIGHT:,}")
    return weights, outspoken
