"""Calls: queued, perhaps more than once, answered, held, abandoned."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.oracle.touchpoints import DAY, SECOND, Touch

SHORT = 5 * SECOND
LONGEST = DAY
"""A call without a hang-up ends so long after its first phase; later phases of its id are another call."""


@dataclass
class Call:
    """What became of one call; times in epoch milliseconds."""

    queued: Touch | None = None
    """With this phase its first wait began."""
    answered_at: int | None = None
    """When the first wait was answered."""
    talked: bool = False
    """Whether it was ever answered."""
    waiting_since: int | None = None
    held_since: int | None = None
    hold_ms: int = 0
    ended: Touch | None = None
    """Its hang-up."""
    gave_up: str = ""
    """The subject of its abandonment: `call` (in a queue), `hold`, or empty."""
    given_up_since: int = 0
    short: bool = False
    touches: list[Touch] = field(default_factory=list)

    @property
    def resolved(self) -> bool | None:
        """Whether its end resolved the matter, if the end says so and is not an abandonment."""
        if self.ended is None or self.gave_up or self.short:
            return None
        given: bool | None = self.ended.record.get("resolved")
        return given

    def apply(self, touch: Touch) -> None:
        """Take the next phase; a call that was hung up takes no more."""
        if self.ended is not None:
            return
        self.touches.append(touch)
        if touch.action == "queued":
            self._wait(touch)
        elif touch.action == "held":
            self.held_since = touch.at if self.held_since is None else self.held_since
        elif touch.action == "ended":
            self._end(touch)
        else:
            self._stop_hold(touch.at)
            if touch.action == "answered":
                self._answer(touch.at)

    def _wait(self, touch: Touch) -> None:
        # Whoever waits in a queue is no longer on hold. Only an answer ends a wait: queued again before it, or
        # transferred to another queue, the call still waits.
        self._stop_hold(touch.at)
        if self.waiting_since is None:
            self.waiting_since = touch.at
        if self.queued is None:
            self.queued = touch

    def _answer(self, at: int) -> None:
        self.talked = True
        self.waiting_since = None
        if self.queued is not None and self.answered_at is None:
            self.answered_at = at

    def _stop_hold(self, at: int) -> None:
        if self.held_since is not None:
            self.hold_ms += at - self.held_since
            self.held_since = None

    def _end(self, touch: Touch) -> None:
        self.ended = touch
        resolved = touch.record.get("resolved") is True
        if self.held_since is not None:
            if not resolved:
                self.gave_up, self.given_up_since = "hold", self.held_since
            self._stop_hold(touch.at)
        elif self.waiting_since is not None and not resolved:
            if touch.at - self.waiting_since >= SHORT:
                self.gave_up, self.given_up_since = "call", self.waiting_since
            else:
                # Only the first wait can make a short call; who was answered before has not called in vain.
                self.short = not self.talked


def calls_of(touches: list[Touch]) -> list[Call]:
    """Return one customer's calls; an id can be used again after a call that was never hung up."""
    moments: dict[tuple[str, int], list[Touch]] = {}
    for touch in touches:
        if touch.kind == "support_call":
            moments.setdefault((touch.subject, touch.at), []).append(touch)
    calls: dict[str, list[Call]] = {}
    for (subject, at), phases in moments.items():
        known = calls.setdefault(subject, [])
        if not known or at >= known[-1].touches[0].at + LONGEST:
            known.append(Call())
        for touch in _in_turn(phases, waits=known[-1].waiting_since is not None):
            known[-1].apply(touch)
    return [call for known in calls.values() for call in known]


def _in_turn(phases: list[Touch], *, waits: bool) -> list[Touch]:
    """Return a moment's phases: where somebody who waits is transferred and queued again, they are queued behind that.

    Args:
        waits: whether they waited before the moment.
    """
    queued = [touch for touch in phases if touch.action == "queued"]
    is_passed_on = any(touch.action == "transferred" for touch in phases)
    again = queued[0 if waits else 1 :] if is_passed_on else []
    first = [touch for touch in phases if touch not in again and touch.action != "ended"]
    return [*first, *again, *(touch for touch in phases if touch.action == "ended")]


def by_event(calls: list[Call]) -> dict[str, Call]:
    """Return the call that each phase is part of, by event_id; phases after a hang-up are part of none."""
    return {touch.event_id: call for call in calls for touch in call.touches}
