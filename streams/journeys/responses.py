"""First responses: how long cases and customers' posts wait until a person of the business answers."""

from __future__ import annotations

from schemas.kinds.case_event import CaseEvent
from schemas.kinds.tweet import Tweet
from schemas.units import DAY_MS
from streams.journeys.effects import Effects
from streams.journeys.state import Attribution, CustomerState

METRIC = "first_response_time"
PATIENCE_MS = 30 * DAY_MS
"""An answer later than this is none."""


def on_case_event(customer: CustomerState, event: CaseEvent, attribution: Attribution, effects: Effects) -> None:
    """A case waits from its opening for the first thing that an agent, no bot, does about it."""
    waiting = f"case {event.case_id}"
    if event.phase == "opened":
        customer.waiting.setdefault(waiting, attribution)
    elif event.by == "agent":
        _answer(customer, waiting, attribution.at, effects)


def on_tweet(customer: CustomerState, event: Tweet, attribution: Attribution, effects: Effects) -> None:
    """A customer's post waits for the first of the brand's that replies to it."""
    if event.author == "customer":
        customer.waiting.setdefault(f"post {event.post_id}", attribution)
    elif event.in_reply_to:
        _answer(customer, f"post {event.in_reply_to}", attribution.at, effects)


def forget(customer: CustomerState, now: int) -> None:
    """Drop what nobody will answer any more at `now`."""
    while customer.waiting:
        oldest = next(iter(customer.waiting))
        if now <= customer.waiting[oldest].at + PATIENCE_MS:
            return
        del customer.waiting[oldest]


def _answer(customer: CustomerState, waiting: str, at: int, effects: Effects) -> None:
    asked = customer.waiting.pop(waiting, None)
    if asked is not None:
        waited = at - asked.at
        effects.measure(METRIC, asked, n=1, numerator=waited, add=waited)
