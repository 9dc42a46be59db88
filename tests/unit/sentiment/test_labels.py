"""The labels of public data sets, and what they mean."""

from __future__ import annotations

import pytest

from streams.sentiment import SentimentError, meanings


@pytest.mark.parametrize(
    ("labels", "sides"),
    [
        (["negative", "neutral", "positive"], [-1, 0, 1]),
        (["Negative", "NEUTRAL", " pos "], [-1, 0, 1]),
        (["Extremely Negative", "very positive", "slightly_negative"], [-1, 1, -1]),
        (["-1", "0", "1"], [-1, 0, 1]),
        (["-1", "1"], [-1, 1]),
        (["0", "2", "4"], [-1, 0, 1]),
        (["0", "4"], [-1, 1]),
        (["0", "1"], [-1, 1]),
        (["0", "1", "2"], [-1, 0, 1]),
        (["1", "2", "3", "4", "5"], [-1, -1, 0, 1, 1]),
        (["1.0", "5.0", "3.0"], [-1, 1, 0]),
        (["0", "1", "2", "3", "4"], [-1, -1, 0, 1, 1]),
        (["-2", "-1", "0", "1", "2"], [-1, -1, 0, 1, 1]),
        ([], []),
    ],
)
def test_words_and_scales_mean_sides(labels: list[str], sides: list[int]) -> None:
    assert meanings(labels) == dict(zip(labels, sides, strict=True))


@pytest.mark.parametrize("labels", [["negative", "banana"], ["0", "17"], [""], ["nan"]])
def test_what_is_no_label_is_named(labels: list[str]) -> None:
    with pytest.raises(SentimentError, match="is not known: labels are negative, neutral and positive"):
        meanings(labels)
