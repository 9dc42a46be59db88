"""What is kept of one customer: the touchpoints of the last days, and the states before and after them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

import msgspec
from msgspec import Raw

from streams.journeys.fold import next_timer
from streams.journeys.formats import FORMAT
from streams.journeys.ownership import Ownership
from streams.journeys.pending import PARTED_RANK, Key, Pending, key_of
from streams.journeys.position import BlockReference
from streams.journeys.recomputation import Reached
from streams.journeys.state import NEVER, CustomerState


class CustomerTimeline(msgspec.Struct, array_like=True, gc=False):
    """What is kept of a customer in the changelog.

    Attributes:
        format: see `streams.journeys.formats`.
        offset: the log offset last applied.
        next_timer_at: when the timeline next changes by itself, in the time of `StepContext.timers_until`, or `NEVER`.
        folded_up_to: key of the last touchpoint in `snapshot`: none can be put before it any more.
        pending_bytes: the sum of the sizes of the pending touchpoints.
        snapshot: the state before the pending touchpoints, encoded.
        pending: the touchpoints since, ordered by their keys.
        applied: how many of them are in `current`; the others wait.
        current: the state after those, its timers fired up to the partition's time.
        displaced: late touchpoints that are in neither, and the tombstones of those that are to leave, in the order in
            which they came.
        recompute_at: when they are put in their places at the latest, in the time of `StepContext.timers_until`.
        work: what it took to apply the applied ones, in units of an ordinary touchpoint's work.
        checkpoint: how many of them are before the last recomputation's checkpoint.
        checkpoint_work: what it took to apply those.
        large: how many pending touchpoints are to be cut once they are applied.
        moved: the touchpoints that a recomputation under way puts in their places, and the tombstones of those that it
            leaves out, in the order of their keys.
        reached: how far it has come.
        is_behind: whether timers are due, or touchpoints wait for nothing, that the last step has left to the next.
        ownership: whose the touchpoints of this stated key are, None where they are its own.
    """

    format: int = FORMAT
    offset: int = -1
    next_timer_at: int = NEVER
    folded_up_to: Key = (0, 0, "")
    pending_bytes: int = 0
    snapshot: bytes = b""
    pending: list[Pending] = msgspec.field(default_factory=list)
    applied: int = 0
    current: CustomerState = msgspec.field(default_factory=CustomerState)
    displaced: list[Pending] = msgspec.field(default_factory=list)
    recompute_at: int = NEVER
    work: int = 0
    checkpoint: int = 0
    checkpoint_work: int = 0
    large: int = 0
    moved: list[Pending] = msgspec.field(default_factory=list)
    reached: Reached = Reached()
    is_behind: bool = False
    ownership: Ownership | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left: no touchpoint and no transfer is pending, and none has been folded."""
        return not (self.pending or self.snapshot or self.moved or self.displaced)

    @property
    def has_touchpoints(self) -> bool:
        """Whether a touchpoint is left: not one that only waits to leave, and not transfers of things alone."""
        if self.current.touchpoints:
            return not self.is_empty
        return not all(one.is_transfer for one in (*self.pending, *self.moved, *self.displaced))

    @property
    def is_parting(self) -> bool:
        """Whether the last step has left something to the next one that may change what leaves by a parting."""
        if self.ownership is None or not (self.is_behind or self.moved or self.displaced):
            return False
        return any(one.rank == PARTED_RANK for one in (*self.pending, *self.moved, *self.displaced))

    def drop_first(self, count: int) -> None:
        """Let the first pending touchpoints be pending no longer: they are in the snapshot."""
        dropped, self.pending = self.pending[:count], self.pending[count:]
        self.applied -= count
        self.discount(dropped)
        self.folded_up_to = dropped[-1].key
        self.checkpoint = self.checkpoint_work = 0

    def cut_large(self) -> None:
        """Cut the large touchpoints that have been applied: their rows have been sent."""
        for place, one in enumerate(self.pending[: self.applied]):
            if one.is_large:
                self.pending[place] = one.cut()
                self.pending_bytes -= len(one.record) - len(self.pending[place].record)
                self.large -= 1

    def discount(self, gone: Iterable[Pending]) -> None:
        """Count touchpoints and tombstones no longer, which are pending no longer."""
        for one in gone:
            self.pending_bytes -= one.size
            self.large -= one.is_large

    def is_out_of_order(self, key: Key) -> bool:
        """Return whether a touchpoint's place is before what has been applied, or is put in its place now."""
        applied = self.applied
        if key[0] < self.current.last_timer_at or (applied > 0 and key <= self.pending[applied - 1].key):
            return True
        # These, and the timers of the amended fold, may be behind all that has been applied.
        return bool(self.moved) and (key <= self.moved[-1].key or key[0] < self.reached.last_timer_at)

    def earliest_left(self, timers_until: int) -> int:
        """Return when the first of what the last step has left to the next one happened, ms, or `NEVER`."""
        left = [one.occurred_at for one in self.moved[:1]]
        if self.recompute_at <= timers_until:
            left += [one.occurred_at for one in self.displaced]
        if self.is_behind:
            left.append(next_timer(self.current))
            left += [one.occurred_at for one in self.pending[self.applied :][:1]]
        return min(left, default=NEVER)

    def recomputation_work(self) -> int:
        """Return the work of putting the displaced in their places: what is since the checkpoint is applied twice."""
        before = self.pending[self.checkpoint - 1].key if self.checkpoint else self.folded_up_to
        is_behind = min(map(key_of, self.displaced)) > before
        return 2 * (self.work - self.checkpoint_work if is_behind else self.work)

    def place_of_moved(self) -> int:
        """Return how many applied touchpoints are before the first that is put in its place, or left out."""
        return min(bisect_left(self.pending, self.moved[0].key, key=key_of), self.applied)


