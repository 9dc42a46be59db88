"""The clock of a log partition: its own time and the settled time, as the records of the log tell them.

The partition's time says what is due and what is late. The settled time says what is final: another partition may be
behind this one, and what was on time there may still have to come here.
"""

from __future__ import annotations

from schemas.journey_log import LogRecord, Tick
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
        timers_until, late_before, settled_before: see `streams.journeys.step_context.StepContext`.
    """

    def __init__(self, tasks: int, rules: Rules) -> None:
        self._timer_delay_ms = rules.timer_delay_ms
        self._allowed_lateness_ms = rules.allowed_lateness_ms
        self.watermarks = [0] * tasks
        self.time = self.heard = 0
        self._move()

    @property
    def settled(self) -> int:
        """The settled time, ms: what all partitions have reached, this one too."""
        # Only of a log that was made anew without all that belongs to it do ticks tell of a later time than its own.
        return min(self.time, self.heard)

    def restore(self, position: Position) -> None:
        """Take the times of a position."""
        self.watermarks, self.time, self.heard = position.watermarks, position.time, position.settled
        self._move()

    def advance(self, record: LogRecord) -> None:
        """Take the times that a record tells of."""
        watermark, watermarks = record.watermark, self.watermarks
        if isinstance(record, Tick):
            # All tasks have reached it.
            self.watermarks = [max(known, watermark) for known in watermarks]
            self.heard = max(self.heard, record.settled)
        elif watermark > watermarks[record.task]:
            watermarks[record.task] = watermark
        else:
            return
        self.time = max(self.time, min(self.watermarks))
        self._move()

    def _move(self) -> None:
        self.timers_until = self.time - self._timer_delay_ms
        self.late_before = self.time - self._allowed_lateness_ms
        self.settled_before = self.settled - self._allowed_lateness_ms
