"""A stream of cookies that each come once: what a worker keeps of them, and in how much memory, as time goes on."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas import journey_log
from schemas.journey_log import Tick
from schemas.kinds.page_view import PageView
from schemas.units import DAY_MS, HOUR_MS
from streams.journeys.partition import CUSTOMER, Partition
from streams.journeys.rules import Rules

BEGIN = 1_717_200_000_000
"""2024-06-01 00:00:00 UTC."""
EVERY_DAYS = 20


@dataclass(frozen=True)
class Kept:
    """What is kept after so many days.

    Attributes:
        came: how many cookies have come by then.
        customers: how many of them are in the state.
        entries: how many of them the changelog has, compacted.
        memory_mb: what the process has in memory, MB.
    """

    day: int
    came: int
    customers: int
    entries: int
    memory_mb: float


def measure_cookies(cookies: int, days: int, rules: Rules) -> Iterator[Kept]:
    """Let cookies come once each, evenly over some days, to one log partition; yield what is kept now and then.

    Memory includes a set of the cookies that are in the changelog, about 100 bytes each.
    """
    partition, entries, offset, came = Partition(0, 1, rules), set[bytes](), 0, 0
    for hour in range(days * 24):
        until = cookies * (hour + 1) // (days * 24)
        for number in range(came, until):
            page = _visit(number, BEGIN + hour * HOUR_MS + (number - came) * HOUR_MS // (until - came))
            partition.apply(offset, page, journey_log.encode(page))
            offset += 1
        came, now = until, BEGIN + (hour + 1) * HOUR_MS
        tick = Tick(now, now)
        partition.apply(offset, tick, journey_log.encode(tick))
        offset += 1
        for key, value in partition.flush().state:
            if key[:1] == CUSTOMER:
                (entries.discard if value is None else entries.add)(key)
        if (hour + 1) % (EVERY_DAYS * 24) == 0:
            gc.collect()
            day = (hour + 1) * HOUR_MS // DAY_MS
            yield Kept(day, came, partition.sizes["customers"], len(entries), _memory_mb())


def _visit(number: int, at: int) -> PageView:
    return PageView(
        task=0,
        source_topic="touchpoints.page_views.v1",
        source_partition=0,
        source_offset=number,
        watermark=at,
        received_at=at,
        fingerprint=number,
        customer_key=f"anon:cookie:{number:032x}",
        event_id=f"view-{number:012}",
        occurred_at=at,
        source="shop",
        channel="web",
        attributes={},
        identifiers={"cookie": f"{number:032x}"},
        page="/",
        area="shop",
        action="view",
    )


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
