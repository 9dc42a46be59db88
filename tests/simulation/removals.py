"""Removals in a log: a partition that takes touchpoints out where a record of the test's own says so."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from typing_extensions import override

from schemas import journey_log
from schemas.journey_log import LogRecord
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from streams.journeys.step_context import StepContext
from streams.journeys.timeline import step_removal

_MARK = b"removal:"
"""No record of the journeys log begins so."""


class Removal(msgspec.Struct, array_like=True):
    """Takes touchpoints out of a customer's timeline."""

    customer_key: str
    event_ids: list[str]


def encode_removal(removal: Removal) -> bytes:
    return _MARK + msgspec.msgpack.encode(removal)


def decode_record(data: bytes) -> LogRecord | Removal:
    if data.startswith(_MARK):
        return msgspec.msgpack.decode(data.removeprefix(_MARK), type=Removal)
    return journey_log.decode(data)


class RemovingPartition(Partition):
    """A partition whose log may hold removals.

    Attributes:
        missing: the event ids that were not pending, as the timelines have told.
    """

    def __init__(self, number: int, tasks: int, rules: Rules) -> None:
        super().__init__(number, tasks, rules)
        self.missing: list[str] = []

    @override
    def apply(self, offset: int, record: LogRecord | Removal, data: bytes) -> None:
        for _ in self.apply_in_parts(offset, record, data):
            pass

    @override
    def apply_in_parts(self, offset: int, record: LogRecord | Removal, data: bytes) -> Iterator[None]:
        if not isinstance(record, Removal):
            yield from super().apply_in_parts(offset, record, data)
        elif offset > self.offset:
            self.offset = offset
            context = StepContext(
                offset,
                self.time,
                self.time - self._rules.timer_delay_ms,
                self.time - self._rules.allowed_lateness_ms,
                self._checkpoints,
                self._recomputations,
            )
            timeline = self._timeline(record.customer_key)
            is_new = offset > timeline.offset
            yield from self._fire_timers(context)
            if is_new:
                self._remove(record, context)
            else:
                self._dirty[record.customer_key] = None

    def _remove(self, removal: Removal, context: StepContext) -> None:
        timeline, effects = self._timeline(removal.customer_key), self._effects_of(removal.customer_key)
        self.missing += step_removal(timeline, removal.event_ids, context, effects)
        self._apply_deltas(effects, context)
        self._schedule(removal.customer_key, timeline)
