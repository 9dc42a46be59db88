"""What a partition is told, and what a chunk of its log brings about."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from schemas.rows import Row
from schemas.units import DAY_MS, MINUTE_MS
from streams.journeys.signals import Signal

Entry = tuple[bytes, bytes | None]
"""Key and value of a changelog entry; None deletes the key."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decides.

    Attributes:
        timer_delay_ms: how far behind the partition's time timers fire.
        allowed_lateness_ms: how far behind it a touchpoint may come and still be put in its place.
        dimensions: the attributes metrics are kept for; None keeps all.
        epoch: generation of the journeys log; a higher one's rows cover a lower one's.
    """

    timer_delay_ms: int = 5 * MINUTE_MS
    allowed_lateness_ms: int = 3 * DAY_MS
    dimensions: frozenset[str] | None = None
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Collision:
    """A touchpoint that bears another's event id; the original message is at `source_offset` of its kind's topic."""

    kind: str
    task: int
    source_offset: int
    detail: str


@dataclass(slots=True)
class Output:
    """What a chunk brought about.

    The changelog's entries are appended in the order `buckets`, `customers`, `forgotten`, `position`: whatever of them
    is there after a crash, all before it is there too.
    """

    facts: dict[str, list[Row]] = field(default_factory=dict)
    signals: list[Signal] = field(default_factory=list)
    collisions: list[Collision] = field(default_factory=list)
    buckets: list[Entry] = field(default_factory=list)
    customers: list[Entry] = field(default_factory=list)
    forgotten: list[Entry] = field(default_factory=list)
    position: tuple[bytes, bytes] = (b"", b"")
    counts: Counter[str] = field(default_factory=Counter)
