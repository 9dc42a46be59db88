"""What people's labels of texts mean: the words and numbers in which data sets say negative, neutral and positive."""

from __future__ import annotations

from collections.abc import Iterable

from streams.sentiment.errors import SentimentError

_WORDS = {
    "negative": -1, "neg": -1, "bad": -1, "complaint": -1, "unhappy": -1,
    "neutral": 0, "neu": 0, "none": 0, "mixed": 0, "objective": 0,
    "positive": 1, "pos": 1, "good": 1, "praise": 1, "happy": 1,
}  # fmt: skip
_SHADES = ("extremely ", "very ", "strongly ", "slightly ", "somewhat ", "mostly ")
# Each with its middle. The first that has all the values is taken: the smaller come first.
_SCALES: tuple[tuple[frozenset[float], float], ...] = (
    (frozenset({0, 1}), 0.5),
    (frozenset({0, 4}), 2),
    (frozenset({-1, 0, 1}), 0),
    (frozenset({0, 1, 2}), 1),
    (frozenset({0, 2, 4}), 2),
    (frozenset({1, 2, 3}), 2),
    (frozenset({-2, -1, 0, 1, 2}), 0),
    (frozenset({0, 1, 2, 3, 4}), 2),
    (frozenset({1, 2, 3, 4, 5}), 3),
)


def meanings(values: Iterable[str]) -> dict[str, int]:
    """Return what each label of a data set means: -1 negative, 0 neutral, 1 positive.

    Words are read in any case ("Negative", "very positive"). Numbers are of a scale: -1 to 1, -2 to 2, 0 and 1, 0 to 2,
    0, 2 and 4, 0 to 4, 1 to 3 or 1 to 5; the smallest scale that has them all is taken.

    Raises:
        SentimentError: a label is neither.
    """
    labels = sorted(set(values))
    if (numbers := _numbers(labels)) is not None:
        for scale, middle in _SCALES:
            if scale.issuperset(numbers):
                sides = [(number > middle) - (number < middle) for number in numbers]
                return dict(zip(labels, sides, strict=True))
    meant = {label: _WORDS.get(_plain(label)) for label in labels}
    if unknown := [label for label, meaning in meant.items() if meaning is None]:
        raise SentimentError(
            f"label {unknown[0][:40]!r} is not known: labels are negative, neutral and positive, or numbers, "
            "-1 to 1, 0 to 2, 0 to 4, 1 to 3 or 1 to 5"
        )
    return {label: meaning for label, meaning in meant.items() if meaning is not None}


def _plain(label: str) -> str:
    label = label.strip().lower().replace("_", " ").replace("-", " ")
    for shade in _SHADES:
        label = label.removeprefix(shade)
    return label


def _numbers(labels: list[str]) -> list[float] | None:
    try:
        return [float(label) for label in labels]
    except ValueError:
        return None
