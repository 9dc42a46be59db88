"""The state of one partition of the journeys log: its customers, its metric buckets, and its own time.

`apply` takes the log's records in the order of their offsets; `flush` gives what they brought about since the last
flush: rows and signals to send, and the changelog entries to write, in the order in which they must be written. All of
it is a function of the log alone, wherever the chunks are cut: an entity that changed several times is given once, as
it is after the last record applied, under a version made of the offset that changed it last.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

import msgspec

from schemas.errors import NOT_READ
from schemas.journey_log import Erased, Forwarded, LogRecord, Moved, Owners, Tick, Withdrawn
from schemas.kinds.touchpoint import Touchpoint
from schemas.rows import ClockRow
from schemas.steps import end_of, parts_of
from schemas.subjects import SubjectStated
from schemas.versions import row_version
from streams.journeys.customers import Customers
from streams.journeys.dimension_values import DimensionValues
from streams.journeys.formats import FORMAT, StateFormatError, check_format
from streams.journeys.metrics import Buckets
from streams.journeys.outcomes import Outcomes
from streams.journeys.output import Entry, Output, hashed
from streams.journeys.partition_clock import PartitionClock
from streams.journeys.position import Position
from streams.journeys.record_steps import RecordSteps
from streams.journeys.rules import Rules
from streams.journeys.step_context import StepContext

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
        self._steps = RecordSteps(number, rules, self.customers, self._outcomes)
        self._written = -1

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
        return self._steps.output.size + self.customers.unwritten_bytes

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
                self._steps.received = position.received
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
        self._steps.output.size += len(data)
        if isinstance(record, SubjectStated):
            # It tells no time, so that nothing else can be due by it.
            if self.customers.erased.concerned(offset, record) is None:
                self._steps.take_statement(record, offset)
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
            self._steps.checkpoints,
            self._steps.recomputations,
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
            self._steps.take_touchpoint(record, data, timeline, context)
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
            self._steps.send_departed(context)
            return
        erased = self.customers.erased.concerned(context.offset, record)
        # Asked before the timers fire, for they move the customer on to this very offset.
        is_new = erased is None and context.offset > self.customers.timeline(record.customer_key).offset
        yield from self.customers.fire_timers(context)
        timeline = self.customers.timeline(record.customer_key)
        if isinstance(record, (Moved, Withdrawn)):
            is_new = self._steps.is_first(record) and is_new
        if erased is not None:
            if isinstance(record, Touchpoint) and context.offset > erased.offset:
                self._outcomes.note_erased(record, context)
        elif not is_new:
            if isinstance(record, Erased):
                # Its customer's entry is in the changelog. What says who was erased stands behind that.
                self.customers.erased.add(record, context.offset)
        elif isinstance(record, Touchpoint):
            self._steps.take_touchpoint(record, data, timeline, context)
            yield from self._steps.end_partings(record.customer_key, timeline, context)
        else:
            yield from self._steps.take_ownership(record, timeline, context)
        if is_settled:
            yield from self.customers.forget_settled(context)
        self._steps.send_departed(context)

    # -- flushing --------------------------------------------------------------------------------------------------

    def flush(self) -> Output:
        """Return what has come about since the last flush."""
        return end_of(self.flushing())

    def flushing(self) -> Generator[None, None, Output]:
        """Do the same little by little; the caller may let others have a turn at each yield.

        All of it has to be taken before a record is applied.
        """
        output, self._steps.output = self._steps.output, Output()
        facts = output.facts
        blocks = self.customers.blocks
        # Before this flush adds what is needed no longer by its own entries: they are not in the changelog yet.
        spent = blocks.take_spent()
        customers, left = yield from self.customers.flushing(output, self._written)
        # Before the customers, whose entries name them.
        output.customers = [(BLOCK + key, value) for key, value in blocks.take_sealed()]
        yield from _add(output.customers, CUSTOMER, customers)
        # Behind the customers: what is new of somebody has to be there before their touchpoints are passed over.
        output.customers += [(ERASED + digest, value) for digest, value in self.customers.erased.flush()]
        output.customers += [(CUSTOMER + key, None) for key in self.customers.take_gone()]
        output.customers += [(BLOCK + key, None) for key in blocks.take_erased()]
        yield from _add(output.forgotten, CUSTOMER, left)
        output.forgotten += [(BLOCK + key, None) for key in spent]
        counts, forgotten = yield from self._outcomes.flushing(output, self.offset)
        yield from _add(output.buckets, COUNT, counts)
        yield from _add(output.forgotten, COUNT, forgotten)
        yield from self._flush_buckets(output)
        facts["touchpoints"] += self._steps.rows
        self._steps.rows = []
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
            received=self._steps.received,
            decided=clock.decided,
            links_end=self.links_end,
        )
        return POSITION, _encode(position)

    def _flush_buckets(self, output: Output) -> Iterator[None]:
        rows, writes = yield from self._buckets.flushing(self._rules.epoch, output.trimmed)
        output.facts["metric_buckets"] = list(rows)
        yield from _add(output.buckets, BUCKET, writes)
        yield from _add(output.forgotten, BUCKET, (yield from self._buckets.forgetting(self.clock.settled)))
        yield from _add(output.values, VALUE, self._values.flush())
        yield from _add(output.forgotten, VALUE, (yield from self._values.forgetting(self._buckets.final_until)))
        for dimension, observations in self._values.overflow.items():
            output.overflow[hashed(dimension)] = observations
        self._values.overflow.clear()


def _add(entries: list[Entry], kind: bytes, found: Iterable[Entry]) -> Iterator[None]:
    """Add entries of a kind, little by little."""
    for part in parts_of(found):
        entries += [(kind + key, value) for key, value in part]
        yield


def _unreadable(error: Exception) -> StateFormatError:
    return StateFormatError(
        f"an entry of journeys.state.v1 cannot be read ({error}): another release, or something else, has written it. "
        "Run that release, or build the state anew: docs/operating.md#rebuilding"
    )
