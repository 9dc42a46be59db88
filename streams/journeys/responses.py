"""First responses: how long cases and customers' posts wait until a person of the business answers."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.kinds.case_event import CaseEvent
from schemas.kinds.touchpoint import Touchpoint
from schemas.kinds.tweet import Tweet
from schemas.metrics import FIRST_RESPONSE_TIME
from schemas.units import DAY_MS
from streams.journeys.effects import Effects
from streams.journeys.machine import Handler, Machine, drop_oldest
from streams.journeys.state import Attribution, CustomerState

ANSWERED_WITHIN_MS = 30 * DAY_MS
"""A later answer is not counted as one."""


class Responses(Machine):
    """The machine of first responses."""

    def handlers(self) -> Mapping[type[Touchpoint], Handler]:
        """Want the phases of cases, and posts."""
        return {CaseEvent: self.on_case_event, Tweet: self.on_tweet}

    def on_case_event(
        self, customer: CustomerState, event: CaseEvent, attribution: Attribution, effects: Effects
    ) -> None:
        """A case waits from its opening for the first thing that an agent, not a bot, does about it."""
        question = f"case {event.case_id}"
        if event.phase == "opened":
            customer.unanswered.setdefault(question, attribution)
        elif event.by == "agent":
            _answer(customer, question, attribution.at, effects)

    def on_tweet(self, customer: CustomerState, event: Tweet, attribution: Attribution, effects: Effects) -> None:
        """A customer's post waits for the brand's first post that replies to it."""
        if event.author == "customer":
            customer.unanswered.setdefault(f"post {event.post_id}", attribution)
        elif event.in_reply_to:
            _answer(customer, f"post {event.in_reply_to}", attribution.at, effects)

    def forget(self, customer: CustomerState, now: int) -> int:
        """Drop the questions that are too old to be answered."""
        unanswered = customer.unanswered
        if not unanswered:
            return 0
        too_old = [question for question, asked in unanswered.items() if now > asked.at + ANSWERED_WITHIN_MS]
        for question in too_old:
            del unanswered[question]
        return drop_oldest(unanswered)

    def kept(self, customer: CustomerState) -> dict[str, Attribution]:
        """Return what nobody has answered."""
        return customer.unanswered


def _answer(customer: CustomerState, question: str, at: int, effects: Effects) -> None:
    asked = customer.unanswered.pop(question, None)
    if asked is not None:
        effects.observe_duration(FIRST_RESPONSE_TIME, asked, at - asked.at)
