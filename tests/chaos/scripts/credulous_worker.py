"""A worker that restores the last entry of each customer, not that of the highest offset: it believes a late writer."""

from __future__ import annotations

from streams.journeys.partition import CUSTOMER, Partition
from streams.process import run_worker
from streams.settings import load

restore = Partition.restore


def restore_last(self: Partition, key: bytes, value: bytes) -> None:
    if key[:1] == CUSTOMER:
        self._customers.pop(key[1:].decode(), None)
    restore(self, key, value)


Partition.restore = restore_last  # type: ignore[method-assign]  # that is the point
run_worker(load())
