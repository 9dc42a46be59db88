"""The durations of a bucket: exact as long as a row takes them all, and near enough where it does not."""

from __future__ import annotations

from collections import Counter

import pytest

from schemas.metrics import SPEED_OF_ANSWER
from schemas.rows import BucketRow, encode_rows
from schemas.steps import end_of
from schemas.units import DAY_MS
from streams.journeys.dimension_values import DimensionValues
from streams.journeys.effects import MetricDelta
from streams.journeys.metrics import Buckets
from streams.journeys.state import Attribution
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, call
from tests.unit.journeys.two_partitions import GUEST, Two, owners

KIB = 1 << 10
WHO = "c1"
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
    rows, entries = end_of(counted.flushing(0, trimmed))  # type: ignore[arg-type]  # a counter of names, whatever they are
    return rows[0], max(len(key) + len(value or b"") for key, value in entries), trimmed


def quantile(samples: list[int], share: float) -> int:
    return samples[round(share * (len(samples) - 1))]


def test_two_thousand_are_kept_as_they_are() -> None:
    counted = buckets()
    for wait in range(2_000, 0, -1):
        counted.apply(waited(wait * 7), 1, WHO)

    row, _, trimmed = flushed(counted)

    assert row.samples == [wait * 7 for wait in range(1, 2_001)]
    assert not trimmed


def test_a_flood_of_different_durations_leaves_a_small_row_with_the_same_quantiles() -> None:
    """A million calls of one minute, none of which waited as long as another: up to 30 days."""
    counted = buckets()
    for wait in range(200_000):
        counted.apply(waited(wait * 12_960, times=5), 1, WHO)

    row, entry, trimmed = flushed(counted)

    assert row.n == 1_000_000
    assert len(encode_rows([row])) < 64 * KIB
    assert entry < 16 * KIB
    assert trimmed["samples"] > 0
    assert len(row.samples) == 8_192
    for share in (0.5, 0.9, 0.99):
        assert quantile(row.samples, share) == pytest.approx(share * 200_000 * 12_960, rel=0.017)


def test_what_leaves_a_flood_is_found_again() -> None:
    counted = buckets()
    for wait in range(40_000):
        counted.apply(waited(wait * 1_000), 1, WHO)
    for wait in range(1, 40_000):
        counted.apply(waited(wait * 1_000, times=-1), 1, WHO)

    row, _, _ = flushed(counted)

    assert (row.n, row.samples) == (1, [0])


def test_what_another_partition_has_counted_is_taken_away_by_the_row_and_not_after_it_came_back() -> None:
    counted = buckets()
    counted.apply(waited(60_000, times=-2), 1, WHO)
    counted.apply(waited(20_000), 2, WHO)
    less, _, _ = flushed(counted)
    counted.apply(waited(60_000, times=2), 3, WHO)
    more, _, _ = flushed(counted)

    assert (less.n, less.samples, less.samples_less) == (-1, [20_000], [60_000, 60_000])
    assert (more.n, more.samples, more.samples_less) == (1, [20_000], [])


def test_a_hold_that_ends_after_its_call_has_moved_takes_the_place_of_the_one_before() -> None:
    """A guest waits a minute, and is put on hold 10 minutes before what they do is the customer's, for 20."""
    moved, key = -3 * DAY, {"customer_key": GUEST}
    two = Two().send(
        call(moved - 30 * MINUTE, "queued", event_id="queued", **key),
        call(moved - 29 * MINUTE, "answered", event_id="answered", **key),
        call(moved - 10 * MINUTE, "held", event_id="held", **key),
        call(moved + 10 * MINUTE, "resumed", event_id="resumed", **key),
    )
    two.at(-MINUTE).send(owners(7, (0, "ann"))).at(HOUR)

    rows = [row for row in two.tables.rows["metric_buckets"].values() if row["metric"] == "hold_time"]
    counted = {
        row["partition"]: (row["n"], row["numerator"], row["samples"], row["samples_less"])
        for row in rows
        if row["dimension"] == "all"
    }

    assert counted == {0: (1, 0, [0], []), 1: (0, 20 * MINUTE, [20 * MINUTE], [0])}


def test_one_duration_a_million_times_takes_no_more_room() -> None:
    counted = buckets()
    counted.apply(waited(0, times=999_000), 1, WHO)
    counted.apply(waited(60_000, times=1_000), 1, WHO)

    row, _, _ = flushed(counted)

    assert len(row.samples) == 8_192
    assert row.samples.count(60_000) == 8
