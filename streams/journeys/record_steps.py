"""What each record of the log changes: the customers, the counts, and what is sent; the timers before it have fired."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.erasures import ErasedRows
from schemas.journey_log import Erased, Forwarded, Owners, Withdrawn
from schemas.kinds.touchpoint import Touchpoint
from schemas.rows import Row
from schemas.subjects import SubjectStated
from schemas.transfers import Adopted
from schemas.versions import ON_TIME, row_version
from streams.journeys import departures, things
from streams.journeys.ahead import is_one_too_many, is_one_too_many_forwarded
from streams.journeys.checkpoints import Checkpoints
from streams.journeys.customer_timeline import CustomerTimeline, find_pending
from streams.journeys.customers import Customers
from streams.journeys.erasing import take_later
from streams.journeys.moves import Change, Sender, change_owners, forward, take_statement
from streams.journeys.outcomes import Outcomes
from streams.journeys.output import Output
from streams.journeys.ownership import Ownership, subject_of
from streams.journeys.pending import pending_of, touchpoint_in
from streams.journeys.recomputation import Recomputation
from streams.journeys.rows import late_row, lone_row
from streams.journeys.rules import Rules
from streams.journeys.step_context import StepContext
from streams.journeys.timeline import is_folded, is_late, step_removal, step_touchpoint


class RecordSteps:
    """The steps that records make in a partition.

    Args:
        number: the partition's.
        rules: what the operator decides.
        customers: the partition's.
        outcomes: the partition's.

    Attributes:
        checkpoints: of recomputations, by customers.
        recomputations: those under way.
        received: by partition, the number of the last record that it has forwarded to this one.
        output: what has come about since the last flush; the partition replaces it.
        rows: of touchpoints, to be sent; the partition takes them.
    """

    def __init__(self, number: int, rules: Rules, customers: Customers, outcomes: Outcomes) -> None:
        self._number = number
        self._rules = rules
        self._customers = customers
        self._outcomes = outcomes
        self.checkpoints = Checkpoints()
        self.recomputations: dict[str, Recomputation] = {}
        self.received: dict[int, int] = {}
        self.output = Output()
        self.rows: list[Row] = []
        self._sending: Sender | None = None

    def take_statement(self, record: SubjectStated, offset: int) -> None:
        """Take what is said of whose a subject is, and tell IDENTITY what it has to know."""
        timeline = self._customers.timeline(record.customer_key)
        known = subject_of(timeline.ownership).statements
        self.output.links += take_statement(timeline, record, offset)
        self._customers.saying.change(record.customer_key, known, subject_of(timeline.ownership).statements)
        self._customers.touch(record.customer_key)

    def take_touchpoint(
        self, touchpoint: Touchpoint, data: bytes, timeline: CustomerTimeline, context: StepContext
    ) -> None:
        """Take a touchpoint of a stated key: into its timeline or to its owner, unless it is a repeat or late."""
        customer_key = touchpoint.customer_key
        ownership = timeline.ownership
        known = find_pending(timeline, touchpoint.event_id)
        if known is not None:
            self._outcomes.count_repeat(touchpoint, known.fingerprint, context)
        elif ownership is not None and self._take_owned(touchpoint, timeline, ownership, context):
            return
        elif is_late(timeline, touchpoint, context):
            self.rows.append(late_row(touchpoint, timeline.current.journey, self._rules, context.offset))
            self._outcomes.note_late(touchpoint, context)
        else:
            newcomer = pending_of(touchpoint, data, ahead=self._rules.is_ahead(touchpoint))
            if is_one_too_many(timeline, touchpoint, newcomer, context):
                self._outcomes.refuse_ahead(touchpoint)
                return
            effects = self._customers.effects(customer_key)
            self._outcomes.accept(touchpoint, context)
            step_touchpoint(timeline, touchpoint, newcomer, context, effects)
            if touchpoint.event_id not in effects.touchpoints:
                # It waits for its time: analysts see it at once, in no journey yet.
                effects.touchpoints[touchpoint.event_id] = lone_row(touchpoint, customer_key, "", self._rules)
            self._customers.apply_deltas(effects, context)
            if ownership is not None:
                self._part(customer_key, timeline, ownership, context)
            self._customers.timers.schedule(customer_key, timeline.next_timer_at)

    def _take_owned(
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
        self._customers.await_settled(customer_key, ownership)
        # Analysts see it at once, in no journey yet.
        row = lone_row(touchpoint, owner, "", self._rules)
        row.version = ON_TIME | row_version(self._rules.epoch, context.offset)
        self.rows.append(row)
        timeline.offset = context.offset
        self._customers.touch(customer_key)
        return True

    def take_ownership(
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
        more = False
        known = timeline.ownership
        if isinstance(record, Owners):
            change = Change(left, received)
            yield from change_owners(timeline, record, context.settled_before, self._sender(context), change)
            left += departures.outdated(timeline, customer_key, context.settled_before)
            self._customers.await_settled(customer_key, timeline.ownership)
        elif isinstance(record, Withdrawn):
            left = record.timeline_ids
        else:
            received, more = [(record.record, record.whole_bytes)], record.more
        if left and not timeline.is_empty:
            effects = self._customers.effects(customer_key)
            step_removal(timeline, left, context, effects)
            self._customers.apply_deltas(effects, context)
        for count, (data, whole_bytes) in enumerate(received, start=1):
            more_follow = more or count < len(received)
            self._take_in(customer_key, data, whole_bytes, timeline, context, more=more_follow)
            if len(received) > 1:
                yield
        self._part(customer_key, timeline, known, context)
        timeline.offset = context.offset
        self._customers.touch(customer_key)
        yield from self.end_partings(customer_key, timeline, context)

    def _erase(self, record: Erased, timeline: CustomerTimeline, context: StepContext) -> Iterator[None]:
        """Forget a stated key, and let what happened only after the erasure begin a new profile.

        Metrics stay as they are: they name nobody, and have counted what comes again.
        """
        yield from self._customers.forget_statements(record, context.offset)
        if record.is_elsewhere:
            self._customers.erased.add(record, context.offset)
            return
        customer_key = record.customer_key
        if self._customers.erased.has_applied(record, context.offset):
            # A late worker has said it once more: what was decided since is newer.
            return
        version = row_version(self._rules.epoch, context.offset)
        later = list(take_later(timeline, record, self._sender(context)))
        ownership = timeline.ownership
        subject = (
            ownership.subject.since(record.at) if ownership is not None and ownership.subject is not None else None
        )
        # Touchpoints that were counted: the sink deletes their rows, and counts what it deletes.
        self.rows += self._customers.erase(record, context.offset)
        self.checkpoints.forget(customer_key)
        self.recomputations.pop(customer_key, None)
        self._outcomes.forget_refused(customer_key)
        self.output.erased_rows.append(ErasedRows(record.erasure_id, record.at, [customer_key], version))
        timeline = self._customers.timeline(customer_key)
        if later or (subject is not None and subject.statements):
            # What had been an owner's is known again by that, if it comes again.
            timeline.ownership = Ownership([], [], record.links_offset - 1, subject=subject)
            timeline.offset = context.offset
            self._customers.touch(customer_key)
        self._customers.saying.change(
            customer_key, subject_of(ownership).statements, subject_of(timeline.ownership).statements
        )
        for one in later:
            self._take_in(customer_key, one.record, one.whole_bytes, timeline, context, is_counted=False)
            yield
        self._customers.timers.schedule(customer_key, timeline.next_timer_at)

    def _take_in(
        self,
        customer_key: str,
        data: bytes,
        whole_bytes: int,
        timeline: CustomerTimeline,
        context: StepContext,
        *,
        is_counted: bool = True,
        more: bool = False,
    ) -> None:
        """Let a touchpoint take effect that was accepted before; in the metrics, too, if it is to be counted there.

        Args:
            more: as of `step_touchpoint`.
        """
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
            # In no journey. The partition of its stated key has perhaps not sent its row, and sends it no more.
            self.output.counts["moved_late"] += 1
            if not whole_bytes:
                row = lone_row(touchpoint, customer_key, "", self._rules)
                row.version |= ON_TIME | row_version(self._rules.epoch, context.offset)
                self.rows.append(row)
            return
        self.output.counts["moved"] += 1
        effects = self._customers.effects(customer_key)
        step_touchpoint(timeline, touchpoint, newcomer, context, effects, more=more)
        if whole_bytes:
            # Its text is not here: the row stays as it was sent when it was whole.
            effects.touchpoints.pop(touchpoint.timeline_id, None)
        elif touchpoint.timeline_id not in effects.touchpoints:
            effects.touchpoints[touchpoint.timeline_id] = lone_row(touchpoint, customer_key, "", self._rules)
        if not is_counted:
            effects.deltas.clear()
        self._customers.apply_deltas(effects, context)

    def _adopt(self, customer_key: str, adopted: Adopted, timeline: CustomerTimeline, context: StepContext) -> None:
        """Let things take their place in their owner's timeline, that of what was sent of them before."""
        self.output.counts["adopted"] += things.decode(adopted.things).count
        effects = self._customers.effects(customer_key)
        if find_pending(timeline, adopted.event_id) is not None:
            step_removal(timeline, [adopted.event_id], context, effects)
        step_touchpoint(timeline, *departures.placed(adopted, timeline, context), context, effects)
        self._customers.apply_deltas(effects, context)

    def _part(
        self, customer_key: str, timeline: CustomerTimeline, known: Ownership | None, context: StepContext
    ) -> None:
        """Let a key's timeline have the partings that its owners bring about; `known` are those up to now."""
        for parted, newcomer in departures.missing(timeline, customer_key, known, context):
            effects = self._customers.effects(customer_key)
            step_touchpoint(timeline, parted, newcomer, context, effects)
            self._customers.apply_deltas(effects, context)

    def end_partings(self, customer_key: str, timeline: CustomerTimeline, context: StepContext) -> Iterator[None]:
        """Let a recomputation end that may change what leaves with a parting; then the timers know of it."""
        yield from self._customers.end_partings(customer_key, timeline, context)
        self._customers.timers.schedule(customer_key, timeline.next_timer_at)

    def send_departed(self, context: StepContext) -> None:
        """Send what has left by a record, behind all else that is sent by it."""
        if self._customers.departed:
            departures.send(self._customers.departed, self._sender(context))
            self._customers.departed.clear()

    def is_first(self, record: Forwarded) -> bool:
        """Return whether a forwarded record is not one that was sent again after a crash."""
        if record.number <= self.received.get(record.sender, -1):
            return False
        self.received[record.sender] = record.number
        return True

    def _sender(self, context: StepContext) -> Sender:
        """Return what numbers all that one record makes the partition send."""
        if self._sending is None or self._sending.offset != context.offset:
            self._sending = Sender(self._number, context.offset, self.output)
        return self._sending
