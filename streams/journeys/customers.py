"""The customers of a partition: what is kept of each, who is to be woken, and what has come about since the last flush.

Those that were needed lately are kept decoded, the others as the bytes that the changelog has of them. Pending
touchpoints of busy customers are in entries of their own there (`streams.journeys.pending_blocks`).
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator

import msgspec

from schemas.journey_log import Erased
from schemas.packing import packed
from schemas.rows import Row
from schemas.versions import row_version
from streams.journeys.customer_rows import add_rows, touchpoint_rows
from streams.journeys.customer_timeline import CustomerTimeline, Outline
from streams.journeys.effects import Effects
from streams.journeys.erasing import ErasedCustomers
from streams.journeys.forgetting import Forgetting
from streams.journeys.formats import check_format
from streams.journeys.leaving import can_leave
from streams.journeys.lifetime import ends_at
from streams.journeys.metrics import Buckets
from streams.journeys.output import Entry, Output, hashed
from streams.journeys.ownership import Ownership, subject_of
from streams.journeys.parting import DEPARTED, Departure
from streams.journeys.pending_blocks import BLOCK_BYTES, PendingBlocks, missing
from streams.journeys.position import Header
from streams.journeys.rules import Rules
from streams.journeys.saying import Saying
from streams.journeys.signals import SIGNALS
from streams.journeys.step_context import StepContext
from streams.journeys.timeline import is_urgent, step_parting, step_timers
from streams.journeys.timers import Timers

CACHED = 20_000
"""Customers kept decoded; the others are kept as bytes."""
LOOKED_AT_ONCE = 1_000
"""Subjects looked at before others have a turn."""
CACHED_BYTES = 64 << 20
"""Bytes of their states, encoded: of robots, whose states are large, fewer are kept decoded."""

_timelines = msgspec.msgpack.Decoder(CustomerTimeline)
_headers = msgspec.msgpack.Decoder(Header)
_outlines = msgspec.msgpack.Decoder(Outline)


class Customers:
    """The timelines of a partition's customers, as of the last record applied.

    Args:
        rules: what the operator decides.
        buckets: the partition's, in which the customers count.

    Attributes:
        timers: when customers are to be woken.
        erased: who was erased.
        saying: which subjects may be said to be of whom.
        departed: the things that leave for their owners, and are not sent yet.
        blocks: the pending touchpoints that are in entries of their own.
        unwritten_bytes: of the entries that the next flush writes, as they were before, and of their blocks: these may
            have to be written anew.
    """

    def __init__(self, rules: Rules, buckets: Buckets) -> None:
        self._rules = rules
        self._buckets = buckets
        self._encoded: dict[str, bytes] = {}
        self._cache: dict[str, CustomerTimeline] = {}
        self._cached_bytes = 0
        self.timers = Timers()
        self.erased = ErasedCustomers()
        self.blocks = PendingBlocks(BLOCK_BYTES)
        self._tombstoned: dict[str, bytes] = {}
        self.departed: list[Departure] = []
        self._gone: dict[str, None] = {}
        self.unwritten_bytes = 0
        self._forgetting = Forgetting()
        self.saying = Saying()
        self._effects: dict[str, Effects] = {}
        self._dirty: dict[str, None] = {}
        self._ended: list[tuple[CustomerTimeline, Effects]] = []
        self._leaving: list[tuple[int, str]] = []
        self._final = self._forgotten = 0

    def __len__(self) -> int:
        return len(self._encoded)

    def restore(self, customer_key: str, value: bytes) -> None:
        """Take what the changelog has of a customer; of two that of the higher offset holds, and becomes the last.

        Raises:
            StateFormatError: another release has written it.
        """
        header = _headers.decode(value)
        check_format(header.format, "a customer's state")
        known = self._encoded.get(customer_key)
        if known is None or _headers.decode(known).offset < header.offset:
            self._encoded[customer_key] = value
            self._dirty.pop(customer_key, None)
        elif _headers.decode(known).offset > header.offset:
            self._dirty[customer_key] = None

    def restore_tombstone(self, customer_key: str) -> None:
        """Take note that nothing is kept of a customer, unless a later entry has come before.

        The empty entry stays until all are there: a late worker may have written an older one behind the tombstone.
        """
        known = self._encoded.get(customer_key)
        if known is not None and _outlines.decode(known).is_empty:
            self._tombstoned[customer_key] = known

    def restored(self, position: int, settled_before: int) -> None:
        """Make the timers, once all entries are there; one that is older than its customer's erasure is gone.

        Args:
            position: offset of the position in the changelog.
            settled_before: as of a `StepContext`, at the position.

        Raises:
            StateFormatError: an entry names a block that is not there.
            msgspec.MsgspecError: an entry cannot be read.
        """
        for customer_key, value in self._tombstoned.items():
            if self._encoded.get(customer_key) is value:
                del self._encoded[customer_key]
        self._tombstoned.clear()
        for customer_key, value in list(self._encoded.items()) if self.erased else ():
            found = self.erased.find(customer_key)
            if found is not None and _headers.decode(value).offset < found.offset:
                del self._encoded[customer_key]
                self._gone[customer_key] = None
        for customer_key, value in list(self._encoded.items()):
            outline = _outlines.decode(value)
            if outline.blocks and not self._take_blocks(customer_key, value, outline, settled_before):
                continue
            self.timers.schedule(customer_key, outline.next_timer_at)
            self._forgetting.add(customer_key, outline.ownership)
            self.saying.change(customer_key, (), subject_of(outline.ownership).statements)
            if outline.is_empty:
                self._leaving.append((outline.offset, customer_key))
        for customer_key in sorted(self._dirty.keys() - self._encoded.keys()):
            self._gone[customer_key] = self._dirty.pop(customer_key)
        self._retire_blocks(position)

    def _take_blocks(self, customer_key: str, value: bytes, outline: Outline, settled_before: int) -> bool:
        """Take the blocks that an entry names; return False where it is none of a customer any more."""
        if self.blocks.has(customer_key, outline.blocks):
            self.blocks.take(customer_key, outline.blocks)
            return True
        # A late worker's, of a profile that has left? The entry that was later, and its tombstone, are gone by now.
        current = _timelines.decode(value).current
        current.journey = None  # has ended before its profile
        if ends_at(current, customer_key, self._rules) >= settled_before:
            raise missing(hashed(customer_key))
        del self._encoded[customer_key]
        self._gone[customer_key] = None
        return False

    def _retire_blocks(self, position: int) -> None:
        """Let the blocks that no entry names be deleted, or wait until they can be."""
        for customer_key in self.blocks.left_over():
            found = self.erased.find(customer_key)
            if found is not None:
                self.blocks.forget_erased(customer_key, found.offset)
            timeline = CustomerTimeline(offset=position)
            if customer_key in self._encoded:
                timeline = _timelines.decode(self._encoded[customer_key])
                self.blocks.join(customer_key, timeline)
            self.blocks.retire_left_over(customer_key, timeline)
        self.blocks.let_go()

    def timeline(self, customer_key: str) -> CustomerTimeline:
        """Return what is kept of a customer, an empty timeline where nothing is."""
        timeline = self._cache.get(customer_key)
        if timeline is None:
            value = self._encoded.get(customer_key)
            timeline = _timelines.decode(value) if value else CustomerTimeline()
            self._keep_decoded(customer_key, timeline)
        return timeline

    def _keep_decoded(self, customer_key: str, timeline: CustomerTimeline) -> None:
        """Keep a timeline as its customer's entry has it, with what is in blocks."""
        if customer_key not in self._cache:
            self._cache[customer_key] = timeline
            self._cached_bytes += len(self._encoded.get(customer_key, b""))
            if customer_key in self.blocks.stored:
                self.blocks.join(customer_key, timeline)
                self._cached_bytes += self.blocks.size(customer_key)

    def touch(self, customer_key: str) -> None:
        """Let the next flush write a customer's entry."""
        if customer_key not in self._dirty:
            self._dirty[customer_key] = None
            self.unwritten_bytes += len(self._encoded.get(customer_key, b""))
            if customer_key in self.blocks.stored:
                self.unwritten_bytes += self.blocks.size(customer_key)

    def effects(self, customer_key: str) -> Effects:
        """Return what has come about of a customer since the last flush, to be added to."""
        effects = self._effects.get(customer_key)
        if effects is None:
            effects = self._effects[customer_key] = Effects(customer_key, self._rules)
            self.touch(customer_key)
        return effects

    def apply_deltas(self, effects: Effects, context: StepContext) -> None:
        """Change the buckets as a step has found, and keep what it lets leave until it is sent."""
        if DEPARTED in effects.entities:
            self.departed += [one for one in effects.entities.pop(DEPARTED).values() if isinstance(one, Departure)]
        for delta in effects.deltas:
            if not self._buckets.apply(delta, context.offset, effects.customer_id):
                self._final += 1
        effects.deltas.clear()

    def end_partings(self, customer_key: str, timeline: CustomerTimeline, context: StepContext) -> Iterator[None]:
        """Let what parts from somebody be known; the caller may let others have a turn at each yield."""
        while timeline.is_parting:
            effects = self.effects(customer_key)
            step_parting(timeline, context, effects)
            self.apply_deltas(effects, context)
            yield

    def await_settled(self, customer_key: str, ownership: Ownership | None) -> None:
        """Let what a stated key has forwarded be forgotten once it can move no more."""
        self._forgetting.add(customer_key, ownership)

    def erase(self, record: Erased, offset: int) -> Collection[Row]:
        """Forget a customer, by the record at an offset; return the rows of their touchpoints that wait to be sent."""
        customer_key = record.customer_key
        version = row_version(self._rules.epoch, offset)
        ended = [one for _, one in self._ended if one.customer_id == customer_key]
        self._ended = [(of, one) for of, one in self._ended if one.customer_id != customer_key]
        if customer_key in self._effects:
            ended.append(self._effects.pop(customer_key))
        rows = [row for effects in ended for row in touchpoint_rows(effects, version)]
        self.erased.add(record, offset)
        value = self._encoded.pop(customer_key, b"")
        if self._cache.pop(customer_key, None) is not None:
            self._cached_bytes -= len(value) + self.blocks.size(customer_key)
        self.blocks.erase(customer_key, offset)
        self._dirty.pop(customer_key, None)
        self._gone[customer_key] = None
        return rows

    def forget_statements(self, record: Erased, offset: int) -> Iterator[None]:
        """Forget whose subjects somebody who is erased has said to be; the caller may let others have a turn."""
        stated_key, left = record.customer_key, []
        for number, customer_key in enumerate(self.saying.near(stated_key)):
            if number % LOOKED_AT_ONCE == LOOKED_AT_ONCE - 1:
                yield
            # Not by `timeline`: most are only looked at, and would drive others out.
            timeline = self._cache.get(customer_key) or _timelines.decode(self._encoded[customer_key])
            subject = subject_of(timeline.ownership)
            if subject.forget(stated_key, record.at):
                self._keep_decoded(customer_key, timeline)
                timeline.offset = offset
                self.touch(customer_key)
            if self.saying.has(stated_key, subject.statements):
                left.append(customer_key)
        self.saying.keep_near(stated_key, left)

    def take_gone(self) -> list[bytes]:
        """Return the keys of the customers that are erased since this was last asked, and have not come again."""
        gone = [customer_key.encode() for customer_key in self._gone if customer_key not in self._encoded]
        self._gone.clear()
        return gone

    # -- as time goes on -------------------------------------------------------------------------------------------

    def fire_timers(self, context: StepContext) -> Iterator[None]:
        """Let all due timers take effect; the caller may let others have a turn behind each customer."""
        for at, customer_key in self.timers.due(context.timers_until):
            timeline = self.timeline(customer_key)
            # A wake-up may be earlier than the timer: then the timer takes its turn at its own time. So the order of
            # the customers is the same after a restart, and those who take the last places of a dimension are too.
            # A customer written beyond this offset, before a crash, has no timer due by now.
            if timeline.next_timer_at <= at:
                self._wake(customer_key, timeline, context)
                yield from self.end_partings(customer_key, timeline, context)
            self.timers.schedule(customer_key, self.timeline(customer_key).next_timer_at)
            yield

    def _wake(self, customer_key: str, timeline: CustomerTimeline, context: StepContext) -> None:
        if not can_leave(timeline, customer_key, context, self._rules):
            effects = self.effects(customer_key)
            step_timers(timeline, context, effects)
            self.apply_deltas(effects, context)
            # Where time has leapt, its last journey has ended just now.
            if not can_leave(timeline, customer_key, context, self._rules):
                return
        self._forget(customer_key, timeline, context)

    def _forget(self, customer_key: str, timeline: CustomerTimeline, context: StepContext) -> None:
        """Keep nothing of a profile but an empty timeline: it guards the offset until the tombstone is written."""
        effects = self._effects.pop(customer_key, None)
        if effects is not None:
            self._ended.append((timeline, effects))
        self._cache[customer_key] = CustomerTimeline(offset=context.offset)
        self.touch(customer_key)
        self._forgotten += 1

    def wake_urgent(self, context: StepContext) -> None:
        """Let those go on whose unfinished work the settled time has passed, though the partition's own stands still.

        Whoever has such work is to be woken as soon as that goes on; all timers before are fired by now.
        """
        woken = {}
        for woken_at, customer_key in self.timers.due(context.timers_until + 1):
            at, timeline = woken_at, self.timeline(customer_key)
            # One that was written at this offset or beyond it, before a crash, has done so.
            if timeline.offset < context.offset and is_urgent(timeline, context):
                at = timeline.next_timer_at = context.timers_until
            woken[customer_key] = at
        for customer_key, at in woken.items():
            self.timers.schedule(customer_key, at)

    def forget_settled(self, context: StepContext) -> Iterator[None]:
        """Forget what was forwarded and can move no more: without a row, and at the same record after a crash."""
        for customer_key in self._forgetting.due(context.settled_before):
            timeline = self.timeline(customer_key)
            ownership = timeline.ownership
            # It may have forwarded another since. All go at once: when the queue was made may not matter.
            if ownership is not None and ownership.is_settled(context.settled_before):
                ownership.forget_settled(context.settled_before)
                timeline.offset = context.offset
                self.touch(customer_key)
            self._forgetting.add(customer_key, ownership)
            yield

    # -- flushing --------------------------------------------------------------------------------------------------

    def flushing(self, output: Output, written: int) -> Generator[None, None, tuple[list[Entry], list[Entry]]]:
        """Add the customers' rows and signals to an output little by little; return their entries and tombstones.

        Args:
            written: offset of the position in the changelog: no record up to it will be replayed.
        """
        for table in ("touchpoints", "journeys", *SIGNALS, "customers"):
            output.facts[table] = []
        tombstones = yield from self._tombstones(written)
        for timeline, effects in self._ended:
            # The record that has let the profile go may have begun a new one: that one's row covers this.
            add_rows(output, timeline, effects, self._rules, below=1)
            yield
        self._ended.clear()
        entries: list[Entry] = []
        in_blocks = self.blocks.stored
        for customer_key in self._dirty:
            timeline = self.timeline(customer_key)
            if timeline.pending_bytes > BLOCK_BYTES or customer_key in in_blocks:
                self._cached_bytes -= self.blocks.size(customer_key)
                value = self.blocks.store(customer_key, timeline)
                self._cached_bytes += self.blocks.size(customer_key)
            else:
                value = packed(timeline)
            self._cached_bytes += len(value) - len(self._encoded.get(customer_key, b""))
            self._encoded[customer_key] = value
            entries.append((customer_key.encode(), value))
            if (customers_effects := self._effects.pop(customer_key, None)) is not None:
                add_rows(output, timeline, customers_effects, self._rules)
            if timeline.is_empty and timeline.ownership is None:
                self._leaving.append((timeline.offset, customer_key))
            if timeline.is_empty and timeline.ownership is not None and not timeline.ownership.owners:
                # Of a subject that no touchpoint waits for. It is seldom needed again, and would drive others out.
                del self._cache[customer_key]
                self._cached_bytes -= len(value)
            yield
        output.counts.update(final=self._final, forgotten=self._forgotten)
        self._final = self._forgotten = self.unwritten_bytes = 0
        self._dirty.clear()
        if len(self._cache) > CACHED or self._cached_bytes > CACHED_BYTES:
            while self._cache:
                self._cache.popitem()
                yield
            self.blocks.let_go()
            self._cached_bytes = 0
        return entries, tombstones

    def _tombstones(self, written: int) -> Generator[None, None, list[Entry]]:
        """Drop the customers of whom nothing is kept; return their tombstones.

        Not in the flush that writes the empty timeline: the next owner may replay what comes before its offset.
        """
        tombstones: list[Entry] = []
        waiting = []
        for offset, customer_key in self._leaving:
            yield
            if offset > written:
                waiting.append((offset, customer_key))
            elif self.timeline(customer_key).offset == offset:
                self._cached_bytes -= len(self._encoded.pop(customer_key))
                del self._cache[customer_key]
                tombstones.append((customer_key.encode(), None))
        self._leaving = waiting
        return tombstones