class Outline(msgspec.Struct, array_like=True, gc=False):
    """A `CustomerTimeline` of which no more is decoded than what wakes it: its fields, most of them as they stand.

    Attributes:
        blocks: those with the first of its pending touchpoints, where it is not written with all of them.
    """

    format: Raw = Raw()
    offset: int = -1
    next_timer_at: int = NEVER
    folded_up_to: Key = (0, 0, "")
    pending_bytes: int = 0
    snapshot: Raw = Raw()
    pending: Raw = Raw()
    applied: Raw = Raw()
    current: Raw = Raw()
    displaced: Raw = Raw()
    recompute_at: Raw = Raw()
    work: Raw = Raw()
    checkpoint: Raw = Raw()
    checkpoint_work: Raw = Raw()
    large: Raw = Raw()
    moved: Raw = Raw()
    reached: Raw = Raw()
    is_behind: Raw = Raw()
    ownership: Ownership | None = None
    blocks: list[BlockReference] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing is kept: no touchpoint is left, as in a `CustomerTimeline`, and the key has no owner."""
        return not self.pending_bytes and self.folded_up_to[0] == 0 and self.ownership is None


def find_pending(timeline: CustomerTimeline, event_id: str) -> Pending | None:
    """Return the pending, moved or displaced touchpoint with an event id, or None; not one that is to leave."""
    known = _find(timeline.pending, event_id)
    if timeline.moved or timeline.displaced:
        known = known or _find(timeline.moved, event_id) or _find(timeline.displaced, event_id)
        if known is not None:
            # There may be a tombstone among these that takes it out.
            return staying(timeline).get(event_id)
    return known


def _find(touchpoints: list[Pending], event_id: str) -> Pending | None:
    for one in touchpoints:
        if one.event_id == event_id:
            return one
    return None


def staying(timeline: CustomerTimeline) -> dict[str, Pending]:
    """Return the pending, moved and displaced touchpoints that no tombstone takes out, by their event ids."""
    found: dict[Key, Pending] = {}
    # A tombstone stands behind the touchpoint that it takes out, and before another with the same key.
    for touchpoints in (timeline.pending, timeline.moved, timeline.displaced):
        for one in touchpoints:
            if one.is_tombstone:
                del found[one.key]
            else:
                found[one.key] = one
    return {one.event_id: one for one in found.values()}
