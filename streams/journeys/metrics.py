"""Metric buckets: the absolute sums of one minute of one metric, for each dimension, on one log partition.

A bucket carries the offset last applied to it, so that a record that is replayed after a crash, when the bucket was
already written, changes nothing. Coarser grains are sums over minutes, which the reader takes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from heapq import heappop, heappush

import msgspec

from schemas.rows import BucketRow
from schemas.units import DAY_MS, MINUTE_MS
from streams.journeys.effects import MetricDelta

BucketKey = tuple[str, int, str, str]
"""Metric, start of the minute (ms), dimension, dimension value."""

RESTATED_MS: dict[str, int] = {
    "cart_abandonment_rate": 30 * DAY_MS + 30 * MINUTE_MS,
    "survey_abandonment_rate": 37 * DAY_MS,
    "first_response_time": 30 * DAY_MS,
    "call_abandonment_rate": DAY_MS,
    "speed_of_answer": DAY_MS,
    "hold_time": DAY_MS,
    "service_level": DAY_MS,
    "sentiment_shifts": 365 * DAY_MS,
}
"""How long after its minute what happens can still restate a metric's bucket; the others: not at all.

A shift may be found long after its onset: as long as the observations behind it are remembered. What happens may come
to be known a horizon later, so a bucket is final, and forgotten, at its end + this + the horizon."""

RESERVED = frozenset({"all", "channel", "currency"})

_keys = msgspec.msgpack.Decoder(BucketKey)
_encode = msgspec.msgpack.Encoder().encode


class Bucket(msgspec.Struct, array_like=True, gc=False):
    """A bucket's sums, as in `schemas.rows.BucketRow`, and the offset last applied."""

    offset: int = -1
    n: int = 0
    numerator: int = 0
    denominator: int = 0
    squares: int = 0
    samples: list[int] = msgspec.field(default_factory=list)


_buckets = msgspec.msgpack.Decoder(Bucket)


class Buckets:
    """The buckets of one log partition that can still be restated.

    Attributes:
        final_until: what can be restated until this moment (ms) at the latest has been forgotten, and never comes back,
            also where the horizon is longer now than it was then.
    """

    def __init__(self, partition: int, dimensions: frozenset[str] | None, allowed_lateness_ms: int) -> None:
        self._partition = partition
        self._dimensions = dimensions
        self._allowed_lateness_ms = allowed_lateness_ms
        self._buckets: dict[BucketKey, Bucket] = {}
        self._guards: dict[BucketKey, int] = {}
        self._expiry: list[tuple[int, BucketKey]] = []
        self._dirty: dict[BucketKey, None] = {}
        self.final_until = 0

    def __len__(self) -> int:
        return len(self._buckets)

    def restore(self, key: bytes, value: bytes) -> None:
        """Take a bucket from the changelog; of two for one key the higher offset is the true one."""
        bucket_key = _keys.decode(key)
        bucket = _buckets.decode(value)
        known = self._buckets.get(bucket_key)
        if known is None:
            heappush(self._expiry, (self._final_at(bucket_key), bucket_key))
        elif known.offset >= bucket.offset:
            return
        self._buckets[bucket_key] = bucket
        self._guards[bucket_key] = bucket.offset

    def apply(self, delta: MetricDelta, offset: int) -> bool:
        """Add a measure's changes at a log offset; return False where its cause is too late to restate its bucket."""
        minute = delta.at - delta.at % MINUTE_MS
        metric = delta.metric
        restated_until = minute + MINUTE_MS + RESTATED_MS.get(metric, 0)
        if delta.caused_at >= restated_until or restated_until <= self.final_until:
            return False
        self._add((metric, minute, "all", ""), delta, offset)
        self._add((metric, minute, "channel", delta.channel), delta, offset)
        if delta.currency is not None:
            self._add((metric, minute, "currency", delta.currency), delta, offset)
        for name, value in delta.attributes.items():
            # An attribute may not pass itself off as one of the dimensions above.
            if self._keeps(name) and name not in RESERVED:
                self._add((metric, minute, name, value), delta, offset)
        return True

    def flush(self, version: int) -> tuple[list[BucketRow], list[tuple[bytes, bytes | None]]]:
        """Return the rows and the changelog entries of what has changed.

        Args:
            version: the epoch's part of the rows' versions.
        """
        rows = [self._row(key, version) for key in self._dirty]
        writes: list[tuple[bytes, bytes | None]] = [(_encode(key), _encode(self._buckets[key])) for key in self._dirty]
        self._dirty.clear()
        return rows, writes

    def forget(self, time: int) -> list[tuple[bytes, bytes | None]]:
        """Drop the buckets that are final at the partition's `time` (ms); return the entries that say so.

        These are written after the customers: a replay finds either the bucket, or customers that have nothing to add.
        """
        writes: list[tuple[bytes, bytes | None]] = []
        self.final_until = max(self.final_until, time - self._allowed_lateness_ms)
        while self._expiry and self._expiry[0][0] <= time:
            _, key = heappop(self._expiry)
            del self._buckets[key]
            self._guards.pop(key, None)
            writes.append((_encode(key), None))
        return writes

    def _keeps(self, name: str) -> bool:
        return self._dimensions is None or name in self._dimensions

    def _final_at(self, key: BucketKey) -> int:
        return key[1] + MINUTE_MS + self._allowed_lateness_ms + RESTATED_MS.get(key[0], 0)

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
        bucket.denominator += delta.denominator
        bucket.squares += delta.squares
        if delta.remove is not None:
            samples = bucket.samples
            place = bisect_left(samples, delta.remove)
            # It is there, by all tests; a worker that died of the opposite would die of it at every start.
            if place < len(samples) and samples[place] == delta.remove:
                del samples[place]
        if delta.add is not None:
            insort(bucket.samples, delta.add)
        self._dirty[key] = None

    def _row(self, key: BucketKey, version: int) -> BucketRow:
        bucket = self._buckets[key]
        return BucketRow(
            key[0],
            key[1],
            key[2],
            key[3],
            self._partition,
            bucket.n,
            bucket.numerator,
            bucket.denominator,
            bucket.squares,
            list(bucket.samples),
            version | bucket.offset << 8,
        )
