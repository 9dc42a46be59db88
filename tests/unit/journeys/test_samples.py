"""The durations of a bucket: exact as long as a row takes them all, and near enough where it does not."""

from __future__ import annotations

from collections import Counter

import pytest

from schemas.metrics import SPEED_OF_ANSWER
from schemas.rows import BucketRow, encode_rows
from schemas.units import DAY_MS
from streams.journeys.dimension_values import DimensionValues
from streams.journeys.effects import MetricDelta
from streams.journeys.metrics import Buckets
from streams.journeys.state import Attribution
from tests.unit.journeys.play import T0

KIB = 1 << 10
QUEUED = Attribution(T0, "phone", {}, 1)


def waited(duration: int, times: int = 1) -> MetricDelta:
    return MetricDelta(
        SPEED_OF_ANSWER, QUEUED, T0, None, n=times, numerator=duration, squares=0, samples=((duration, times),)
    )


def buckets() -> Buckets:
    return Buckets(0, None, 3 * DAY_MS, DimensionValues(1))


def flushed(counted: Buckets) -> tuple[BucketRow, int, Counter[str]]:
    """Return the row of all channels, the bytes of the largest entry, and what was trimmed."""
    trimmed: Counter[str] = Counter()
    rows, entries = counted.flush(0, trimmed)  # type: ignore[arg-type]  # a counter of names, whatever they are
    return rows[0], max(len(key) + len(value or b"") for key, value in entries), trimmed


def quantile(samples: list[int], share: float) -> int:
    return samples[round(share * (len(samples) - 1))]


def test_some_thousands_are_kept_as_they_are() -> None:
    counted = buckets()
    for wait in range(16_000, 0, -1):
        counted.apply(waited(wait * 7), 1)

    row, _, trimmed = flushed(counted)

    assert row.samples == [wait * 7 for wait in range(1, 16_001)]
    assert not trimmed


def test_a_flood_of_different_durations_leaves_a_small_row_with_the_same_quantiles() -> None:
    """A million calls of one minute, none of which waited as long as another: up to 30 days."""
    counted = buckets()
    for wait in range(200_000):
        counted.apply(waited(wait * 12_960, times=5), 1)

    row, entry, trimmed = flushed(counted)

    assert row.n == 1_000_000
    assert len(encode_rows([row])) < 512 * KIB
    assert entry < 512 * KIB
    assert trimmed["samples"] > 0
    assert len(row.samples) == 50_000
    for share in (0.5, 0.9, 0.99):
        assert quantile(row.samples, share) == pytest.approx(share * 200_000 * 12_960, rel=0.003)


def test_what_leaves_a_flood_is_found_again() -> None:
    counted = buckets()
    for wait in range(40_000):
        counted.apply(waited(wait * 1_000), 1)
    for wait in range(1, 40_000):
        counted.apply(waited(wait * 1_000, times=-1), 1)

    row, _, _ = flushed(counted)

    assert (row.n, row.samples) == (1, [0])


def test_one_duration_a_million_times_takes_no_more_room() -> None:
    counted = buckets()
    counted.apply(waited(0, times=999_000), 1)
    counted.apply(waited(60_000, times=1_000), 1)

    row, _, _ = flushed(counted)

    assert len(row.samples) == 50_000
    assert row.samples.count(60_000) == 50
