"""First responses: how long cases and customers' posts wait until a person of the business answers."""

from __future__ import annotations

from schemas.log import CaseEvent, Tweet
from streams.journeys.effects import Effects
from streams.journeys.life import DAY_MS, Life, Origin

METRIC = "first_response_time"
PATIENCE_MS = 30 * DAY_MS
"""An answer later than this is none."""


def on_case_event(life: Life, event: CaseEvent, origin: Origin, effects: Effects) -> None:
    """A case waits from its opening for the first thing that an agent, no bot, does about it."""
    waiting = f"case {event.case_id}"
    if event.phase == "opened":
        life.waiting.setdefault(waiting, origin)
    elif event.by == "agent":
        _answer(life, waiting, origin.at, effects)


def on_tweet(life: Life, event: Tweet, origin: Origin, effects: Effects) -> None:
    """A customer's post waits for the first of the brand's that replies to it."""
    if event.author == "customer":
        life.waiting.setdefault(f"post {event.post_id}", origin)
    elif event.in_reply_to:
        _answer(life, f"post {event.in_reply_to}", origin.at, effects)


def forget(life: Life, now: int) -> None:
    """Drop what nobody will answer any more at `now`."""
    while life.waiting:
        oldest = next(iter(life.waiting))
        if now <= life.waiting[oldest].at + PATIENCE_MS:
            return
        del life.waiting[oldest]


def _answer(life: Life, waiting: str, at: int, effects: Effects) -> None:
    asked = life.waiting.pop(waiting, None)
    if asked is not None:
        waited = at - asked.at
        effects.measure(METRIC, asked, n=1, numerator=waited, add=waited)
