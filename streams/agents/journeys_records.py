"""What JOURNEYS tells operators of each run of records that it has written."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

import structlog

from schemas.errors import Stage
from streams.agents.services import Services
from streams.journeys.output import Output
from streams.journeys.partition import Partition
from streams.runtime.logging import Sampler

STAGE: Stage = "journeys"
EXPLODING = "docs/operating.md#a-customer-or-a-dimension-explodes"

log = structlog.get_logger(__name__)


@dataclass
class Run:
    """Records that are applied before their writes.

    Attributes:
        began: when the first was taken, seconds of the monotonic clock.
        newest: the latest `occurred_at` among them, ms; 0 without one.
    """

    began: float = field(default_factory=time.monotonic)
    newest: int = 0


class Records:
    """Counts, and logs now and then, what runs of records have brought about."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._overflows = Sampler()

    def record(self, state: Partition, output: Output, run: Run) -> None:
        """Count what a run of records has brought about."""
        telemetry, counts, number = self._services.telemetry, output.counts, str(state.number)
        telemetry.record_stage(
            STAGE,
            now_ms=self._services.clock(),
            durations_s=[time.monotonic() - run.began],
            touchpoints=counts["touchpoints"],
            newest_ms=run.newest,
        )
        telemetry.duplicates.inc(counts["duplicates"])
        telemetry.touchpoints_moved.labels("in time").inc(counts["moved"])
        telemetry.touchpoints_moved.labels("too late").inc(counts["moved_late"])
        telemetry.things_adopted.inc(counts["adopted"])
        for source, count in output.erased.items():
            telemetry.touchpoints_erased.labels(source).inc(count)
        telemetry.recomputations.inc(counts["recomputations"])
        telemetry.timers_fired.inc(counts["timers"])
        telemetry.profiles_forgotten.inc(counts["forgotten"])
        for what, times in output.trimmed.items():
            telemetry.trimmed.labels(what).inc(times)
        for labels, times in Counter((one.topic, one.reason) for one in output.refused).items():
            telemetry.messages_refused.labels(*labels).inc(times)
        self._record_sources(output)
        self._record_overflow(output)
        for topic, times in Counter(signal.topic for signal in output.signals).items():
            telemetry.signals.labels(topic).inc(times)
        for topic, count in output.suppressed.items():
            telemetry.signals_suppressed.labels(topic).inc(count)
        for kind, size in state.sizes.items():
            telemetry.state_entries.labels(number, kind).set(size)

    def _record_sources(self, output: Output) -> None:
        """Count touchpoints by where they came from; all series of a source begin at once, at 0 if need be."""
        telemetry = self._services.telemetry
        on_time, late = Counter(output.on_time), Counter(output.late)
        for origin in on_time.keys() | late.keys():
            labels = origin[0], self._services.sources.label(origin[1])
            telemetry.touchpoints_on_time.labels(*labels).inc(on_time[origin])
            telemetry.late_touchpoints.labels(*labels).inc(late[origin])
            telemetry.touchpoints_ahead.labels(*labels)

    def _record_overflow(self, output: Output) -> None:
        """Count the customers and dimensions that were capped, and name them by their hashes."""
        telemetry = self._services.telemetry
        telemetry.dimension_overflow.inc(output.overflow.total())
        telemetry.folded_early.inc(output.folded_early.total())
        self._warn(
            "dimension",
            "observations",
            output.overflow,
            "a dimension has too many values: those that came later on its day count as one",
        )
        self._warn(
            "customer",
            "touchpoints",
            output.folded_early,
            "a customer has too many touchpoints for the allowed lateness: what comes before them is late",
        )

    def _warn(self, what: str, counted: str, capped: Counter[str], says: str) -> None:
        """Log which of the capped was so most often, now and then."""
        if capped and self._overflows.count(what):
            (name, count), *_ = capped.most_common(1)
            log.warning(f"{says}. To find it by its hash, see {EXPLODING}", **{what: name, counted: count})
