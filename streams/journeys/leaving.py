"""When the state of an anonymous profile leaves: it is over, and nothing can come any more from before its end."""

from __future__ import annotations

from schemas.units import DAY_MS, HOUR_MS
from streams.journeys.customer_timeline import CustomerTimeline
from streams.journeys.effects import Effects
from streams.journeys.fold import next_timer
from streams.journeys.lifetime import ends_at
from streams.journeys.rules import Rules
from streams.journeys.state import NEVER
from streams.journeys.step_context import StepContext

MARGIN_MS = HOUR_MS
"""How long after that moment a profile is looked at: the settled time is a little behind the partition's own."""
AGAIN_MS = DAY_MS
"""When it is looked at again where the settled time is further behind."""


def leaves_at(timeline: CustomerTimeline, context: StepContext, effects: Effects) -> int:
    """Return when to look whether a profile can leave, in the time of `StepContext.timers_until`, or `NEVER`.

    One that has an owner cannot: it is not looked at, each day anew.
    """
    if timeline.ownership is not None or timeline.applied < len(timeline.pending):
        return NEVER
    rules = effects.rules
    end = ends_at(timeline.current, effects.customer_id, rules)
    if end == NEVER:
        return NEVER
    return max(end + rules.allowed_lateness_ms + rules.moved_ms + MARGIN_MS, context.timers_until + AGAIN_MS)


def can_leave(timeline: CustomerTimeline, customer_id: str, context: StepContext, rules: Rules) -> bool:
    """Return whether nothing of a profile is needed any more: without it, the rows will be the same.

    Links keep it, for its touchpoints are another's; so does what waits to take effect, or to be put in its place.
    """
    if timeline.current.journey is not None or timeline.ownership is not None:
        return False
    waits = timeline.applied < len(timeline.pending) or timeline.moved or timeline.displaced or timeline.is_behind
    if waits or next_timer(timeline.current) != NEVER:
        return False
    # What is on time happens at that time or later: it begins a new profile.
    return ends_at(timeline.current, customer_id, rules) < context.settled_before
