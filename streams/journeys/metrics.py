"""Metric buckets: the absolute sums of one minute of one metric, for each dimension, on one log partition.

A bucket carries the offset last applied to it, so that a record that is replayed after a crash, when the bucket was
already written, changes nothing. Coarser grains are sums over minutes, which the reader takes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Generator
from heapq import heappop, heappush
from zlib import crc32

import msgspec

from schemas.limits import LARGEST_SUM, Trimmed, held
from schemas.metrics import CUSTOMER_GROUPS, METRICS_BY_NAME
from schemas.rows import BucketRow, CurrencyRow
from schemas.steps import parts_of
from schemas.units import MINUTE_MS
from schemas.versions import row_version
from streams.journeys.dimension_values import OTHER, DimensionValues, day_of
from streams.journeys.effects import MetricDelta, Sample
from streams.journeys.formats import FORMAT, check_format
from streams.journeys.output import Entry

BucketKey = tuple[str, int, str, str, str]
"""Metric, start of the minute (ms), dimension, dimension value, and of a sum of money its currency, else ""."""

RESERVED = frozenset({"all", "channel", "currency"})
"""Dimensions of our own: an attribute of such a name is not kept."""

SAMPLES_MAX = 2_048
"""Different durations that a bucket tells apart: of more, it keeps the first seven binary digits, of which there are as
few of all durations up to 4 years. A bucket is written whole whenever it has changed, by this in a millisecond, and a
call may change 36 of them. Nobody answers 2,000 calls in a minute."""
ROUNDED_BITS = 7
LEAST_SUM = -LARGEST_SUM
ROW_SAMPLES_MAX = 8_192
"""Durations in a bucket's row: of more, every so many-th."""

GROUPED_KINDS = frozenset({"nps", "share", "mean"})
"""The kinds of metrics that have an interval."""

_keys = msgspec.msgpack.Decoder(BucketKey)
_encode = msgspec.msgpack.Encoder().encode


class Bucket(msgspec.Struct, array_like=True, gc=False):
    """A bucket's sums, as in `schemas.rows.BucketRow`, and the offset last applied.

    Attributes:
        samples: how many times each duration (ms) was observed; below 0 where it was on another partition, and what
            has gone on here since takes it back.
        is_coarse: whether the durations are rounded, as too many were told apart.
        groups: where the metric has an interval each group of customers, its observations, and their numerator, one
            group after the other. A list is less memory than a dictionary, and most have one group.
    """

    format: int = FORMAT
    offset: int = -1
    n: int = 0
    numerator: int = 0
    squares: int = 0
    samples: dict[int, int] = msgspec.field(default_factory=dict)
    is_coarse: bool = False
    groups: list[int] | None = None


_buckets = msgspec.msgpack.Decoder(Bucket)


def _sample(bucket: Bucket, changes: tuple[Sample, ...]) -> None:
    """Change a bucket's samples; of very many, durations that lie near each other become one."""
    samples = bucket.samples
    for value, count in changes:
        duration = _rounded(value) if bucket.is_coarse else value
        total = samples.get(duration, 0) + count
        if total:
            samples[duration] = total
        else:
            samples.pop(duration, None)
    if len(samples) > SAMPLES_MAX:
        bucket.is_coarse = True
        bucket.samples = {}
        for value, count in samples.items():
            bucket.samples[_rounded(value)] = bucket.samples.get(_rounded(value), 0) + count


def _rounded(duration: int) -> int:
    """Return a duration to its first seven binary digits: so what left is found again by what it was rounded to."""
    digits = max(0, duration.bit_length() - ROUNDED_BITS)
    return duration >> digits << digits


def _row_samples(samples: dict[int, int]) -> tuple[list[int], list[int]]:
    """Return what a row holds: samples that were observed, and those to be taken out of other partitions'."""
    less = {value: -count for value, count in samples.items() if count < 0}
    if less:
        samples = {value: count for value, count in samples.items() if count > 0}
    return _spread(samples), _spread(less)


