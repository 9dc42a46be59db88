"""Reconciliation: whether all that was accepted and refused is in ClickHouse, asked by one of the sinks now and then.

The view `reconciliation` compares, by topic and hour. Each check asks for the last two days, and for some months of all
that is counted, the oldest first, then the next: a month is what ClickHouse keeps together, so that a month costs
little more than an hour. Months of which little is counted are asked for together: else whoever publishes one
touchpoint of each of 400 months would make a round take as many checks.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import NamedTuple

import structlog

from schemas.dead_letters import rfc3339
from schemas.rows import topic_of
from schemas.units import DAY_MS, HOUR_MS, TIMES
from sinks.database import Database, select
from streams.agents.services import Services
from streams.kafka.offsets import Chunk
from streams.runtime.thread import DaemonThread

CLOCKS = topic_of("clocks")
RECENT_MS = 2 * DAY_MS
REST = 50
"""A check is followed by a rest of so many times as long as it took: it takes a fiftieth of a core at most."""
TOGETHER = 100_000
"""Counts and outcomes of the months that are asked for at once, unless one month has more."""
MAX_LOGGED = 10
"""Most hours that one check names in the log."""
LOG_EVERY_S = 3600.0
STEPS = "docs/operating.md#touchlinerowsmissing"

_IS_THERE = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'reconciliation'"
_MONTHS = """
SELECT intDiv(month, 100) * 12 + month % 100 - 1, sum(n) FROM (
    SELECT toYYYYMM(hour) AS month, count() AS n FROM hourly_counts_rows GROUP BY month
    UNION ALL
    SELECT toYYYYMM(at) AS month, count() AS n FROM outcomes_rows GROUP BY month
)
GROUP BY month
ORDER BY month
"""
"""The months of which something is counted, as `_start_of` takes them, and how many rows that is."""
_MISSING = """
SELECT topic, toUnixTimestamp64Milli(hour), sum(missing) FROM reconciliation
WHERE hour >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC')
    AND hour < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    AND missing > 0
GROUP BY topic, hour
ORDER BY hour, topic
"""

log = structlog.get_logger(__name__)


class Span(NamedTuple):
    """From `begin` to before `end`, ms."""

    begin: int
    end: int


class Place(NamedTuple):
    """An hour of a topic; the hour's start in ms."""

    hour: int
    topic: str


class Reconciliation:
    """Asks, counts and logs. Of several sinks the one that has partition 0 of the clocks does it.

    Args:
        services: tell the time, count, wait.
        database: answers beside the inserts; None where rows are stored and no SQL is spoken.
    """

    def __init__(self, services: Services, database: Database | None) -> None:
        self._services = services
        self._database = database
        # A query may take long; an orderly stop does not wait for it.
        self._thread = DaemonThread("reconcile")
        self._clocks: Chunk | None = None
        self._missing: dict[Place, int] = {}
        self._next = TIMES.start
        self._logged_at: float | None = None

    def see(self, chunk: Chunk) -> None:
        """Note a chunk that the sink has read: it may tell that the sink has partition 0 of the clocks."""
        if chunk.partition == 0 and chunk.topic == CLOCKS:
            self._clocks = chunk

    async def run(self) -> None:
        """Check again and again, until cancelled."""
        if self._database is None:
            return
        while True:
            took_s = await self.check(self._database)
            await self._services.sleep(max(self._services.settings.reconcile_s, REST * took_s))

    async def check(self, database: Database) -> float:
        """Ask once, where that is this sink's task; return how long it took, seconds. A failure is only counted."""
        if self._clocks is None or not self._clocks.current:
            self._missing.clear()
            self._show()
            return 0.0
        began = time.monotonic()
        try:
            await self._thread.run(lambda: self._ask(database))
        except Exception as error:  # whatever it is: rows are stored all the same
            self._services.telemetry.retries.labels("reconcile").inc()
            if self._logged_at is None or time.monotonic() - self._logged_at > LOG_EVERY_S:
                self._logged_at = time.monotonic()
                log.warning(
                    "whether rows are missing cannot be asked; trying again", cause=f"{type(error).__name__}: {error}"
                )
        else:
            self._logged_at = None
        self._show()
        return time.monotonic() - began

    def _ask(self, database: Database) -> None:
        """Ask for the last days and for the next months; blocks."""
        if select(database, _IS_THERE) in ([[0]], [["0"]]):
            return  # the tables are of a release before the view: `touchline migrate` makes it
        now = self._services.clock()
        recent = now - now % HOUR_MS - RECENT_MS
        self._look_at(database, Span(recent, now + RECENT_MS))
        months = [(_start_of(int(str(month)) + 1), int(str(n))) for month, n in select(database, _MONTHS)]
        if months:
            self._look_at(database, self._next_span(months))

    def _look_at(self, database: Database, span: Span) -> None:
        """Take what is missing in a span of time in place of what was missing there."""
        rows = select(database, _MISSING, span._asdict())
        found = {Place(int(str(hour)), str(topic)): int(str(missing)) for topic, hour, missing in rows}
        known = {place: n for place, n in self._missing.items() if span.begin <= place.hour < span.end}
        new = {place: n for place, n in found.items() if known.get(place) != n}
        for place, missing in list(new.items())[:MAX_LOGGED]:
            log.error(
                f"rows are missing from the tables. What to do: {STEPS}",
                topic=place.topic,
                hour=rfc3339(place.hour),
                missing=missing,
            )
        if len(new) > MAX_LOGGED:
            log.error(f"rows are missing from the tables in {len(new) - MAX_LOGGED} more hours. What to do: {STEPS}")
        if known and not found:
            log.info("no rows are missing any more", since=rfc3339(span.begin), until=rfc3339(span.end))
        self._missing = {place: n for place, n in self._missing.items() if place not in known} | found

    def _next_span(self, months: Sequence[tuple[int, int]]) -> Span:
        """Return the time after what was looked at last, up to the end of some months; after the last the first again.

        What lies between is looked at, too: what was missing there may have been deleted with its count.

        Args:
            months: the end of each of which something is counted (ms), and how much is.
        """
        begin = self._next
        ahead = [(end, n) for end, n in months if end > begin]
        sums = accumulate(n for _, n in ahead)
        taken = max(1, sum(total <= TOGETHER for total in sums))
        self._next = ahead[taken - 1][0] if taken < len(ahead) else TIMES.start
        return Span(begin, self._next if taken < len(ahead) else TIMES.stop)

    def _show(self) -> None:
        gauge = self._services.telemetry.missing_rows
        totals = dict.fromkeys(self._services.settings.inputs, 0)
        for place, missing in self._missing.items():
            totals[place.topic] = totals.get(place.topic, 0) + missing
        for topic, total in totals.items():
            gauge.labels(topic).set(total)


def _start_of(month: int) -> int:
    """Return the start of a month, ms; months are counted from the year 0."""
    return int(datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp() * 1000)
