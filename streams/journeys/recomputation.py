"""Recomputations: touchpoints are put in their places, and left out, a bounded number of others at a time.

Two folds of a customer's pending touchpoints go on side by side from a checkpoint: the plain one, which has led to what
was sent so far, and the amended one, which takes in those that came out of order and leaves out those with a tombstone.
What differs is sent as they go: the rows of touchpoints and the metrics' changes with each step, all other rows at the
end, when the amended fold's state becomes the customer's.

Which step does how much is a function of the log alone. The folds are no state: how far they have come is in the
changelog, and after a restart they are made again up to there.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from schemas.rows import TouchpointRow
from streams.journeys.applying import apply_next
from streams.journeys.checkpoints import Checkpoint
from streams.journeys.corrections import Folded, correct
from streams.journeys.effects import Effects, MetricDelta, difference
from streams.journeys.fold import apply_touchpoint, fire_timer, fire_timers, next_timer
from streams.journeys.pending import Key, Pending, key_of
from streams.journeys.state import NEVER, CustomerState, decode_state, encode_state
from streams.journeys.step_context import StepContext


class Reached(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How far a recomputation has come.

    Attributes:
        plain: how many pending touchpoints the plain fold has applied.
        plain_timers: how many timers it has fired since.
        split: after how many the amended fold has left it, -1 where it has not yet.
        amended, moved: how many pending touchpoints, and others, the amended fold has passed: one that it leaves out
            counts in both.
        amended_timers: how many timers it has fired since.
        last_timer_at: the time of the last timer that it has fired, ms: what comes before that is out of order for it.
        place: how many pending touchpoints were before the first that is moved, when the recomputation began.
    """

    plain: int = 0
    plain_timers: int = 0
    split: int = -1
    amended: int = 0
    moved: int = 0
    amended_timers: int = 0
    last_timer_at: int = 0
    place: int = 0


@dataclass(slots=True)
class _Fold:
    """One of the two folds.

    Attributes:
        pending, moved: how many touchpoints it has passed: pending ones, and those that came out of order or their
            tombstones.
        left_out: how many of these it has not applied, for they have tombstones.
        timers: how many timers it has fired since the last of them.
        is_held: whether the next one has to wait.
    """

    customer: CustomerState
    effects: Effects
    pending: int
    moved: int = 0
    left_out: int = 0
    timers: int = 0
    is_held: bool = False

    @property
    def applied(self) -> int:
        """How many touchpoints it has applied."""
        return self.pending + self.moved - 2 * self.left_out

    def apply(self, one: Pending, context: StepContext) -> bool:
        """Apply the next touchpoint; return False where it has to wait."""
        fired = self.effects.timers
        if apply_next(self.customer, one, None, next_timer(self.customer), context, self.effects):
            self.timers = 0
            return True
        self.timers += self.effects.timers - fired
        self.is_held = True
        return False

    def fire(self, until: int) -> bool:
        """Fire the timers up to a time, ms; return whether none of them is left."""
        fired = self.effects.timers
        fire_timers(self.customer, until, self.effects)
        self.timers += self.effects.timers - fired
        return not self.effects.is_spent

    def apply_again(self, touchpoints: list[Pending], timers: int) -> None:
        """Apply touchpoints, and fire timers behind them, that had taken effect before a restart."""
        for one in touchpoints:
            fire_timers(self.customer, one.occurred_at, self.effects)
            apply_touchpoint(self.customer, one.touchpoint(), self.effects, one.applied_bytes)
        for _ in range(timers):
            fire_timer(self.customer, next_timer(self.customer), self.effects)
        self.timers = timers


