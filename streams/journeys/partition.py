"""The state of one partition of the journeys log: its customers, its metric buckets, and its own time.

`apply` takes the log's records in the order of their offsets; `flush` gives what they brought about since the last
flush: rows and signals to send, and the changelog entries to write, in the order in which they must be written. All of
it is a function of the log alone, wherever the chunks are cut: an entity that changed several times is given once, as
it is after the last record applied, under a version made of the offset that changed it last.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import Any

import msgspec

from schemas.errors import NOT_READ
from schemas.journey_log import Forwarded, LogRecord, Moved, Owners, Tick, Withdrawn
from schemas.kinds.touchpoint import Touchpoint
from schemas.rows import ClockRow, Outcome, Row
from schemas.units import HOUR_MS
from schemas.versions import MOVES, ON_TIME, row_version
from streams.journeys.checkpoints import Checkpoints
from streams.journeys.customer_timeline import CustomerTimeline, Outline, find_pending
from streams.journeys.dimension_values import DimensionValues
from streams.journeys.effects import Effects
from streams.journeys.forgetting import Forgetting
from streams.journeys.formats import FORMAT, StateFormatError, check_format
from streams.journeys.hourly_counts import HourlyCounts
from streams.journeys.metrics import Buckets
from streams.journeys.moves import Change, Sender, change_owners, forward
from streams.journeys.output import Collision, Entry, Output, hashed
from streams.journeys.ownership import Ownership
from streams.journeys.partition_clock import PartitionClock
from streams.journeys.pending import pending_of, touchpoint_in
from streams.journeys.position import Header, Position
from streams.journeys.recomputation import Recomputation
from streams.journeys.rows import customer_row, journey_row, late_row, lone_row, outcome_row
from streams.journeys.rules import Rules
from streams.journeys.signals import SIGNALS
from streams.journeys.state import NEVER
from streams.journeys.step_context import StepContext
from streams.journeys.timeline import is_folded, is_late, is_urgent, step_removal, step_timers, step_touchpoint

CACHED = 20_000
"""Customers kept decoded; the others are kept as bytes."""
VALUE, BUCKET, COUNT, CUSTOMER, POSITION = b"a", b"b", b"h", b"c", b"p"
"""First byte of a changelog key: what the entry is."""

_timelines = msgspec.msgpack.Decoder(CustomerTimeline)
_headers = msgspec.msgpack.Decoder(Header)
_outlines = msgspec.msgpack.Decoder(Outline)
_positions = msgspec.msgpack.Decoder(Position)
_encode = msgspec.msgpack.Encoder().encode


class Partition:
    """The customers and metric buckets of one partition, as of the last record applied.

    Attributes:
        number: the partition's.
        offset: the last one applied, -1 before the first.
        clock: tells the partition's time and the settled time.
    """

    def __init__(self, number: int, tasks: int, rules: Rules) -> None:
        self.number = number
        self.offset = -1
        self.clock = PartitionClock(tasks, rules)
        self._rules = rules
        self._customers: dict[str, bytes] = {}
        self._cache: dict[str, CustomerTimeline] = {}
        self._timers: list[tuple[int, str]] = []
        self._scheduled: dict[str, int] = {}
        self._values = DimensionValues(rules.dimension_values)
        self._buckets = Buckets(number, rules.dimensions, rules.allowed_lateness_ms, self._values)
        self._checkpoints = Checkpoints()
        self._recomputations: dict[str, Recomputation] = {}
        self._hourly_counts = HourlyCounts(number)
        self._accepted = self._hourly_counts.accepted
        self._counts_plainly = True
        self._forgetting = Forgetting()
        self._effects: dict[str, Effects] = {}
        self._dirty: dict[str, None] = {}
        self._rows: list[Row] = []
        self._received: dict[int, int] = {}
        self._outcomes: list[Row] = []
        self._output = Output()

    @property
    def time(self) -> int:
        """The partition's time, ms."""
        return self.clock.time

    @property
    def sizes(self) -> dict[str, int]:
        """How many customers and buckets are kept."""
        return {"customers": len(self._scheduled), "buckets": len(self._buckets)}

    # -- restoring -------------------------------------------------------------------------------------------------

    def restore(self, key: bytes, value: bytes) -> None:
        """Take an entry of the changelog; of two for one key the higher offset is the true one.

        Raises:
            StateFormatError: the entry is in a format that this release does not read.
        """
        try:
            self._restore(key[:1], key[1:], value)
        except NOT_READ as error:
            raise _unreadable(error) from error

    def _restore(self, kind: bytes, name: bytes, value: bytes) -> None:
        if kind == BUCKET:
            self._buckets.restore(name, value)
        elif kind == COUNT:
            self._hourly_counts.restore(name, value)
        elif kind == VALUE:
            self._values.restore(name, value)
        elif kind == CUSTOMER:
            header = _headers.decode(value)
            check_format(header.format, "a customer's state")
            customer_key = name.decode()
            known = self._customers.get(customer_key)
            if known is None or _headers.decode(known).offset < header.offset:
                self._customers[customer_key] = value
        else:
            position = _positions.decode(value)
            check_format(position.format, "a partition's position")
            if position.offset > self.offset:
                self.offset = position.offset
                self.clock.restore(position)
                self._buckets.final_until = position.final_until
                self._received = position.received

    def restored(self) -> None:
        """Make the timers, once all entries are there.

        Raises:
            StateFormatError: an entry is in a format that this release does not read.
        """
        for customer_key, timeline in self._customers.items():
            try:
                header = _outlines.decode(timeline)
            except NOT_READ as error:
                raise _unreadable(error) from error
            at = header.next_timer_at
            self._scheduled[customer_key] = at
            if at != NEVER:
                self._timers.append((at, customer_key))
            self._forgetting.add(customer_key, header.ownership)
        heapify(self._timers)
        self._choose_counting()

    # -- applying --------------------------------------------------------------------------------------------------

    def apply(self, offset: int, record: LogRecord, data: bytes) -> None:
        """Apply a record of the log; one at or below `self.offset` has been applied, and is passed over.

        Args:
            data: the record as it stands in the log.
        """
        for _ in self.apply_in_parts(offset, record, data):
            pass

    def apply_in_parts(self, offset: int, record: LogRecord, data: bytes) -> Iterator[None]:
        """As `apply`, but let the caller have a turn behind each customer whose timers are due.

        All of it has to be taken: then the record is applied.
        """
        if offset <= self.offset:
            return
        self.offset = offset
        clock = self.clock
        settled_before = clock.settled_before
        clock.advance(record)
        context = StepContext(
            offset,
            clock.time,
            clock.timers_until,
            clock.late_before,
            clock.settled_before,
            self._checkpoints,
            self._recomputations,
        )
        if isinstance(record, Tick):
            yield from self._fire_timers(context)
            if clock.settled_before > settled_before:
                self._wake_urgent(context)
                yield from self._fire_timers(context)
                yield from self._forget_settled(context)
            return
        # Asked before the timers fire, for they move the customer on to this very offset.
        timeline = self._timeline(record.customer_key)
        is_new = offset > timeline.offset
        yield from self._fire_timers(context)
        if isinstance(record, (Moved, Withdrawn)):
            is_new = self._is_first(record) and is_new
        if not is_new:
            self._dirty[record.customer_key] = None
        elif isinstance(record, Touchpoint):
            self._apply_touchpoint(record, data, timeline, context)
        else:
            yield from self._apply_ownership(record, timeline, context)
        if clock.settled_before > settled_before:
            yield from self._forget_settled(context)

    def _timeline(self, customer_key: str) -> CustomerTimeline:
        timeline = self._cache.get(customer_key)
        if timeline is None:
            data = self._customers.get(customer_key)
            timeline = _timelines.decode(data) if data else CustomerTimeline()
            self._cache[customer_key] = timeline
        return timeline

    def _effects_of(self, customer_key: str) -> Effects:
        self._dirty[customer_key] = None
        effects = self._effects.get(customer_key)
        if effects is None:
            effects = self._effects[customer_key] = Effects(customer_key, self._rules)
        return effects

    def _fire_timers(self, context: StepContext) -> Iterator[None]:
        timers = self._timers
        while timers and timers[0][0] <= context.timers_until:
            at, customer_key = heappop(timers)
            timeline = self._timeline(customer_key)
            self._scheduled[customer_key] = NEVER
            # A wake-up may be earlier than the timer: then the timer takes its turn at its own time. So the order of
            # the customers is the same after a restart, and those who take the last places of a dimension are too.
            # A customer written beyond this offset, before a crash, has no timer due by now.
            if timeline.next_timer_at <= at:
                effects = self._effects_of(customer_key)
                step_timers(timeline, context, effects)
                self._apply_deltas(effects, context)
            self._schedule(customer_key, timeline)
            yield

    def _wake_urgent(self, context: StepContext) -> None:
        """Let those go on whose unfinished work the settled time has passed, though the partition's own stands still.

        Whoever has such work is to be woken as soon as that goes on; all timers before are fired by now.
        """
        timers, woken = self._timers, {}
        while timers and timers[0][0] <= context.timers_until + 1:
            at, customer_key = heappop(timers)
            timeline = self._timeline(customer_key)
            # One that was written at this offset or beyond it, before a crash, has done so.
            if timeline.offset < context.offset and is_urgent(timeline, context):
                at = timeline.next_timer_at = self._scheduled[customer_key] = context.timers_until
            woken[customer_key] = at
        for customer_key, at in woken.items():
            heappush(timers, (at, customer_key))

    def _forget_settled(self, context: StepContext) -> Iterator[None]:
        """Forget what was forwarded and can move no more: without a row, and at the same record after a crash."""
        for customer_key in self._forgetting.due(context.settled_before):
            timeline = self._timeline(customer_key)
            ownership = timeline.ownership
            # It may have forwarded another since. All go at once: when the queue was made may not matter.
            if ownership is not None and ownership.is_settled(context.settled_before):
                ownership.forget_settled(context.settled_before)
                timeline.offset = context.offset
                self._dirty[customer_key] = None
            self._forgetting.add(customer_key, ownership)
            yield

    def _schedule(self, customer_key: str, timeline: CustomerTimeline) -> None:
        """Wake the customer at its next timer; an earlier wake-up that stands looks again by itself."""
        if timeline.next_timer_at < self._scheduled.get(customer_key, NEVER):
            heappush(self._timers, (timeline.next_timer_at, customer_key))
            self._scheduled[customer_key] = timeline.next_timer_at

    def _apply_touchpoint(
        self, touchpoint: Touchpoint, data: bytes, timeline: CustomerTimeline, context: StepContext
    ) -> None:
        customer_key = touchpoint.customer_key
        counts = self._output.counts
        ownership = timeline.ownership
        known = find_pending(timeline, touchpoint.event_id)
        if known is not None:
            self._count_repeat(touchpoint, known.fingerprint, context)
        elif ownership is not None and self._apply_owned(touchpoint, timeline, ownership, context):
            return
        elif is_late(timeline, touchpoint, context):
            counts["late"] += 1
            self._output.late.append((touchpoint.source_topic, touchpoint.source))
            self._rows.append(late_row(touchpoint, timeline.current.journey, self._rules, context.offset))
            self._note(touchpoint, "late", context)
        else:
            effects = self._effects_of(customer_key)
            self._count_on_time(touchpoint, context)
            newcomer = pending_of(touchpoint, data, ahead=self._rules.is_ahead(touchpoint))
            step_touchpoint(timeline, touchpoint, newcomer, context, effects)
            if touchpoint.event_id not in effects.touchpoints:
                # It waits for its time: analysts see it at once, in no journey yet.
                effects.touchpoints[touchpoint.event_id] = lone_row(touchpoint, customer_key, "", self._rules)
            self._apply_deltas(effects, context)
            self._schedule(customer_key, timeline)

    def _apply_owned(
        self, touchpoint: Touchpoint, timeline: CustomerTimeline, ownership: Ownership, context: StepContext
    ) -> bool:
        """Forward a touchpoint that is another's, unless it is late; return whether nothing is left to do."""
        customer_key = touchpoint.customer_key
        returned = find_pending(timeline, f"{touchpoint.event_id}\0{customer_key}")
        known = returned or ownership.find(touchpoint.event_id)
        if known is not None:
            self._count_repeat(touchpoint, known.fingerprint, context)
            return True
        owner = ownership.owner_at(touchpoint.occurred_at) or customer_key
        if owner == customer_key or is_late(timeline, touchpoint, context):
            return False
        self._count_on_time(touchpoint, context)
        forward(ownership, touchpoint, owner, self._sender(context))
        ownership.forget_settled(context.settled_before)
        self._forgetting.add(customer_key, ownership)
        # Analysts see it at once, in no journey yet.
        row = lone_row(touchpoint, owner, "", self._rules)
        row.version = ON_TIME | row_version(self._rules.epoch, context.offset)
        self._rows.append(row)
        timeline.offset = context.offset
        self._dirty[customer_key] = None
        return True

    def _apply_ownership(
        self, record: Owners | Forwarded, timeline: CustomerTimeline, context: StepContext
    ) -> Iterator[None]:
        """Apply what the journeys' own partitions, or the links, say of whose touchpoints are."""
        customer_key = record.customer_key
        left: list[str] = []
        received: list[tuple[bytes, int]] = []
        if isinstance(record, Owners):
            change = Change(left, received)
            yield from change_owners(timeline, record, context.settled_before, self._sender(context), change)
            self._forgetting.add(customer_key, timeline.ownership)
        elif isinstance(record, Withdrawn):
            left = record.timeline_ids
        else:
            received = [(record.record, record.whole_bytes)]
        if left:
            effects = self._effects_of(customer_key)
            step_removal(timeline, left, context, effects)
            self._apply_deltas(effects, context)
        for data, whole_bytes in received:
            self._take_in(customer_key, data, whole_bytes, timeline, context)
            if len(received) > 1:
                yield
        timeline.offset = context.offset
        self._dirty[customer_key] = None
        self._schedule(customer_key, timeline)

    def _take_in(
        self, customer_key: str, data: bytes, whole_bytes: int, timeline: CustomerTimeline, context: StepContext
    ) -> None:
        """Let a touchpoint take effect that another partition has accepted."""
        touchpoint = touchpoint_in(data)
        if touchpoint.occurred_at < context.settled_before or is_folded(timeline, touchpoint):
            # A robot's: its row stays as the partition of its stated key has sent it.
            self._output.counts["moved_late"] += 1
            return
        self._output.counts["moved"] += 1
        effects = self._effects_of(customer_key)
        newcomer = pending_of(touchpoint, data, ahead=self._rules.is_ahead(touchpoint), whole_bytes=whole_bytes)
        step_touchpoint(timeline, touchpoint, newcomer, context, effects)
        if whole_bytes:
            # Its text is not here: the row stays as it was sent when it was whole.
            effects.touchpoints.pop(touchpoint.timeline_id, None)
        elif touchpoint.timeline_id not in effects.touchpoints:
            effects.touchpoints[touchpoint.timeline_id] = lone_row(touchpoint, customer_key, "", self._rules)
        self._apply_deltas(effects, context)

    def _is_first(self, record: Forwarded) -> bool:
        """Return whether a forwarded record is not one that was sent again after a crash."""
        if record.number <= self._received.get(record.sender, -1):
            return False
        self._received[record.sender] = record.number
        return True

    def _sender(self, context: StepContext) -> Sender:
        return Sender(self.number, context.offset, self._output.forwarded)

    def _count_on_time(self, touchpoint: Touchpoint, context: StepContext) -> None:
        self._output.counts["touchpoints"] += 1
        self._output.on_time.append((touchpoint.source_topic, touchpoint.source))
        if self._counts_plainly:
            self._accepted.append((touchpoint.kind, touchpoint.occurred_at // HOUR_MS))
        else:
            self._count_accepted(touchpoint, context)

    def _choose_counting(self) -> None:
        """Count plainly unless a record may be counted already, or be on time in an hour that is counted no more.

        The latter can only be where the allowed lateness is longer now than it was.
        """
        closed_until = max(0, self.clock.settled_before)
        self._counts_plainly = not self._hourly_counts.is_guarded and self._buckets.final_until <= closed_until

    def _count_accepted(self, touchpoint: Touchpoint, context: StepContext) -> None:
        at = touchpoint.occurred_at
        if at - at % HOUR_MS + HOUR_MS <= self._buckets.final_until:
            self._note(touchpoint, "accepted", context)
        else:
            self._hourly_counts.add(touchpoint.kind, at, context.offset, 1, 0)

    def _count_repeat(self, touchpoint: Touchpoint, fingerprint: int, context: StepContext) -> None:
        if touchpoint.fingerprint == fingerprint:
            self._output.counts["duplicates"] += 1
            at = touchpoint.occurred_at
            if at - at % HOUR_MS + HOUR_MS <= max(context.settled_before, self._buckets.final_until):
                self._note(touchpoint, "duplicate", context)
            else:
                self._hourly_counts.add(touchpoint.kind, at, context.offset, 0, 1)
            return
        self._output.counts["collisions"] += 1
        detail = (
            f"event_id {touchpoint.event_id!r} of {touchpoint.customer_key!r} was seen before with another payload;"
            " give each event its own id"
        )
        self._output.collisions.append(
            Collision(touchpoint.source_topic, touchpoint.source_partition, touchpoint.source_offset, detail)
        )

    def _note(self, touchpoint: Touchpoint, outcome: Outcome, context: StepContext) -> None:
        """Note what became of a touchpoint that is in no hourly count."""
        self._outcomes.append(outcome_row(touchpoint, outcome, self._rules.epoch, context.offset))

    def _apply_deltas(self, effects: Effects, context: StepContext) -> None:
        for delta in effects.deltas:
            if not self._buckets.apply(delta, context.offset):
                self._output.counts["final"] += 1
        effects.deltas.clear()

    # -- flushing --------------------------------------------------------------------------------------------------

    def flush(self) -> Output:
        """Return what has come about since the last flush."""
        output, self._output = self._output, Output()
        facts = output.facts
        self._flush_customers(output)
        self._flush_counts(output)
        self._flush_buckets(output)
        facts["touchpoints"] += self._rows
        self._rows = []
        version = row_version(self._rules.epoch, self.offset)
        facts["currencies"] = list(self._buckets.flush_currencies(version))
        clock = self.clock
        facts["clocks"] = [ClockRow(self.number, clock.time, clock.settled, self.offset, version)]
        final_until = self._buckets.final_until
        position = Position(
            FORMAT,
            self.offset,
            watermarks=clock.watermarks,
            time=clock.time,
            final_until=final_until,
            settled=clock.heard,
            received=self._received,
            decided=clock.decided,
        )
        output.position = (POSITION, _encode(position))
        self._choose_counting()
        return output

    def _flush_counts(self, output: Output) -> None:
        rows, writes = self._hourly_counts.flush(self._rules.epoch, self.offset)
        output.facts["hourly_counts"] = list(rows)
        output.facts["outcomes"], self._outcomes = self._outcomes, []
        output.buckets += [(COUNT + key, value) for key, value in writes]
        # Before the buckets forget: their bound is still that of the last position, which is in the changelog.
        forgotten = self._hourly_counts.forget(self._buckets.final_until)
        output.forgotten += [(COUNT + key, value) for key, value in forgotten]

    def _flush_buckets(self, output: Output) -> None:
        rows, writes = self._buckets.flush(self._rules.epoch, output.trimmed)
        output.facts["metric_buckets"] = list(rows)
        output.buckets += [(BUCKET + key, value) for key, value in writes]
        output.forgotten += [(BUCKET + key, value) for key, value in self._buckets.forget(self.clock.settled)]
        output.values = [(VALUE + key, value) for key, value in self._values.flush()]
        output.forgotten += [(VALUE + key, value) for key, value in self._values.forget(self._buckets.final_until)]
        for dimension, observations in self._values.overflow.items():
            output.overflow[hashed(dimension)] = observations
        self._values.overflow.clear()

    def _flush_customers(self, output: Output) -> None:
        for table in ("touchpoints", "journeys", *SIGNALS, "customers"):
            output.facts[table] = []
        for customer_key in self._dirty:
            timeline = self._timeline(customer_key)
            data = _encode(timeline)
            self._customers[customer_key] = data
            output.customers.append(_entry(customer_key, data))
            effects = self._effects.get(customer_key)
            if effects is not None:
                self._flush_effects(timeline, effects, output)
        self._dirty.clear()
        self._effects.clear()
        if len(self._cache) > CACHED:
            self._cache.clear()

    def _flush_effects(self, timeline: CustomerTimeline, effects: Effects, output: Output) -> None:
        version = row_version(self._rules.epoch, timeline.offset)
        facts, current = output.facts, timeline.current
        output.counts["timers"] += effects.timers
        output.trimmed.update(effects.trimmed)
        output.counts["recomputations"] += effects.recomputations
        if effects.folded_early:
            output.folded_early[hashed(effects.customer_id)] = effects.folded_early
        if current.journey is not None:
            row = journey_row(current.journey, None, effects)
            effects.journeys[row.journey_id] = row
        for touchpoint in effects.touchpoints.values():
            touchpoint.version = ON_TIME | version | touchpoint.version & MOVES
        facts["touchpoints"] += effects.touchpoints.values()
        _give(facts["journeys"], effects.journeys.values(), version)
        for table, entities in effects.entities.items():
            _give(facts.setdefault(table, []), entities.values(), version)
            if (signal_of := SIGNALS.get(table)) is not None:
                output.signals.extend(map(signal_of, entities.values()))
        _give(facts["customers"], [customer_row(current, effects.customer_id, deleted=timeline.is_empty)], version)


def _unreadable(error: Exception) -> StateFormatError:
    return StateFormatError(
        f"an entry of journeys.state.v1 cannot be read ({error}): another release, or something else, has written it. "
        "Run that release, or build the state anew: docs/operating.md#rebuilding"
    )


def _entry(customer_key: str, data: bytes) -> Entry:
    return CUSTOMER + customer_key.encode(), data


def _give(rows: list[Row], changed: Any, version: int) -> None:
    """Append rows under their version."""
    for row in changed:
        row.version = version
        rows.append(row)
