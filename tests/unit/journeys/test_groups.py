"""What groups of customers add to a bucket: signed, kept in order, restored, and not counted twice by a replay."""

from __future__ import annotations

from collections import Counter

import msgspec

from schemas.metrics import CSAT, ORDERS
from schemas.rows import BucketRow
from schemas.steps import end_of
from schemas.units import DAY_MS
from streams.journeys.dimension_values import DimensionValues
from streams.journeys.effects import MetricDelta, difference
from streams.journeys.metrics import Bucket, Buckets
from streams.journeys.state import Attribution
from tests.oracle.groups import group_of
from tests.unit.journeys.play import T0

OWN = Attribution(T0, "web", {}, 1)
ADOPTED = Attribution(T0, "web", {}, "guest#3")
NAMES = sorted(("ann", "ben", "cid"), key=group_of)


def answer(n: int, good: int, attribution: Attribution = OWN) -> MetricDelta:
    return MetricDelta(CSAT, attribution, T0, None, n, good, good, ())


def buckets() -> Buckets:
    return Buckets(0, None, 3 * DAY_MS, DimensionValues(1))


def row_of(counted: Buckets) -> BucketRow:
    rows, _ = end_of(counted.flushing(0, Counter()))
    return rows[0]


def groups(row: BucketRow) -> dict[int, tuple[int, int]]:
    sums = zip(row.group_counts, row.group_sums, strict=True)
    return dict(zip(row.groups, sums, strict=True))


def test_each_group_has_its_own_sums_in_the_order_of_the_groups() -> None:
    counted = buckets()
    for offset, name in enumerate(reversed(NAMES)):
        counted.apply(answer(1, offset % 2), offset, name)
    counted.apply(answer(1, 1), 9, NAMES[1])

    row = row_of(counted)

    assert row.groups == [group_of(name) for name in NAMES]
    assert (row.group_counts, row.group_sums) == ([1, 2, 1], [0, 2, 0])
    assert (row.n, row.numerator) == (4, 2)


def test_what_is_taken_back_leaves_no_group_and_what_was_elsewhere_one_below_zero() -> None:
    counted = buckets()
    counted.apply(answer(1, 1), 1, NAMES[0])
    counted.apply(answer(1, 1).negated(), 2, NAMES[0])
    counted.apply(answer(0, 0), 3, NAMES[1])
    counted.apply(answer(1, 1).negated(), 4, NAMES[2])

    assert groups(row_of(counted)) == {group_of(NAMES[2]): (-1, -1)}


def test_what_came_of_a_guest_is_counted_under_the_guest() -> None:
    counted = buckets()
    counted.apply(answer(1, 0), 1, "guest")
    counted.apply(answer(0, 1, ADOPTED), 2, NAMES[0])

    assert groups(row_of(counted)) == {group_of("guest"): (1, 1)}
    # So what is a guest's and what is a customer's own are no equal changes.
    changes = difference([answer(0, 1, ADOPTED)], [answer(0, 1)])
    assert sorted((delta.attribution.profile or "", delta.numerator) for delta in changes) == [("", 1), ("guest", -1)]


def test_a_metric_without_an_interval_has_no_groups() -> None:
    counted = buckets()
    counted.apply(MetricDelta(ORDERS, OWN, T0, None, 1, 1, 0, ()), 1, "ann")

    assert groups(row_of(counted)) == {}


def test_a_restored_bucket_counts_a_replay_once() -> None:
    counted = buckets()
    counted.apply(answer(1, 1), 5, "ann")
    _, entries = end_of(counted.flushing(0, Counter()))

    restored = buckets()
    for key, value in entries:
        assert value is not None
        restored.restore(key, value)
    restored.apply(answer(1, 1), 5, "ann")
    restored.apply(answer(1, 0), 6, "ann")

    assert groups(row_of(restored)) == {group_of("ann"): (2, 1)}


def test_an_entry_from_before_there_were_groups_is_read() -> None:
    entry = msgspec.msgpack.encode(msgspec.structs.astuple(Bucket(offset=3, n=1))[:-1])

    assert msgspec.msgpack.decode(entry, type=Bucket).groups is None