def _spread(samples: dict[int, int]) -> list[int]:
    """Return samples in ascending order, each as often as it was observed; of very many, as many as a row takes.

    These lie at even distances in the order of all, so that every quantile stays where it is.
    """
    total = sum(samples.values())
    if total <= ROW_SAMPLES_MAX:
        return [value for value in sorted(samples) for _ in range(samples[value])]
    spread: list[int] = []
    passed = 0
    for value in sorted(samples):
        passed += samples[value]
        spread.extend([value] * ((passed * ROW_SAMPLES_MAX + total // 2) // total - len(spread)))
    return spread


def _group_of(delta: MetricDelta, customer_id: str) -> int | None:
    """Return the group that a delta is counted under, from 0 to 255; None where the metric has no interval.

    What came of another profile is counted under that one's.
    """
    if delta.metric.kind not in GROUPED_KINDS:
        return None
    return crc32((delta.attribution.profile or customer_id).encode()) % CUSTOMER_GROUPS


def _add_to_group(groups: list[int], group: int, delta: MetricDelta) -> None:
    """Add a delta to what its group has; a group that has nothing is left out."""
    place = 3 * bisect_left(groups[::3], group)
    known = groups[place : place + 3]
    is_known = known[:1] == [group]
    n, numerator = known[1:] if is_known else (0, 0)
    n, numerator = n + delta.n, numerator + delta.numerator
    if is_known:
        groups[place : place + 3] = (group, n, numerator) if n or numerator else ()
    elif n or numerator:
        groups[place:place] = (group, n, numerator)


class Buckets:
    """The buckets of one log partition that can still be restated.

    Attributes:
        final_until: buckets that can be restated until this time (ms) at the latest are forgotten, and never come back,
            also where the allowed lateness is longer now than it was then.
    """

    def __init__(
        self, partition: int, dimensions: frozenset[str] | None, allowed_lateness_ms: int, values: DimensionValues
    ) -> None:
        self._partition = partition
        self._dimensions = dimensions
        self._allowed_lateness_ms = allowed_lateness_ms
        self._values = values
        self._buckets: dict[BucketKey, Bucket] = {}
        self._guards: dict[BucketKey, int] = {}
        self._expiry: dict[int, list[BucketKey]] = {}
        self._expiries: list[int] = []
        self._dirty: dict[BucketKey, None] = {}
        self._currencies: set[str] = set()
        self._new_currencies: list[str] = []
        self.final_until = 0

    def __len__(self) -> int:
        return len(self._buckets)

    def restore(self, key: bytes, value: bytes) -> None:
        """Take a bucket from the changelog; of two for one key that of the higher offset holds, and becomes the last.

        Raises:
            StateFormatError: another release has written it.
        """
        bucket_key = _keys.decode(key)
        bucket = _buckets.decode(value)
        check_format(bucket.format, "a metric bucket")
        known = self._buckets.get(bucket_key)
        if known is None:
            self._expire(bucket_key)
        elif known.offset >= bucket.offset:
            if known.offset > bucket.offset:
                self._dirty[bucket_key] = None
            return
        self._dirty.pop(bucket_key, None)
        self._buckets[bucket_key] = bucket
        self._guards[bucket_key] = bucket.offset

    def apply(self, delta: MetricDelta, offset: int, customer_id: str) -> bool:
        """Add a delta at a log offset; return False where its cause is too late to restate its bucket.

        Args:
            customer_id: whose delta it is.
        """
        attribution, metric = delta.attribution, delta.metric
        minute = attribution.at - attribution.at % MINUTE_MS
        restated_until = minute + MINUTE_MS + metric.restated_ms
        if delta.caused_at >= restated_until or restated_until <= self.final_until:
            return False
        name, currency, group = metric.name, "", _group_of(delta, customer_id)
        if delta.currency is not None:
            if metric.kind == "sum":
                currency = delta.currency
                self._note_currency(currency)
            self._add((name, minute, "currency", delta.currency, currency), delta, offset, group)
        self._add((name, minute, "all", "", currency), delta, offset, group)
        value_of, day = self._values.value_of, day_of(metric, minute, delta.caused_at)
        channel = value_of(day, "channel", attribution.channel, offset)
        self._add((name, minute, "channel", channel or OTHER, currency), delta, offset, group)
        for dimension, stated in attribution.attributes.items():
            # An attribute may not pass itself off as one of our own dimensions.
            if self._keeps(dimension) and dimension not in RESERVED:
                value = value_of(day, dimension, stated, offset)
                if value is not None:
                    self._add((name, minute, dimension, value, currency), delta, offset, group)
        return True

    def flushing(
        self, epoch: int, trimmed: Counter[Trimmed]
    ) -> Generator[None, None, tuple[list[BucketRow], list[Entry]]]:
        """Return the rows and the changelog entries of what has changed; others may have their turn at each yield.

        Args:
            trimmed: where it is counted what did not fit.
        """
        rows: list[BucketRow] = []
        writes: list[Entry] = []
        buckets = self._buckets
        # One look-up a bucket: a key of five parts is hashed each time.
        for key in self._dirty:
            bucket = buckets[key]
            if not LEAST_SUM <= bucket.numerator <= LARGEST_SUM or bucket.squares > LARGEST_SUM:
                bucket.numerator, bucket.squares = held(bucket.numerator), held(bucket.squares)
                trimmed["sums"] += 1
            if bucket.is_coarse:
                trimmed["samples"] += 1
            rows.append(self._row(key, bucket, epoch))
            writes.append((_encode(key), _encode(bucket)))
            yield  # behind each: one may have many samples
        self._dirty.clear()
        return rows, writes

    def flush_currencies(self, version: int) -> list[CurrencyRow]:
        """Return the currencies that were not known before; after a restart they are all said once more."""
        rows = [CurrencyRow(currency, version) for currency in self._new_currencies]
        self._new_currencies = []
        return rows

    def _note_currency(self, currency: str) -> None:
        if currency not in self._currencies:
            self._currencies.add(currency)
            self._new_currencies.append(currency)

    def forgetting(self, settled: int) -> Generator[None, None, list[Entry]]:
        """Drop the buckets that are final at the settled time (ms); return the entries that say so, as `flushing`.

        These are written after the customers: a replay finds either the bucket, or customers that have nothing to add.
        """
        writes: list[Entry] = []
        self.final_until = max(self.final_until, settled - self._allowed_lateness_ms)
        while self._expiries and self._expiries[0] <= settled:
            for keys in parts_of(self._expiry.pop(heappop(self._expiries))):
                for key in keys:
                    del self._buckets[key]
                    self._guards.pop(key, None)
                    writes.append((_encode(key), None))
                yield
        return writes

    def _keeps(self, dimension: str) -> bool:
        return self._dimensions is None or dimension in self._dimensions

    def _expire(self, key: BucketKey) -> None:
        """Note when a new bucket is forgotten: one list a minute takes less memory than an entry each."""
        at = self._final_at(key)
        keys = self._expiry.get(at)
        if keys is None:
            keys = self._expiry[at] = []
            heappush(self._expiries, at)
        keys.append(key)

    def _final_at(self, key: BucketKey) -> int:
        metric = METRICS_BY_NAME.get(key[0])
        restated_ms = 0 if metric is None else metric.restated_ms
        return key[1] + MINUTE_MS + self._allowed_lateness_ms + restated_ms

    def _add(self, key: BucketKey, delta: MetricDelta, offset: int, group: int | None) -> None:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket()
            self._expire(key)
        elif self._guards and offset <= self._guards.get(key, -1):
            return
        bucket.offset = offset
        bucket.n += delta.n
        bucket.numerator += delta.numerator
        bucket.squares += delta.squares
        if delta.samples:
            _sample(bucket, delta.samples)
        if group is not None:
            if bucket.groups is None:
                bucket.groups = []
            _add_to_group(bucket.groups, group, delta)
        self._dirty[key] = None

    def _row(self, key: BucketKey, bucket: Bucket, epoch: int) -> BucketRow:
        metric, minute, dimension, dimension_value, currency = key
        samples, samples_less = _row_samples(bucket.samples) if bucket.samples else ([], [])
        groups = bucket.groups or []
        # Positional: a sparse history has more than one such row for every touchpoint.
        return BucketRow(
            metric,
            minute,
            dimension,
            dimension_value,
            currency,
            self._partition,
            bucket.n,
            bucket.numerator,
            bucket.squares,
            samples,
            samples_less,
            groups[::3],
            groups[1::3],
            groups[2::3],
            row_version(epoch, bucket.offset),
        )
