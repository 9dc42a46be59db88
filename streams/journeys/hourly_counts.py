"""Hourly counts: how many touchpoints of each kind a log partition has accepted in each hour of event time.

They say how many rows the table of touchpoints has to hold. A count carries the offset up to which it counts, so that a
record that is replayed after a crash, when the count was already written, changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from heapq import heappop, heappush

import msgspec

from schemas.rows import HourlyCountRow
from schemas.steps import AT_ONCE, parts_of
from schemas.units import HOUR_MS
from schemas.versions import row_version
from streams.journeys.formats import FORMAT, check_format
from streams.journeys.output import Entry

CountKey = tuple[str, int]
"""Kind, start of the hour (ms)."""

_keys = msgspec.msgpack.Decoder(CountKey)
_encode = msgspec.msgpack.Encoder().encode


class HourlyCount(msgspec.Struct, array_like=True, gc=False):
    """What was counted in an hour up to an offset, as in `schemas.rows.HourlyCountRow`."""

    format: int = FORMAT
    offset: int = -1
    accepted: int = 0
    duplicates: int = 0


_counts = msgspec.msgpack.Decoder(HourlyCount)


class HourlyCounts:
    """The counts of one log partition, of the hours in which a touchpoint can still be on time.

    Attributes:
        accepted: kind and number of the hour (its ms divided by `HOUR_MS`) of each touchpoint that was accepted since
            the last flush, where `is_guarded` is false. To append is a third of the instructions of `add`.
    """

    def __init__(self, partition: int) -> None:
        self.accepted: list[tuple[str, int]] = []
        self._partition = partition
        self._counts: dict[CountKey, HourlyCount] = {}
        self._guards: dict[CountKey, int] = {}
        self._expiry: list[tuple[int, CountKey]] = []
        self._dirty: dict[CountKey, HourlyCount] = {}

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def is_guarded(self) -> bool:
        """Whether records may be replayed that are counted already: then only `add` may count."""
        return bool(self._guards)

    def restore(self, key: bytes, value: bytes) -> None:
        """Take a count from the changelog; of two for one key that of the higher offset holds, and becomes the last.

        Raises:
            StateFormatError: another release has written it.
        """
        count_key = _keys.decode(key)
        count = _counts.decode(value)
        check_format(count.format, "an hourly count")
        known = self._counts.get(count_key)
        if known is None:
            heappush(self._expiry, (count_key[1] + HOUR_MS, count_key))
        elif known.offset >= count.offset:
            if known.offset > count.offset:
                self._dirty[count_key] = known
            return
        self._dirty.pop(count_key, None)
        self._counts[count_key] = count
        self._guards[count_key] = count.offset

    def add(self, kind: str, at: int, offset: int, accepted: int, duplicates: int) -> None:
        """Count touchpoints of the hour of `at` (ms), once for each log offset."""
        key = kind, at - at % HOUR_MS
        if offset > self._guards.get(key, -1):
            self._add(key, accepted, duplicates)

    def _add(self, key: CountKey, accepted: int, duplicates: int) -> None:
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = HourlyCount()
            heappush(self._expiry, (key[1] + HOUR_MS, key))
        count.accepted += accepted
        count.duplicates += duplicates
        self._dirty[key] = count

    def flushing(self, epoch: int, offset: int) -> Generator[None, None, tuple[list[HourlyCountRow], list[Entry]]]:
        """Return the rows and the changelog entries of what has changed up to an offset, the last one applied.

        Others may have their turn at each yield.
        """
        for accepted in parts_of(Counter(self.accepted).items()):
            for (kind, hour), count in accepted:
                self._add((kind, hour * HOUR_MS), count, 0)
            yield
        self.accepted.clear()
        rows: list[HourlyCountRow] = []
        writes: list[Entry] = []
        for dirty in parts_of(self._dirty.items()):
            for key, hourly in dirty:
                # One that is written again may be ahead of what is applied.
                hourly.offset = max(offset, hourly.offset)
                kind, hour = key
                # Positional: a sparse history has such a row for every third touchpoint.
                version = row_version(epoch, hourly.offset)
                rows.append(HourlyCountRow(kind, hour, self._partition, hourly.accepted, hourly.duplicates, version))
                writes.append((_encode(key), _encode(hourly)))
            yield
        self._dirty.clear()
        if self._guards and offset >= max(self._guards.values()):
            self._guards.clear()
        return rows, writes

    def forgetting(self, until: int) -> Generator[None, None, list[Entry]]:
        """Drop the counts of hours that end at or before `until` (ms); return the entries that say so, as `flushing`.

        Args:
            until: as the position in the changelog has it, not a later one that is yet to be written. A duplicate
                changes no customer: a replay from before that position would count it anew, from zero.
        """
        writes: list[Entry] = []
        while self._expiry and self._expiry[0][0] <= until:
            _, key = heappop(self._expiry)
            del self._counts[key]
            self._guards.pop(key, None)
            writes.append((_encode(key), None))
            if len(writes) % AT_ONCE == 0:
                yield
        return writes