class Recomputation:
    """A recomputation under way.

    Args:
        begin: where it begins.
        work: the work up to there, in units of `Effects.work`.
        moved: the touchpoints that came out of order, and the tombstones of those that are left out, in the order of
            their keys.
        place: how many pending touchpoints the folds have in common.
        keep_at: after how many of these the next recomputation's checkpoint is made.
        effects: the customer's.

    Attributes:
        checkpoint: that checkpoint, once it is made.
        checkpoint_work: the work up to it.
        leaving: the keys of touchpoints that a later recomputation leaves out: their rows are another timeline's.
    """

    def __init__(
        self, begin: Checkpoint, work: int, moved: list[Pending], place: int, keep_at: int, effects: Effects
    ) -> None:
        self._moved, self._place, self._keep_at = moved, place, keep_at
        self._plain = _Fold(decode_state(begin.state), begin.effects(effects), begin.count)
        self._plain.effects.work = work
        self._amended: _Fold | None = None
        self._split = -1
        self._begun = b""
        self._rows: dict[str, TouchpointRow] = {}
        self._deltas: tuple[list[MetricDelta], list[MetricDelta]] = ([], [])
        self.checkpoint: Checkpoint | None = None
        self.checkpoint_work = 0
        self.leaving: frozenset[Key] = frozenset()
        self._keep_checkpoint()

    @property
    def reached(self) -> Reached:
        """How far it has come."""
        plain, amended = self._plain, self._amended
        if amended is None:
            return Reached(plain.pending, plain.timers, place=self._place)
        return Reached(
            plain.pending,
            plain.timers,
            self._split,
            amended=amended.pending,
            moved=amended.moved,
            amended_timers=amended.timers,
            last_timer_at=amended.customer.last_timer_at,
            place=self._place,
        )

    def return_to(self, reached: Reached, pending: list[Pending]) -> None:
        """Make the folds again as they were before a restart; what they led to by then was sent then."""
        plain = self._plain
        common = reached.plain if reached.split < 0 else reached.split
        while plain.pending < common:
            plain.apply_again([pending[plain.pending]], 0)
            self._count_common()
        if reached.split >= 0:
            amended = self._leave()
            before, moved = pending[reached.split : reached.amended], self._moved[: reached.moved]
            left_out = {one.key for one in moved if one.is_tombstone}
            stayed = [one for one in before if one.key not in left_out]
            taken_in = [one for one in moved if not one.is_tombstone]
            amended.apply_again(sorted([*stayed, *taken_in], key=key_of), reached.amended_timers)
            amended.pending, amended.moved, amended.left_out = reached.amended, reached.moved, len(left_out)
            amended.effects.touchpoints.clear()
            amended.effects.deltas.clear()
            plain.apply_again(pending[reached.split : reached.plain], 0)
            plain.pending = reached.plain
            for one in before:
                plain.effects.touchpoints.pop(one.event_id, None)
        plain.apply_again([], reached.plain_timers)
        plain.effects.deltas.clear()

    def go_on(self, pending: list[Pending], applied: int, context: StepContext, most: int) -> bool:
        """Apply touchpoints until about `most` units of work are done; return whether none is left.

        Args:
            pending: the pending touchpoints as they now are.
            applied: how many of them are in the customer's state.
        """
        until = self._work() + most
        for fold in self._folds():
            fold.is_held = False
            fold.effects.timers_until = context.timers_until
        while (left := until - self._work()) > 0:
            for fold in self._folds():
                fold.effects.work_until = fold.effects.work + left
            if not self._apply_one(pending, applied, context):
                return all(fold.fire(context.timers_until) for fold in self._folds())
        return False

    def send(self, effects: Effects) -> None:
        """Add to the customer's effects what differs and was not added yet."""
        if self._amended is None:
            return
        self._set_deltas_aside(self._amended)
        plain, amended = self._deltas
        effects.touchpoints.update(self._rows)
        effects.deltas.extend(difference(plain, amended))
        self._rows, self._deltas = {}, ([], [])

    def finish(self, context: StepContext, effects: Effects) -> tuple[CustomerState, int, int]:
        """Send the rest of what differs.

        Returns:
            The customer's state as it now has to be; how many touchpoints are in it; the work up to it.
        """
        plain, amended = self._plain, self._amended or self._leave()
        for fold in (plain, amended):
            # All that are due, whatever the work: a touchpoint that comes before them would otherwise be put behind.
            fold.effects.work_until = NEVER
            fire_timers(fold.customer, context.timers_until, fold.effects)
        self.send(effects)
        plain.effects.touchpoints.clear()
        before, after = Folded(plain.customer, plain.effects), Folded(amended.customer, amended.effects)
        correct(self._begun, before, after, effects, context.timers_until)
        effects.trimmed.extend(amended.effects.trimmed[len(plain.effects.trimmed) :])
        effects.recomputations += 1
        return amended.customer, amended.applied, amended.effects.work

    def _folds(self) -> list[_Fold]:
        return [self._plain] if self._amended is None else [self._plain, self._amended]

    def _work(self) -> int:
        return sum(fold.effects.work for fold in self._folds())

    def _apply_one(self, pending: list[Pending], applied: int, context: StepContext) -> bool:
        """Let the fold that is behind apply its next touchpoint; return False where neither has one."""
        plain, amended = self._plain, self._amended
        has_plain = plain.pending < applied and not plain.is_held
        if amended is None:
            if not has_plain or plain.pending == self._place:
                if self._fire_common(pending, applied, context):
                    self._leave()
            elif plain.apply(pending[plain.pending], context):
                self._count_common()
            return True
        if not amended.is_held:
            one = self._next_moved(amended, pending)
            if one is not None:
                if amended.apply(one, context):
                    amended.moved += 1
                    self._note_row(one, None, amended)
                return True
            if amended.pending < plain.pending:
                self._follow(amended, pending[amended.pending], context)
                return True
        if has_plain:
            plain.pending += plain.apply(pending[plain.pending], context)
        return has_plain

    def _fire_common(self, pending: list[Pending], applied: int, context: StepContext) -> bool:
        """Fire the timers that are before what differs; return whether none of them is left.

        Fired by one fold in this step and by the other in a later one, they would be a difference meanwhile, of a time
        that may be final before it is taken back.
        """
        plain = self._plain
        following = [self._moved[0], *pending[plain.pending : applied][:1]]
        return plain.fire(min(context.timers_until, *(one.occurred_at for one in following)))

    def _next_moved(self, amended: _Fold, pending: list[Pending]) -> Pending | None:
        """Return the touchpoint that came out of order where it is the amended fold's next; never a tombstone.

        A tombstone's key is that of a pending touchpoint, which the amended fold passes with it.
        """
        if amended.moved == len(self._moved):
            return None
        one = self._moved[amended.moved]
        # Whatever is behind those that have been applied waits, and what is behind that waits with it.
        is_next = amended.pending == len(pending) or one.key < pending[amended.pending].key
        return one if is_next else None

    def _follow(self, amended: _Fold, one: Pending, context: StepContext) -> None:
        """Let the amended fold apply or leave out what the plain one has applied, and note what differs."""
        is_left_out = amended.moved < len(self._moved) and self._moved[amended.moved].key == one.key
        if not is_left_out and not amended.apply(one, context):
            return
        amended.pending += 1
        row = self._plain.effects.touchpoints.pop(one.event_id, None)
        if is_left_out:
            amended.moved += 1
            amended.left_out += 1
        else:
            self._note_row(one, row, amended)
        if self._plain.effects.deltas == amended.effects.deltas:
            self._plain.effects.deltas.clear()
            amended.effects.deltas.clear()
        else:
            self._set_deltas_aside(amended)

    def _note_row(self, one: Pending, was: TouchpointRow | None, amended: _Fold) -> None:
        """Note a touchpoint's row if it differs; that of one that was cut stays as it was sent, a transfer has none."""
        row = amended.effects.touchpoints.pop(one.event_id, None)
        if row is not None and row != was and not one.whole_bytes and one.key not in self.leaving:
            self._rows[one.event_id] = row

    def _set_deltas_aside(self, amended: _Fold) -> None:
        """Note what the folds have changed since they last changed the same."""
        for aside, fold in zip(self._deltas, (self._plain, amended), strict=True):
            aside.extend(fold.effects.deltas)
            fold.effects.deltas.clear()

    def _leave(self) -> _Fold:
        """Let the amended fold go a way of its own."""
        plain = self._plain
        self._forget_common()
        here = self._checkpoint()
        effects = here.effects(plain.effects)
        effects.work, effects.trimmed = plain.effects.work, list(plain.effects.trimmed)
        self._amended = _Fold(decode_state(here.state), effects, plain.pending, timers=plain.timers)
        self._split, self._begun = plain.pending, here.state
        return self._amended

    def _count_common(self) -> None:
        """Go on behind a touchpoint that is the same in both folds."""
        self._plain.pending += 1
        self._forget_common()
        self._keep_checkpoint()

    def _forget_common(self) -> None:
        effects = self._plain.effects
        effects.touchpoints.clear()
        effects.journeys.clear()
        effects.deltas.clear()

    def _keep_checkpoint(self) -> None:
        if self._plain.pending == self._keep_at:
            self.checkpoint, self.checkpoint_work = self._checkpoint(), self._plain.effects.work

    def _checkpoint(self) -> Checkpoint:
        plain = self._plain
        entities = {table: dict(rows) for table, rows in plain.effects.entities.items()}
        return Checkpoint(plain.pending, encode_state(plain.customer), entities)
