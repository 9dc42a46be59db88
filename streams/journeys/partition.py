"""The timeline of one partition of the journeys log: its customers, its metric buckets, and its own time.

`apply` takes the log's records in the order of their offsets; `flush` gives what they brought about since the last
flush: rows and signals to send, and the changelog entries to write, in the order in which they must be written. All of
it is a function of the log alone, wherever the chunks are cut: entities that changed several times are given once, as
they stand after the last record applied, under a version made of the offset that changed them last.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

import msgspec

from schemas.journey_log import LogRecord, Tick, Touchpoint
from schemas.rows import AbandonmentRow, ClockRow, Row, ShiftRow
from schemas.topics import SIGNAL_ABANDONMENTS, SIGNAL_SHIFTS
from schemas.units import DAY_MS, MINUTE_MS, SCALE
from streams.journeys.effects import Effects
from streams.journeys.experience import experience_of
from streams.journeys.fold import customer_row, journey_row, touchpoint_row
from streams.journeys.metrics import Buckets
from streams.journeys.state import NEVER
from streams.journeys.timeline import (
    CustomerTimeline,
    Header,
    StepContext,
    late,
    seen,
    step_time,
    step_touchpoint,
)

ON_TIME = 1 << 62
"""Set in the version of a touchpoint's row that was applied; a late one's lacks it, so it never covers the other."""
CACHED = 20_000
"""Customers kept decoded; the others are kept as bytes."""

BUCKET, CUSTOMER, POSITION = b"b", b"c", b"p"
"""First byte of a changelog key: what the entry is."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decides.

    Attributes:
        timer_delay_ms: how far behind the partition's time deadlines fire.
        allowed_lateness_ms: how far behind it a touchpoint may come and still be put in its place.
        dimensions: the attributes metrics are kept for; None keeps all.
        epoch: generation of the journeys log; a higher one's rows cover a lower one's.
    """

    timer_delay_ms: int = 5 * MINUTE_MS
    allowed_lateness_ms: int = 3 * DAY_MS
    dimensions: frozenset[str] | None = None
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Signal:
    """A message for other services: `record` in the schema called `name`."""

    topic: str
    key: bytes
    name: str
    record: dict[str, object]


@dataclass(frozen=True, slots=True)
class Collision:
    """A touchpoint that bears another's event id; the original message lies at `source_offset` of its kind's topic."""

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
    buckets: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    customers: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    forgotten: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    position: tuple[bytes, bytes] = (b"", b"")
    counts: Counter[str] = field(default_factory=Counter)


class Position(msgspec.Struct, array_like=True, gc=False):
    """The partition's own record.

    Attributes:
        offset: the last one wholly applied.
        clocks: each task's.
        time: the time they make, ms.
        final_until: see `streams.journeys.metrics.Buckets`.
    """

    offset: int
    clocks: list[int]
    time: int
    final_until: int


_states = msgspec.msgpack.Decoder(CustomerTimeline)
_headers = msgspec.msgpack.Decoder(Header)
_positions = msgspec.msgpack.Decoder(Position)
_encode = msgspec.msgpack.Encoder().encode


class Partition:
    """See the module."""

    def __init__(self, number: int, tasks: int, rules: Rules) -> None:
        self.number = number
        self.offset = -1
        self.time = 0
        self._rules = rules
        self._epoch = rules.epoch << 48
        self._clocks = [0] * tasks
        self._customers: dict[str, bytes] = {}
        self._cache: dict[str, CustomerTimeline] = {}
        self._timers: list[tuple[int, str]] = []
        self._scheduled: dict[str, int] = {}
        self._buckets = Buckets(number, rules.dimensions, rules.allowed_lateness_ms)
        self._effects: dict[str, Effects] = {}
        self._dirty: dict[str, None] = {}
        self._late: list[Row] = []
        self._output = Output()

    @property
    def sizes(self) -> dict[str, int]:
        """How many customers and buckets are kept."""
        return {"customers": len(self._scheduled), "buckets": len(self._buckets)}

    def restore(self, key: bytes, value: bytes) -> None:
        """Take an entry of the changelog; of two for one key the higher offset is the true one."""
        kind, name = key[:1], key[1:]
        if kind == BUCKET:
            self._buckets.restore(name, value)
        elif kind == CUSTOMER:
            customer_key = name.decode()
            known = self._customers.get(customer_key)
            if known is None or _headers.decode(known).offset < _headers.decode(value).offset:
                self._customers[customer_key] = value
        else:
            position = _positions.decode(value)
            if position.offset > self.offset:
                self.offset, self.time = position.offset, position.time
                self._clocks = position.clocks
                self._buckets.final_until = position.final_until

    def restored(self) -> None:
        """Make the timers, once all entries are there."""
        for customer_key, timeline in self._customers.items():
            deadline = _headers.decode(timeline).deadline
            self._scheduled[customer_key] = deadline
            if deadline != NEVER:
                self._timers.append((deadline, customer_key))
        heapify(self._timers)

    def apply(self, offset: int, record: LogRecord) -> None:
        """Apply a record of the log; at or below `offset` it has been, and is passed over."""
        if offset <= self.offset:
            return
        self.offset = offset
        self._tell_time(record.task, record.watermark)
        context = StepContext(
            offset,
            until=self.time - self._rules.timer_delay_ms,
            cutoff=self.time - self._rules.allowed_lateness_ms,
        )
        if isinstance(record, Tick):
            self._fire(context)
            return
        # Asked before the deadlines fire, for they move the customer on to this very offset.
        fresh = offset > self._timeline(record.customer_key).offset
        self._fire(context)
        if fresh:
            self._touch(record, context)
        else:
            self._dirty[record.customer_key] = None

    def flush(self) -> Output:
        """Return what has come about since the last flush."""
        output, self._output = self._output, Output()
        facts = output.facts
        self._flush_customers(output)
        rows, writes = self._buckets.flush(self._epoch)
        facts["metric_buckets"] = list(rows)
        output.buckets = [(BUCKET + key, value) for key, value in writes]
        output.forgotten = [(BUCKET + key, value) for key, value in self._buckets.forget(self.time)]
        facts["touchpoints"] = facts.get("touchpoints", []) + self._late
        version = self._version(self.offset)
        facts["clocks"] = [ClockRow(self.number, self.time, self.offset, version)]
        position = Position(self.offset, self._clocks, self.time, self._buckets.final_until)
        output.position = (POSITION, _encode(position))
        self._late = []
        return output

    def _version(self, offset: int) -> int:
        return self._epoch | offset << 8

    def _tell_time(self, task: int, clock: int) -> None:
        if clock > self._clocks[task]:
            self._clocks[task] = clock
            self.time = max(self.time, min(self._clocks))

    def _timeline(self, customer_key: str) -> CustomerTimeline:
        timeline = self._cache.get(customer_key)
        if timeline is None:
            data = self._customers.get(customer_key)
            timeline = _states.decode(data) if data else CustomerTimeline()
            self._cache[customer_key] = timeline
        return timeline

    def _changed(self, customer_key: str) -> Effects:
        self._dirty[customer_key] = None
        effects = self._effects.get(customer_key)
        if effects is None:
            effects = self._effects[customer_key] = Effects(customer_key)
        return effects

    def _fire(self, context: StepContext) -> None:
        timers = self._timers
        while timers and timers[0][0] <= context.until:
            _, customer_key = heappop(timers)
            timeline = self._timeline(customer_key)
            self._scheduled[customer_key] = NEVER
            # A customer written beyond this offset, before a crash, has no deadline due by now.
            if timeline.deadline <= context.until:
                effects = self._changed(customer_key)
                step_time(timeline, context, effects)
                self._measure(effects, context)
            self._schedule(customer_key, timeline)

    def _schedule(self, customer_key: str, timeline: CustomerTimeline) -> None:
        """Wake the customer at its next deadline; an earlier timer that stands will look again by itself."""
        if timeline.deadline < self._scheduled.get(customer_key, NEVER):
            heappush(self._timers, (timeline.deadline, customer_key))
            self._scheduled[customer_key] = timeline.deadline

    def _touch(self, touchpoint: Touchpoint, context: StepContext) -> None:
        customer_key = touchpoint.customer_key
        timeline = self._timeline(customer_key)
        counts = self._output.counts
        known = seen(timeline, touchpoint)
        if known is not None:
            self._meet_again(touchpoint, known.fingerprint)
        elif late(timeline, touchpoint, context):
            counts["late"] += 1
            self._late.append(self._late_row(touchpoint, timeline, context))
        else:
            effects = self._changed(customer_key)
            counts["touchpoints"] += 1
            counts["refolds"] += step_touchpoint(timeline, touchpoint, context, effects)
            self._measure(effects, context)
            self._schedule(customer_key, timeline)

    def _meet_again(self, touchpoint: Touchpoint, fingerprint: int) -> None:
        if touchpoint.fingerprint == fingerprint:
            self._output.counts["duplicates"] += 1
            return
        self._output.counts["collisions"] += 1
        detail = (
            f"event_id {touchpoint.event_id!r} of {touchpoint.customer_key!r} was seen before with another payload;"
            " give each event its own id"
        )
        self._output.collisions.append(Collision(touchpoint.kind, touchpoint.task, touchpoint.source_offset, detail))

    def _late_row(self, touchpoint: Touchpoint, timeline: CustomerTimeline, context: StepContext) -> Row:
        journey = timeline.current.journey
        within = journey is not None and journey.started_at <= touchpoint.occurred_at
        journey_id = f"{touchpoint.customer_key}#{journey.number}" if journey and within else ""
        row = touchpoint_row(touchpoint, touchpoint.customer_key, journey_id, experience_of(touchpoint), late=True)
        row.version = self._version(context.offset)
        return row

    def _measure(self, effects: Effects, context: StepContext) -> None:
        for delta in effects.deltas:
            if not self._buckets.apply(delta, context.offset):
                self._output.counts["final"] += 1
        effects.deltas.clear()

    def _flush_customers(self, output: Output) -> None:
        facts = output.facts
        for table in ("touchpoints", "journeys", "sentiment_shifts", "abandonments", "customers"):
            facts[table] = []
        for customer_key in self._dirty:
            timeline = self._timeline(customer_key)
            data = _encode(timeline)
            self._customers[customer_key] = data
            output.customers.append((CUSTOMER + customer_key.encode(), data))
            effects = self._effects.get(customer_key)
            if effects is not None:
                self._give(timeline, effects, output)
        self._dirty.clear()
        self._effects.clear()
        if len(self._cache) > CACHED:
            self._cache.clear()

    def _give(self, timeline: CustomerTimeline, effects: Effects, output: Output) -> None:
        version = self._version(timeline.offset)
        facts, current = output.facts, timeline.current
        output.counts["deadlines"] += effects.deadlines
        if current.journey is not None:
            row = journey_row(current.journey, None, effects)
            effects.journeys[row.journey_id] = row
        for touched in effects.touchpoints.values():
            touched.version = ON_TIME | version
            facts["touchpoints"].append(touched)
        for journey in effects.journeys.values():
            journey.version = version
            facts["journeys"].append(journey)
        for shift in effects.shifts.values():
            shift.version = version
            facts["sentiment_shifts"].append(shift)
            output.signals.append(_shift_signal(shift))
        for abandoned in effects.abandonments.values():
            abandoned.version = version
            facts["abandonments"].append(abandoned)
            output.signals.append(_abandonment_signal(abandoned))
        facts["customers"].append(customer_row(current, effects.customer_id, version))


def _shift_signal(row: ShiftRow) -> Signal:
    record: dict[str, object] = {
        "shift_id": row.shift_id,
        "customer_id": row.customer_id,
        "journey_id": row.journey_id,
        "direction": row.direction,
        "detected_at": row.detected_at,
        "onset_at": row.onset_at,
        "onset_event_id": row.onset_event_id,
        "before_mean": row.before_mean / SCALE,
        "after_mean": row.after_mean / SCALE,
        "n_before": row.n_before,
        "n_after": row.n_after,
        "cause_event_id": row.cause_event_id,
        "cause_kind": row.cause_kind,
        "detector": row.detector,
        "retracted": row.deleted,
    }
    return Signal(SIGNAL_SHIFTS, row.customer_id.encode(), "SentimentShift", record)


def _abandonment_signal(row: AbandonmentRow) -> Signal:
    record: dict[str, object] = {
        "subject": row.subject,
        "subject_id": row.subject_id,
        "customer_id": row.customer_id,
        "journey_id": row.journey_id,
        "started_at": row.started_at,
        "abandoned_at": row.abandoned_at,
        "waited_seconds": row.waited_ms / 1000,
        "value_minor": row.value_minor,
        "currency": row.currency,
        "status": row.status,
        "recovered_at": row.recovered_at,
        "retracted": row.deleted,
    }
    return Signal(SIGNAL_ABANDONMENTS, row.customer_id.encode(), "Abandonment", record)
