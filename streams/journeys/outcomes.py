"""What has become of each touchpoint that a partition has read: accepted, repeated, late, or refused.

Those on time are counted by kind and hour. What no hourly count tells is noted one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator

from schemas.errors import Reason
from schemas.kinds.touchpoint import Touchpoint
from schemas.rows import Outcome, Row
from schemas.units import HOUR_MS
from streams.journeys.ahead import AHEAD_MAX
from streams.journeys.hourly_counts import HourlyCounts
from streams.journeys.metrics import Buckets
from streams.journeys.output import Entry, Origin, Output, Refused
from streams.journeys.rows import outcome_row
from streams.journeys.rules import Rules
from streams.journeys.step_context import StepContext


class Outcomes:
    """The outcomes of a partition's touchpoints since the last flush, and its hourly counts.

    Args:
        partition: its number.
        rules: what the operator decides.
        buckets: the partition's; hours are closed when these are final.
    """

    def __init__(self, partition: int, rules: Rules, buckets: Buckets) -> None:
        self._rules = rules
        self._buckets = buckets
        self._hourly_counts = HourlyCounts(partition)
        self._accepted = self._hourly_counts.accepted
        self._counts_plainly = True
        self._rows: list[Row] = []
        self._on_time: list[Origin] = []
        self._late: list[Origin] = []
        self._refused: list[Refused] = []
        self._erased: Counter[str] = Counter()
        self._duplicates = 0

    def restore(self, key: bytes, value: bytes) -> None:
        """Take an hourly count from the changelog.

        Raises:
            StateFormatError: another release has written it.
        """
        self._hourly_counts.restore(key, value)

    def choose_counting(self, settled_before: int) -> None:
        """Count plainly unless a record may be counted already, or be on time in an hour that is counted no more.

        The latter can only be where the allowed lateness is longer now than it was.

        Args:
            settled_before: nothing before this time (ms) can come any more that is not late.
        """
        closed_until = max(0, settled_before)
        self._counts_plainly = not self._hourly_counts.is_guarded and self._buckets.final_until <= closed_until

    def accept(self, touchpoint: Touchpoint, context: StepContext) -> None:
        """Count a touchpoint that is on time."""
        self._on_time.append((touchpoint.source_topic, touchpoint.source))
        if self._counts_plainly:
            self._accepted.append((touchpoint.kind, touchpoint.occurred_at // HOUR_MS))
        else:
            self._count_accepted(touchpoint, context)

    def _count_accepted(self, touchpoint: Touchpoint, context: StepContext) -> None:
        at = touchpoint.occurred_at
        if at - at % HOUR_MS + HOUR_MS <= self._buckets.final_until:
            self._note(touchpoint, "accepted", context)
        else:
            self._hourly_counts.add(touchpoint.kind, at, context.offset, 1, 0)

    def note_late(self, touchpoint: Touchpoint, context: StepContext) -> None:
        """Note a touchpoint that came too late."""
        self._late.append((touchpoint.source_topic, touchpoint.source))
        self._note(touchpoint, "late", context)

    def note_erased(self, touchpoint: Touchpoint, context: StepContext) -> None:
        """Note a touchpoint of somebody who was erased, from before that."""
        self._erased[touchpoint.source_topic] += 1
        self._note(touchpoint, "erased", context)

    def forget_refused(self, customer_key: str) -> None:
        """Let what is refused of a customer who is erased be no dead letter; it counts as erased."""
        theirs = [one for one in self._refused if one.customer_key == customer_key]
        self._erased.update(one.topic for one in theirs)
        self._refused = [one for one in self._refused if one.customer_key != customer_key]

    def count_repeat(self, touchpoint: Touchpoint, fingerprint: int, context: StepContext) -> None:
        """Count a touchpoint whose event id is known.

        Args:
            fingerprint: of the payload that was known by it: the same one is a duplicate, another one a collision.
        """
        if touchpoint.fingerprint == fingerprint:
            self._duplicates += 1
            at = touchpoint.occurred_at
            if at - at % HOUR_MS + HOUR_MS <= max(context.settled_before, self._buckets.final_until):
                self._note(touchpoint, "duplicate", context)
            else:
                self._hourly_counts.add(touchpoint.kind, at, context.offset, 0, 1)
            return
        detail = (
            f"event_id {touchpoint.event_id!r} of {touchpoint.customer_key!r} was seen before with another payload;"
            " give each event its own id"
        )
        self._refuse(touchpoint, "event_id_collision", detail)

    def refuse_ahead(self, touchpoint: Touchpoint) -> None:
        """Refuse a touchpoint of which too many are ahead already."""
        detail = (
            f"occurred_at is ahead of its receipt, as are {AHEAD_MAX} others of {touchpoint.customer_key!r} already, or"
            " large ones: correct the source's clock; replayed when its time has come, it is taken"
        )
        self._refuse(touchpoint, "too_many_ahead", detail)

    def _refuse(self, touchpoint: Touchpoint, reason: Reason, detail: str) -> None:
        place = touchpoint.source_topic, touchpoint.source_partition, touchpoint.source_offset
        self._refused.append(Refused(reason, *place, detail, touchpoint.customer_key))

    def _note(self, touchpoint: Touchpoint, outcome: Outcome, context: StepContext) -> None:
        """Note what became of a touchpoint that is in no hourly count."""
        self._rows.append(outcome_row(touchpoint, outcome, self._rules.epoch, context.offset))

    def flushing(self, output: Output, offset: int) -> Generator[None, None, tuple[list[Entry], list[Entry]]]:
        """Add the rows up to an offset to an output; return the entries of the hourly counts, and of the forgotten.

        Others may have their turn at each yield.
        """
        rows, writes = yield from self._hourly_counts.flushing(self._rules.epoch, offset)
        output.facts["hourly_counts"] = list(rows)
        output.facts["outcomes"], self._rows = self._rows, []
        output.on_time, self._on_time = self._on_time, []
        output.late, self._late = self._late, []
        output.refused, self._refused = self._refused, []
        output.erased, self._erased = self._erased, Counter()
        output.counts["touchpoints"] += len(output.on_time)
        output.counts["late"] += len(output.late)
        output.counts["refused"] += len(output.refused)
        output.counts["duplicates"] += self._duplicates
        self._duplicates = 0
        # Before the buckets forget: their bound is still that of the last position, which is in the changelog.
        return writes, (yield from self._hourly_counts.forgetting(self._buckets.final_until))
