"""Calls: queued, answered, held, abandoned."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.oracle.touchpoints import SECOND, Touch

SHORT = 5 * SECOND


@dataclass
class Call:
    """What became of one call; times in epoch milliseconds."""

    queued: Touch | None = None
    waiting_since: int | None = None
    answered_at: int | None = None
    held_since: int | None = None
    hold_ms: int = 0
    ended: Touch | None = None
    gave_up: str = ""
    """The subject of its abandonment: `call` (in the queue), `hold`, or None."""
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
        """Take the next phase."""
        if self.ended is not None:
            return
        self.touches.append(touch)
        if touch.action == "queued":
            # To be put into another queue after an answer is part of the same, answered call.
            if self.queued is None and self.answered_at is None:
                self.queued = touch
                self.waiting_since = touch.at
        elif touch.action == "held":
            self.held_since = touch.at if self.held_since is None else self.held_since
        elif touch.action == "ended":
            self._end(touch)
        else:
            self._stop_hold(touch.at)
            if touch.action == "answered":
                self.waiting_since = None
                if self.answered_at is None:
                    self.answered_at = touch.at

    def _stop_hold(self, at: int) -> None:
        if self.held_since is not None:
            self.hold_ms += at - self.held_since
            self.held_since = None

    def _end(self, touch: Touch) -> None:
        self.ended = touch
        if self.held_since is not None:
            self.gave_up, self.given_up_since = "hold", self.held_since
            self._stop_hold(touch.at)
        elif self.waiting_since is not None:
            self.short = touch.at - self.waiting_since < SHORT
            if not self.short:
                self.gave_up, self.given_up_since = "call", self.waiting_since


def calls_of(touches: list[Touch]) -> dict[str, Call]:
    """Return one customer's calls by id."""
    calls: dict[str, Call] = {}
    for touch in touches:
        if touch.kind == "support_call":
            calls.setdefault(touch.subject, Call()).apply(touch)
    return calls
