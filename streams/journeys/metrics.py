"""Metric buckets: the absolute sums of one minute of one metric, for each dimension, on one log partition.

A bucket carries the offset last applied to it, so that a record that is replayed after a crash, when the bucket was
already written, changes nothing. Coarser grains are sums over minutes, which the reader takes.
"""

from __future__ import annotations

from heapq import heappop, heappush

import msgspec

from schemas.metrics import METRICS_BY_NAME
from schemas.rows import BucketRow, CurrencyRow
from schemas.units import MINUTE_MS
from schemas.versions import row_version
from streams.journeys.effects import MetricDelta
from streams.journeys.formats import FORMAT, check_format

BucketKey = tuple[str, int, str, str, str]
"""Metric, start of the minute (ms), dimension, dimension value, and of a sum of money its currency, else ""."""

RESERVED = frozenset({"all", "channel", "currency"})
"""Dimensions of our own: an attribute of such a name is not kept."""

_keys = msgspec.msgpack.Decoder(BucketKey)
_encode = msgspec.msgpack.Encoder().encode


class Bucket(msgspec.Struct, array_like=True, gc=False):
    """A bucket's sums, as in `schemas.rows.BucketRow`, and the offset last applied.

    Attributes:
        samples: how many times each duration (ms) was observed.
    """

    format: int = FORMAT
    offset: int = -1
    n: int = 0
    numerator: int = 0
    squares: int = 0
    samples: dict[int, int] = msgspec.field(default_factory=dict)


_buckets = msgspec.msgpack.Decoder(Bucket)


class Buckets:
    """The buckets of one log partition that can still be restated.

    Attributes:
        final_until: buckets that can be restated until this time (ms) at the latest are forgotten, and never come back,
            also where the allowed lateness is longer now than it was then.
    """

    def __init__(self, partition: int, dimensions: frozenset[str] | None, allowed_lateness_ms: int) -> None:
        self._partition = partition
        self._dimensions = dimensions
        self._allowed_lateness_ms = allowed_lateness_ms
        self._buckets: dict[BucketKey, Bucket] = {}
        self._guards: dict[BucketKey, int] = {}
        self._expiry: list[tuple[int, BucketKey]] = []
        self._dirty: dict[BucketKey, None] = {}
        self._currencies: set[str] = set()
        self._new_currencies: list[str] = []
        self.final_until = 0

    def __len__(self) -> int:
        return len(self._buckets)

    def restore(self, key: bytes, value: bytes) -> None:
        """Take a bucket from the changelog; of two for one key the higher offset is the true one.

        Raises:
            StateFormatError: another release has written it.
        """
        bucket_key = _keys.decode(key)
        bucket = _buckets.decode(value)
        check_format(bucket.format, "a metric bucket")
        known = self._buckets.get(bucket_key)
        if known is None:
            heappush(self._expiry, (self._final_at(bucket_key), bucket_key))
        elif known.offset >= bucket.offset:
            return
        self._buckets[bucket_key] = bucket
        self._guards[bucket_key] = bucket.offset

    def apply(self, delta: MetricDelta, offset: int) -> bool:
        """Add a delta at a log offset; return False where its cause is too late to restate its bucket."""
        attribution, metric = delta.attribution, delta.metric
        minute = attribution.at - attribution.at % MINUTE_MS
        restated_until = minute + MINUTE_MS + metric.restated_ms
        if delta.caused_at >= restated_until or restated_until <= self.final_until:
            return False
        name, currency = metric.name, ""
        if delta.currency is not None:
            if metric.kind == "sum":
                currency = delta.currency
                self._note_currency(currency)
            self._add((name, minute, "currency", delta.currency, currency), delta, offset)
        self._add((name, minute, "all", "", currency), delta, offset)
        self._add((name, minute, "channel", attribution.channel, currency), delta, offset)
        for dimension, value in attribution.attributes.items():
            # An attribute may not pass itself off as one of our own dimensions.
            if self._keeps(dimension) and dimension not in RESERVED:
                self._add((name, minute, dimension, value, currency), delta, offset)
        return True

    def flush(self, epoch: int) -> tuple[list[BucketRow], list[tuple[bytes, bytes | None]]]:
        """Return the rows and the changelog entries of what has changed."""
        rows = [self._row(key, epoch) for key in self._dirty]
        writes: list[tuple[bytes, bytes | None]] = [(_encode(key), _encode(self._buckets[key])) for key in self._dirty]
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

    def forget(self, partition_time: int) -> list[tuple[bytes, bytes | None]]:
        """Drop the buckets that are final at `partition_time` (ms); return the entries that say so.

        These are written after the customers: a replay finds either the bucket, or customers that have nothing to add.
        """
        writes: list[tuple[bytes, bytes | None]] = []
        self.final_until = max(self.final_until, partition_time - self._allowed_lateness_ms)
        while self._expiry and self._expiry[0][0] <= partition_time:
            _, key = heappop(self._expiry)
            del self._buckets[key]
            self._guards.pop(key, None)
            writes.append((_encode(key), None))
        return writes

    def _keeps(self, dimension: str) -> bool:
        return self._dimensions is None or dimension in self._dimensions

    def _final_at(self, key: BucketKey) -> int:
        metric = METRICS_BY_NAME.get(key[0])
        restated_ms = 0 if metric is None else metric.restated_ms
        return key[1] + MINUTE_MS + self._allowed_lateness_ms + restated_ms

    def _add(self, key: BucketKey, delta: MetricDelta, offset: int) -> None:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket()
            heappush(self._expiry, (self._final_at(key), key))
        elif self._guards and offset <= self._guards.get(key, -1):
            return
        bucket.offset = offset
        bucket.n += delta.n
        bucket.numerator += delta.numerator
        bucket.squares += delta.squares
        samples = bucket.samples
        for value, count in delta.samples:
            total = samples.get(value, 0) + count
            if total:
                samples[value] = total
            else:
                samples.pop(value, None)
        self._dirty[key] = None

    def _row(self, key: BucketKey, epoch: int) -> BucketRow:
        bucket = self._buckets[key]
        metric, minute, dimension, dimension_value, currency = key
        counts = bucket.samples
        samples = [value for value in sorted(counts) for _ in range(counts[value])] if counts else []
        return BucketRow(
            metric=metric,
            bucket=minute,
            dimension=dimension,
            dimension_value=dimension_value,
            currency=currency,
            partition=self._partition,
            n=bucket.n,
            numerator=bucket.numerator,
            squares=bucket.squares,
            samples=samples,
            version=row_version(epoch, bucket.offset),
        )
