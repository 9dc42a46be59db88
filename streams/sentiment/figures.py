"""How scores agree with people's labels: the figures that a scorer is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

NEUTRAL_SCORE = 500
"""Scores nearer to 0 are neutral, as VADER's authors have it."""


class Figures(NamedTuple):
    """How scores agree with labels, as shares.

    Attributes:
        texts: labelled texts.
        sign: of those labelled negative or positive, the share whose score has that sign; 0 or no score is wrong.
        both: the mean of this share over negative and over positive texts.
        macro_f1, accuracy: of three classes; no score is neutral. F1 is the mean of the classes' own.
        abstained: the share without a score.
        speaks: of those labelled negative or positive, the share with a score other than 0.
        sign_spoken: of these, the share whose score has the label's sign.
    """

    texts: int
    sign: float
    both: float
    macro_f1: float
    accuracy: float
    abstained: float
    speaks: float
    sign_spoken: float


def figures_of(scores: Sequence[int | None], labels: Sequence[int]) -> Figures:
    """Return how scores agree with labels: -1 negative, 0 neutral, 1 positive."""
    pairs = list(zip(scores, labels, strict=True))
    sides = [[(score or 0) * label > 0 for score, label in pairs if label == side] for side in (-1, 1)]
    polar = [right for side in sides for right in side]
    classes = [(_class(score), label) for score, label in pairs]
    return Figures(
        texts=len(pairs),
        sign=_share(polar),
        both=sum(map(_share, sides)) / 2,
        macro_f1=sum(_f1(classes, each) for each in (-1, 0, 1)) / 3,
        accuracy=_share([found == label for found, label in classes]),
        abstained=_share([score is None for score in scores]),
        speaks=_share([bool(score) for score, label in pairs if label]),
        sign_spoken=_share([score * label > 0 for score, label in pairs if label and score]),
    )


def _class(score: int | None) -> int:
    if score is None or abs(score) < NEUTRAL_SCORE:
        return 0
    return 1 if score > 0 else -1


def _f1(classes: Sequence[tuple[int, int]], each: int) -> float:
    right = sum(found == label == each for found, label in classes)
    named = sum((found == each) + (label == each) for found, label in classes)
    return 2 * right / named if named else 0.0


def _share(right: Sequence[bool]) -> float:
    return sum(right) / len(right) if right else 0.0
