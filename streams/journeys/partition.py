"""The state of one partition of the journeys log: its customers, its metric buckets, and its own time.

`apply` takes the log's records in the order of their offsets; `flush` gives what they brought about since the last
flush: rows and signals to send, and the changelog entries to write, in the order in which they must be written. All of
it is a function of the log alone, wherever the chunks are cut: an entity that changed several times is given once, as
it is after the last record applied, under a version made of the offset that changed it last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from schemas.erasures import ErasedRows
from schemas.errors import NOT_READ
from schemas.journey_log import Erased, Forwarded, LogRecord, Moved, Owners, Tick, Withdrawn
from schemas.kinds.touchpoint import Touchpoint
from schemas.rows import ClockRow, Row
from schemas.subjects import SubjectStated
from schemas.transfers import Adopted
from schemas.versions import ON_TIME, row_version
from streams.journeys import departures
from streams.journeys.ahead import is_one_too_many, is_one_too_many_forwarded
from streams.journeys.checkpoints import Checkpoints
from streams.journeys.customer_timeline import CustomerTimeline, find_pending
from streams.journeys.customers import Customers
from streams.journeys.dimension_values import DimensionValues
from streams.journeys.erasing import take_later
from streams.journeys.formats import FORMAT, StateFormatError, check_format
from streams.journeys.metrics import Buckets
from streams.journeys.moves import Change, Sender, change_owners, forward, take_statement
from streams.journeys.outcomes import Outcomes
from streams.journeys.output import Output, hashed
from streams.journeys.ownership import Ownership
from streams.journeys.partition_clock import PartitionClock
from streams.journeys.pending import pending_of, touchpoint_in
from streams.journeys.position import Position
from streams.journeys.recomputation import Recomputation
from streams.journeys.rows import late_row, lone_row
from streams.journeys.rules import Rules
from streams.journeys.step_context import StepContext
from streams.journeys.timeline import is_folded, is_late, step_removal, step_touchpoint

VALUE, BUCKET, COUNT, BLOCK, CUSTOMER, ERASED, POSITION = b"a", b"b", b"h", b"t", b"c", b"e", b"p"
"""First byte of a changelog key: what the entry is."""
TimedRecord = Tick | Touchpoint | Owners | Forwarded | Erased
AT_ONCE = ()
"""The parts of a record that is applied already."""

_positions = msgspec.msgpack.Decoder(Position)
_encode = msgspec.msgpack.Encoder().encode


class Partition:
    """The customers and metric buckets of one partition, as of the last record applied.

    Attributes:
        number: the partition's.
        offset: the last one applied, -1 before the first.
        clock: tells the partition's time and the settled time.
        customers: what is kept of each.
        links_end: the offset after the last link that it has written.
    """

    def __init__(self, number: int, tasks: int, rules: Rules) -> None:
        self.number = number
        self.offset = -1
        self.clock = PartitionClock(tasks, rules)
        self.links_end = 0
        self._rules = rules
        self._values = DimensionValues(rules.dimension_values)
        self._buckets = Buckets(number, rules.dimensions, rules.allowed_lateness_ms, self._values)
        self.customers = Customers(rules, self._buckets)
        self._outcomes = Outcomes(number, rules, self._buckets)
        self._checkpoints = Checkpoints()
        self._recomputations: dict[str, Recomputation] = {}
        self._received: dict[int, int] = {}
        self._written = -1
        self._rows: list[Row] = []
        self._output = Output()
        self._sending: Sender | None = None

    @property
    def time(self) -> int:
        """The partition's time, ms."""
        return self.clock.time

    @property
    def sizes(self) -> dict[str, int]:
        """How many customers and buckets are kept."""
        return {"customers": len(self.customers), "buckets": len(self._buckets)}

    @property
    def unwritten_bytes(self) -> int:
        """Bytes, about, of what a flush would return.

        They are those of the records applied, whose touchpoints become rows, of what is forwarded, and of the customers
        as they were before, whose states are written.
        """
        return self._output.size + self.customers.unwritten_bytes

    # -- restoring -------------------------------------------------------------------------------------------------

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take an entry of the changelog; of two for one key the higher offset is the true one.

        A tombstone is not needed: what is final, and comes back where an older value of it is still there, is forgotten
        again at once. Those of customers are many, and spare the work.

        Raises:
            StateFormatError: the entry is in a format that this release does not read.
        """
        try:
            if value is not None:
                self._restore(key[:1], key[1:], value)
            elif key[:1] == CUSTOMER:
                self.customers.restore_tombstone(key[1:].decode())
            elif key[:1] == BLOCK:
                self.customers.blocks.restore_tombstone(key[1:])
        except NOT_READ as error:
            raise _unreadable(error) from error

    def _restore(self, kind: bytes, name: bytes, value: bytes) -> None:
        if kind == BUCKET:
            self._buckets.restore(name, value)
        elif kind == COUNT:
            self._outcomes.restore(name, value)
        elif kind == VALUE:
            self._values.restore(name, value)
        elif kind == CUSTOMER:
            self.customers.restore(name.decode(), value)
        elif kind == BLOCK:
            self.customers.blocks.restore(name, value)
        elif kind == ERASED:
            self.customers.erased.restore(name, value)
        else:
            position = _positions.decode(value)
            check_format(position.format, "a partition's position")
            if position.offset > self.offset:
                self.offset = self._written = position.offset
                self.clock.restore(position)
                self._buckets.final_until = position.final_until
                self._received = position.received
                self.links_end = position.links_end

    def restored(self) -> None:
        """Make the timers, once all entries are there.

        Raises:
            StateFormatError: an entry is in a format that this release does not read.
        """
        try:
            self.customers.restored(self.offset, self.clock.settled_before)
        except NOT_READ as error:
            raise _unreadable(error) from error
        self._outcomes.choose_counting(self.clock.settled_before)

    # -- applying --------------------------------------------------------------------------------------------------

    def apply(self, offset: int, record: LogRecord, data: bytes) -> None:
        """Apply a record of the log; one at or below `self.offset` has been applied, and is passed over.

        Args:
            data: the record as it stands in the log.
        """
        for _ in self.apply_in_parts(offset, record, data):
            pass

    def apply_in_parts(self, offset: int, record: LogRecord, data: bytes) -> Iterable[None]:
        """As `apply`, but let the caller have a turn behind each customer whose timers are due.

        All of it has to be taken: then the record is applied.
        """
        if offset <= self.offset:
            return AT_ONCE
        self.offset = offset
        self._output.size += len(data)
        if isinstance(record, SubjectStated):
            # It tells no time, so that nothing else can be due by it.
            if self.customers.erased.concerned(offset, record) is None:
                self._output.links += take_statement(self.customers.timeline(record.customer_key), record, offset)
                self.customers.touch(record.customer_key)
            return AT_ONCE
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
        is_settled = context.settled_before > settled_before
        customers = self.customers
        if (
            is_settled
            or customers.timers.is_due(context.timers_until)
            or not isinstance(record, Touchpoint)
            or record.occurred_at <= customers.erased.until
            or offset <= customers.erased.applied
        ):
            return self._apply_in_parts(record, data, context, is_settled=is_settled)
        # Nothing but the touchpoint: a generator costs more than all that is asked here.
        timeline = customers.timeline(record.customer_key)
        if timeline.ownership is not None and timeline.ownership.adopted_since:
            return self._apply_in_parts(record, data, context, is_settled=False)
        if offset > timeline.offset:
            self._apply_touchpoint(record, data, timeline, context)
        else:
            customers.touch(record.customer_key)
        return AT_ONCE

    def _apply_in_parts(
        self, record: TimedRecord, data: bytes, context: StepContext, *, is_settled: bool
    ) -> Iterator[None]:
        """Apply a record, and what follows from the time that it tells.

        Args:
            is_settled: whether the settled time has gone on by it.
        """
        if isinstance(record, Tick):
            yield from self.customers.fire_timers(context)
            if is_settled:
                self.customers.wake_urgent(context)
                yield from self.customers.fire_timers(context)
                yield from self.customers.forget_settled(context)
            self._send_departed(context)
            return
        erased = self.customers.erased.concerned(context.offset, record)
        # Asked before the timers fire, for they move the customer on to this very offset.
        is_new = erased is None and context.offset > self.customers.timeline(record.customer_key).offset
        yield from self.customers.fire_timers(context)
        timeline = self.customers.timeline(record.customer_key)
        if isinstance(record, (Moved, Withdrawn)):
            is_new = self._is_first(record) and is_new
        if erased is not None:
            if isinstance(record, Touchpoint) and context.offset > erased.offset:
                self._outcomes.note_erased(record, context)
        elif not is_new:
            self._write_again(record, context)
        elif isinstance(record, Touchpoint):
            self._apply_touchpoint(record, data, timeline, context)
            yield from self._end_partings(record.customer_key, timeline, context)
        else:
            yield from self._apply_ownership(record, timeline, context)
        if is_settled:
            yield from self.customers.forget_settled(context)
        self._send_departed(context)

    def _write_again(self, record: Owners | Forwarded | Erased | Touchpoint, context: StepContext) -> None:
        """Write what was written before a crash, so that nothing of the record is missing in the changelog."""
        self.customers.touch(record.customer_key)
        if isinstance(record, Erased):
            self.customers.erased.add(record, context.offset)

    def _apply_touchpoint(
        self, touchpoint: Touchpoint, data: bytes, timeline: CustomerTimeline, context: StepContext
    ) -> None:
        customer_key = touchpoint.customer_key
        ownership = timeline.ownership
        known = find_pending(timeline, touchpoint.event_id)
        if known is not None:
            self._outcomes.count_repeat(touchpoint, known.fingerprint, context)
        elif ownership is not None and self._apply_owned(touchpoint, timeline, ownership, context):
            return
        elif is_late(timeline, touchpoint, context):
            self._rows.append(late_row(touchpoint, timeline.current.journey, self._rules, context.offset))
            self._outcomes.note_late(touchpoint, context)
        else:
            newcomer = pending_of(touchpoint, data, ahead=self._rules.is_ahead(touchpoint))
            if is_one_too_many(timeline, touchpoint, newcomer, context):
                self._outcomes.refuse_ahead(touchpoint)
                return
            effects = self.customers.effects(customer_key)
            self._outcomes.accept(touchpoint, context)
            step_touchpoint(timeline, touchpoint, newcomer, context, effects)
            if touchpoint.event_id not in effects.touchpoints:
                # It waits for its time: analysts see it at once, in no journey yet.
                effects.touchpoints[touchpoint.event_id] = lone_row(touchpoint, customer_key, "", self._rules)
            self.customers.apply_deltas(effects, context)
            if ownership is not None:
                self._part(customer_key, timeline, ownership, context)
            self.customers.timers.schedule(customer_key, timeline.next_timer_at)

    def _apply_owned(
        self, touchpoint: Touchpoint, timeline: CustomerTimeline, ownership: Ownership, context: StepContext
    ) -> bool:
        """Forward a touchpoint that is another's, unless it is late; return whether nothing is left to do."""
        customer_key = touchpoint.customer_key
        returned = find_pending(timeline, f"{touchpoint.event_id}\0{customer_key}")
        known = returned or ownership.find(touchpoint.event_id)
        if known is not None:
            self._outcomes.count_repeat(touchpoint, known.fingerprint, context)
            return True
        owner = ownership.owner_at(touchpoint.occurred_at, touchpoint.source) or customer_key
        if owner == customer_key or is_late(timeline, touchpoint, context):
            return False
        is_ahead = self._rules.is_ahead(touchpoint)
        if is_ahead and is_one_too_many_forwarded(ownership, touchpoint, context):
            self._outcomes.refuse_ahead(touchpoint)
            return True
        self._outcomes.accept(touchpoint, context)
        forward(ownership, touchpoint, owner, self._sender(context), ahead=is_ahead)
        ownership.forget_settled(context.settled_before)
        self.customers.await_settled(customer_key, ownership)
        # Analysts see it at once, in no journey yet.
        row = lone_row(touchpoint, owner, "", self._rules)
        row.version = ON_TIME | row_version(self._rules.epoch, context.offset)
        self._rows.append(row)
        timeline.offset = context.offset
        self.customers.touch(customer_key)
        return True

    def _apply_ownership(
        self, record: Owners | Forwarded | Erased, timeline: CustomerTimeline, context: StepContext
    ) -> Iterator[None]:
        """Apply what the journeys' own partitions, or the links, say of whose touchpoints are."""
        if isinstance(record, Erased):
            yield from self._erase(record, timeline, context)
            return
        if isinstance(record, Withdrawn) and timeline.offset < 0:
            return  # its owner was erased
        customer_key = record.customer_key
        left: list[str] = []
        received: list[tuple[bytes, int]] = []
        known = timeline.ownership
        if isinstance(record, Owners):
            change = Change(left, received)
            yield from change_owners(timeline, record, context.settled_before, self._sender(context), change)
            left += departures.outdated(timeline, customer_key, context.settled_before)
            self.customers.await_settled(customer_key, timeline.ownership)
        elif isinstance(record, Withdrawn):
            left = record.timeline_ids
        else:
            received = [(record.record, record.whole_bytes)]
        if left and not timeline.is_empty:
            effects = self.customers.effects(customer_key)
            step_removal(timeline, left, context, effects)
            self.customers.apply_deltas(effects, context)
        for data, whole_bytes in received:
            self._take_in(customer_key, data, whole_bytes, timeline, context)
            if len(received) > 1:
                yield
        self._part(customer_key, timeline, known, context)
        timeline.offset = context.offset
        self.customers.touch(customer_key)
        yield from self._end_partings(customer_key, timeline, context)

    def _erase(self, record: Erased, timeline: CustomerTimeline, context: StepContext) -> Iterator[None]:
        """Forget a stated key, and let what happened only after the erasure begin a new profile.

        Metrics stay as they are: they name nobody, and have counted what comes again.
        """
        yield from self.customers.forget_statements(record, context.offset)
        if record.is_elsewhere:
            self.customers.erased.add(record, context.offset)
            return
        customer_key = record.customer_key
        version = row_version(self._rules.epoch, context.offset)
        later = list(take_later(timeline, record, self._sender(context)))
        ownership = timeline.ownership
        subject = (
            ownership.subject.since(record.at) if ownership is not None and ownership.subject is not None else None
        )
        # Touchpoints that were counted: the sink deletes their rows, and counts what it deletes.
        self._rows += self.customers.erase(record, context.offset)
        self._checkpoints.forget(customer_key)
        self._recomputations.pop(customer_key, None)
        self._outcomes.forget_refused(customer_key)
        self._output.erased_rows.append(ErasedRows(record.erasure_id, record.at, [customer_key], version))
        timeline = self.customers.timeline(customer_key)
        if later or (subject is not None and subject.statements):
            # What had been an owner's is known again by that, if it comes again.
            timeline.ownership = Ownership([], [], record.links_offset - 1, subject=subject)
            timeline.offset = context.offset
            self.customers.touch(customer_key)
        for one in later:
            self._take_in(customer_key, one.record, one.whole_bytes, timeline, context, is_counted=False)
            yield
        self.customers.timers.schedule(customer_key, timeline.next_timer_at)

    def _take_in(
        self,
        customer_key: str,
        data: bytes,
        whole_bytes: int,
        timeline: CustomerTimeline,
        context: StepContext,
        *,
        is_counted: bool = True,
    ) -> None:
        """Let a touchpoint take effect that was accepted before; in the metrics, too, if it is to be counted there."""
        touchpoint = touchpoint_in(data)
        if isinstance(touchpoint, Adopted):
            self._adopt(customer_key, touchpoint, timeline, context)
            return
        newcomer = pending_of(touchpoint, data, ahead=self._rules.is_ahead(touchpoint), whole_bytes=whole_bytes)
        if (
            touchpoint.occurred_at < context.settled_before
            or is_folded(timeline, touchpoint)
            or is_one_too_many(timeline, touchpoint, newcomer, context)
        ):
            # A robot's: its row stays as the partition of its stated key has sent it.
            self._output.counts["moved_late"] += 1
            return
        self._output.counts["moved"] += 1
        effects = self.customers.effects(customer_key)
        step_touchpoint(timeline, touchpoint, newcomer, context, effects)
        if whole_bytes:
            # Its text is not here: the row stays as it was sent when it was whole.
            effects.touchpoints.pop(touchpoint.timeline_id, None)
        elif touchpoint.timeline_id not in effects.touchpoints:
            effects.touchpoints[touchpoint.timeline_id] = lone_row(touchpoint, customer_key, "", self._rules)
        if not is_counted:
            effects.deltas.clear()
        self.customers.apply_deltas(effects, context)

    def _adopt(self, customer_key: str, adopted: Adopted, timeline: CustomerTimeline, context: StepContext) -> None:
        """Let things take their place in their owner's timeline, that of what was sent of them before."""
        effects = self.customers.effects(customer_key)
        if find_pending(timeline, adopted.event_id) is not None:
            step_removal(timeline, [adopted.event_id], context, effects)
        step_touchpoint(timeline, *departures.placed(adopted, timeline, context), context, effects)
        self.customers.apply_deltas(effects, context)

    def _part(
        self, customer_key: str, timeline: CustomerTimeline, known: Ownership | None, context: StepContext
    ) -> None:
        """Let a key's timeline have the partings that its owners bring about; `known` are those up to now."""
        for parted, newcomer in departures.missing(timeline, customer_key, known, context):
            effects = self.customers.effects(customer_key)
            step_touchpoint(timeline, parted, newcomer, context, effects)
            self.customers.apply_deltas(effects, context)

    def _end_partings(self, customer_key: str, timeline: CustomerTimeline, context: StepContext) -> Iterator[None]:
        yield from self.customers.end_partings(customer_key, timeline, context)
        self.customers.timers.schedule(customer_key, timeline.next_timer_at)

    def _send_departed(self, context: StepContext) -> None:
        """Send what has left by a record, behind all else that is sent by it."""
        if self.customers.departed:
            departures.send(self.customers.departed, self._sender(context))
            self.customers.departed.clear()

    def _is_first(self, record: Forwarded) -> bool:
        """Return whether a forwarded record is not one that was sent again after a crash."""
        if record.number <= self._received.get(record.sender, -1):
            return False
        self._received[record.sender] = record.number
        return True

    def _sender(self, context: StepContext) -> Sender:
        """Return what numbers all that one record makes the partition send."""
        if self._sending is None or self._sending.offset != context.offset:
            self._sending = Sender(self.number, context.offset, self._output)
        return self._sending

    # -- flushing --------------------------------------------------------------------------------------------------

    def flush(self) -> Output:
        """Return what has come about since the last flush."""
        output, self._output = self._output, Output()
        facts = output.facts
        blocks = self.customers.blocks
        # Before this flush adds what is needed no longer by its own entries: they are not in the changelog yet.
        spent = blocks.take_spent()
        customers, left = self.customers.flush(output, self._written)
        # Before the customers, whose entries name them.
        output.customers = [(BLOCK + key, value) for key, value in blocks.take_sealed()]
        output.customers += [(CUSTOMER + key, value) for key, value in customers]
        # Behind the customers: what is new of somebody has to be there before their touchpoints are passed over.
        output.customers += [(ERASED + digest, value) for digest, value in self.customers.erased.flush()]
        output.customers += [(CUSTOMER + key, None) for key in self.customers.take_gone()]
        output.customers += [(BLOCK + key, None) for key in blocks.take_erased()]
        output.forgotten += [(CUSTOMER + key, value) for key, value in left]
        output.forgotten += [(BLOCK + key, None) for key in spent]
        counts, forgotten = self._outcomes.flush(output, self.offset)
        output.buckets += [(COUNT + key, value) for key, value in counts]
        output.forgotten += [(COUNT + key, value) for key, value in forgotten]
        self._flush_buckets(output)
        facts["touchpoints"] += self._rows
        self._rows = []
        version = row_version(self._rules.epoch, self.offset)
        facts["currencies"] = list(self._buckets.flush_currencies(version))
        clock = self.clock
        facts["clocks"] = [ClockRow(self.number, clock.time, clock.settled, self.offset, version)]
        output.position = self._position()
        self._outcomes.choose_counting(clock.settled_before)
        # The next flush is asked for when this one's entries are in the changelog.
        self._written = self.offset
        return output

    def wrote_links(self, output: Output, end: int) -> None:
        """Note where the links end that an output had, once they are written: its position has to say so."""
        self.links_end = end
        output.position = self._position()

    def _position(self) -> tuple[bytes, bytes]:
        clock = self.clock
        position = Position(
            FORMAT,
            self.offset,
            watermarks=clock.watermarks,
            time=clock.time,
            final_until=self._buckets.final_until,
            settled=clock.heard,
            received=self._received,
            decided=clock.decided,
            links_end=self.links_end,
        )
        return POSITION, _encode(position)

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


def _unreadable(error: Exception) -> StateFormatError:
    return StateFormatError(
        f"an entry of journeys.state.v1 cannot be read ({error}): another release, or something else, has written it. "
        "Run that release, or build the state anew: docs/operating.md#rebuilding"
    )
