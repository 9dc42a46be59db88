"""The values of dimensions that get buckets of their own: of one dimension and day only so many, the others share one.

Each value costs a bucket a minute and metric. An attribute that differs from touchpoint to touchpoint (a session, an
address) would fill the memory. So on each day of event time the first values of a dimension that come have buckets of
their own, and so have the first names of attributes; what comes beyond is counted under `OTHER`, or not by that
attribute at all. A value keeps its place until nothing of that day can be restated any more: what is taken back is
taken out of the bucket that it was counted in.

Who comes first is told by the log. Each place carries the offset at which it was taken: when records are replayed after
a crash, places that are taken later count as free.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator

import msgspec

from schemas.metrics import Metric
from schemas.steps import parts_of
from schemas.units import DAY_MS
from streams.journeys.formats import FORMAT, check_format
from streams.journeys.output import Entry

NAMES_MAX = 64
"""Attributes that are dimensions, of one day and log partition."""
OTHER = "(other)"
"""The value of all that have no bucket of their own."""
NAMES = "all"
"""The dimension whose values are the names of attributes: no attribute can have this name."""

Places = dict[str, int]
"""By value, the log offset at which it took its place."""

LONGEST_MS = 40 * DAY_MS
"""How long after the end of its day a place is kept; the allowed lateness comes on top."""

_keys = msgspec.msgpack.Decoder(tuple[int, str, str])
_entries = msgspec.msgpack.Decoder(tuple[int, int])
_encode = msgspec.msgpack.Encoder().encode


def day_of(metric: Metric, minute: int, caused_at: int) -> int:
    """Return the day, since the epoch, on which an observation of a metric looks for its place.

    It is that of its bucket; where the bucket can be restated for longer than places are kept, the day on which the
    change was brought about. Such a metric (shifts) has no other changes than these and what takes them back.
    """
    return (minute if metric.restated_ms < LONGEST_MS else caused_at) // DAY_MS


class DimensionValues:
    """The values of one log partition's dimensions.

    Args:
        most: values of one dimension and day that have buckets of their own.

    Attributes:
        overflow: by dimension, how many observations went to `OTHER` since `flush`; by `NAMES`, how many attributes
            were left out.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._days: dict[int, dict[str, Places]] = {}
        self._restored_until = -1
        self._taken: list[Entry] = []
        self.overflow: Counter[str] = Counter()

    def value_of(self, day: int, dimension: str, value: str, offset: int) -> str | None:
        """Return what an observation is counted under: its value, `OTHER`, or None where by nothing.

        Args:
            day: see `day_of`.
            offset: of the record in the log that brings the observation about.
        """
        dimensions = self._days.get(day)
        if dimensions is not None:
            places = dimensions.get(dimension)
            if places is not None and places.get(value, offset + 1) <= offset:
                return value
        return self._take(day, dimension, value, offset)

    def _take(self, day: int, dimension: str, value: str, offset: int) -> str | None:
        if dimension != "channel" and not self._has_place(day, NAMES, dimension, offset, NAMES_MAX):
            self.overflow[NAMES] += 1
            return None
        if value == OTHER or self._has_place(day, dimension, value, offset, self._most):
            return value
        self.overflow[dimension] += 1
        return OTHER

    def _has_place(self, day: int, dimension: str, value: str, offset: int, most: int) -> bool:
        places = self._days.setdefault(day, {}).setdefault(dimension, {})
        if places.get(value, offset + 1) <= offset:
            return True
        taken = len(places)
        if offset <= self._restored_until:
            taken = sum(since <= offset for since in places.values())
        if taken >= most:
            return False
        places[value] = offset
        self._taken.append((_encode((day, dimension, value)), _encode((FORMAT, offset))))
        return True

    def restore(self, key: bytes, value: bytes) -> None:
        """Take an entry of the changelog.

        Raises:
            StateFormatError: another release has written it.
        """
        day, dimension, name = _keys.decode(key)
        found, offset = _entries.decode(value)
        check_format(found, "a dimension's value")
        self._days.setdefault(day, {}).setdefault(dimension, {})[name] = offset
        self._restored_until = max(self._restored_until, offset)

    def flush(self) -> list[Entry]:
        """Return the changelog entries of the places that were taken, to be written before any bucket."""
        taken, self._taken = self._taken, []
        return taken

    def forgetting(self, final_until: int) -> Generator[None, None, list[Entry]]:
        """Free the places of the days of which nothing can be restated any more; return the entries that say so.

        Others may have their turn at each yield.

        Args:
            final_until: see `streams.journeys.metrics.Buckets`.
        """
        over = [day for day in self._days if (day + 1) * DAY_MS + LONGEST_MS <= final_until]
        writes: list[Entry] = []
        for day in over:
            for dimension, places in self._days.pop(day).items():
                for values in parts_of(places):
                    writes += [(_encode((day, dimension, value)), None) for value in values]
                    yield
        return writes
