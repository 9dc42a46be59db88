"""The clock of a log partition: its own time and the settled time, as the records of the log tell them.

The partition's time says what is due and what is late. The settled time says what is final: another partition may be
behind this one, and what was on time there may still have to come here.
"""

from __future__ import annotations

from schemas.journey_log import LogRecord, Tick, Touchpoint
from streams.journeys.position import Position
from streams.journeys.rules import Rules


class PartitionClock:
    """How far a partition has come, as of the last record applied; none of its times ever goes back.

    Args:
        tasks: how many INGEST tasks write to the log.
        rules: the timers' delay and the allowed lateness.

    Attributes:
        watermarks: each task's last, ms.
        time: the partition's time: the least of them, ms.
        heard: the settled time of the ticks so far, ms.
        settled: the settled time: what all partitions have reached, this one too, ms; less as long as touchpoints that
            happened before a link can still move by it.
        decided: up to when it is decided who owns what, ms.
        timers_until, late_before, settled_before: see `streams.journeys.step_context.StepContext`.
    """

    __slots__ = (
        "_allowed_lateness_ms",
        "_moved_ms",
        "_timer_delay_ms",
        "decided",
        "heard",
        "late_before",
        "settled",
        "settled_before",
        "time",
        "timers_until",
        "watermarks",
    )

    def __init__(self, tasks: int, rules: Rules) -> None:
        self._timer_delay_ms = rules.timer_delay_ms
        self._allowed_lateness_ms = rules.allowed_lateness_ms
        self._moved_ms = rules.moved_ms
        self.watermarks = [0] * tasks
        self.heard = self.settled = self.decided = 0
        self.settled_before = -rules.allowed_lateness_ms
        self._move(0)

    def restore(self, position: Position) -> None:
        """Take the times of a position."""
        self.watermarks, self.heard, self.decided = position.watermarks, position.settled, position.decided
        self._move(position.time)

    def advance(self, record: LogRecord) -> None:
        """Take the times that a record tells of."""
        watermarks = self.watermarks
        if isinstance(record, Touchpoint):
            if record.watermark > watermarks[record.task]:
                watermarks[record.task] = record.watermark
                reached = min(watermarks)
                if reached > self.time:
                    self._move(reached)
        elif isinstance(record, Tick):
            # All tasks have reached it.
            self.watermarks = [max(known, record.watermark) for known in watermarks]
            self.heard = max(self.heard, record.settled)
            self.decided = max(self.decided, record.decided)
            self._move(max(self.time, min(self.watermarks)))

    @property
    def reached(self) -> int:
        """Up to when nothing has to be sent to other partitions any more, ms."""
        return min(self.time, self.decided)

    @property
    def done(self) -> int:
        """Up to when all that happened has taken effect here, what other partitions have sent too, ms."""
        return max(0, min(self.time, self.heard) - self._timer_delay_ms)

    def _move(self, time: int) -> None:
        self.time = time
        self.timers_until = time - self._timer_delay_ms
        self.late_before = time - self._allowed_lateness_ms
        if self.settled < self.heard - self._moved_ms:
            # Ticks tell of a later time than the partition's own only where its log was made anew, and what belongs to
            # it was not.
            self.settled = min(time, self.heard - self._moved_ms)
            self.settled_before = self.settled - self._allowed_lateness_ms
