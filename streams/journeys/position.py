"""What a partition reads first of its changelog: how far it has come, when customers are to be woken, their blocks."""

from __future__ import annotations

import msgspec


class Position(msgspec.Struct, array_like=True, gc=False):
    """The partition's own record.

    Attributes:
        format: see `streams.journeys.formats`.
        offset: the last one wholly applied.
        watermarks: each task's last, ms.
        time: the partition's time that they make, ms.
        final_until: see `streams.journeys.metrics.Buckets`.
        settled, decided: see `streams.journeys.partition_clock.PartitionClock`.
        links_end: the offset after the last link that it has written.
        received: by partition, the number of the last record that it has forwarded to this one.
    """

    format: int
    offset: int
    watermarks: list[int]
    time: int
    final_until: int
    settled: int = 0
    received: dict[int, int] = msgspec.field(default_factory=dict)
    decided: int = 0
    links_end: int = 0


class Header(msgspec.Struct, array_like=True, gc=False):
    """The beginning of a `CustomerTimeline`, for a reader that needs no more."""

    format: int
    offset: int
    next_timer_at: int


class BlockReference(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Where a customer's entry leaves off: pending touchpoints that are in a block (`streams.journeys.pending_blocks`).

    Attributes:
        skip: how many of its first touchpoints are pending no longer.
        count: of its touchpoints, these included.
    """

    id: bytes
    skip: int
    count: int
