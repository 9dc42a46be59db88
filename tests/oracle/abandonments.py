"""Abandoned calls and surveys, and how abandoned things are recovered."""

from __future__ import annotations

from dataclasses import dataclass

from tests.oracle.calls import Call
from tests.oracle.facts import Fact
from tests.oracle.touchpoints import DAY, Touch

SURVEY_DEADLINE = 7 * DAY
RECOVERY = 30 * DAY


@dataclass
class Abandonment:
    """One row of `abandonments`; `first` is the touchpoint with which the thing began."""

    subject: str
    subject_id: str
    started_at: int
    abandoned_at: int
    first: Touch
    value: int | None = None
    currency: str | None = None
    recovered_at: int | None = None
    recovered_by: str | None = None
    """`cart_id`, `skus`, `order` or `completion`."""

    def recover(self, at: int, by: str) -> None:
        """Record the recovery, if it was in time; what converts a cart replaces the recovery by another order."""
        converts = by in {"cart_id", "skus"}
        if at <= self.abandoned_at + RECOVERY and (converts or self.recovered_at is None):
            self.recovered_at, self.recovered_by = at, by


@dataclass
class Survey:
    """What became of one response that was started."""

    started: Touch
    last: Touch
    completed: bool = False
    abandoned: Abandonment | None = None

    def pass_time(self, now: int) -> None:
        """Let the response's deadline pass, if it lies at or before `now`."""
        deadline = self.last.at + SURVEY_DEADLINE
        waits = not self.completed and (self.abandoned is None or self.abandoned.recovered_at is None)
        if waits and deadline <= now:
            self.abandoned = Abandonment(
                "survey",
                subject_id=self.started.subject,
                started_at=self.started.at,
                abandoned_at=deadline,
                first=self.started,
            )

    def apply(self, touch: Touch) -> None:
        """Take an answer or the completion."""
        self.pass_time(touch.at)
        if touch.action == "answered":
            self.last = touch
        elif touch.action == "completed" and self.abandoned is None:
            self.completed = True
        elif touch.action == "completed" and self.abandoned is not None:
            self.abandoned.recover(touch.at, "completion")


def surveys_of(touches: list[Touch], now: int) -> list[Survey]:
    """Return one customer's started responses as they stand at `now`."""
    surveys: dict[str, Survey] = {}
    for touch in touches:
        if touch.kind != "survey_answer":
            continue
        if touch.action == "started":
            surveys.setdefault(touch.subject, Survey(touch, touch))
        if touch.subject in surveys:
            surveys[touch.subject].apply(touch)
    for survey in surveys.values():
        survey.pass_time(now)
    return list(surveys.values())


def abandoned_calls(calls: list[Call], orders: list[Fact]) -> list[Abandonment]:
    """Return one customer's calls that were abandoned in a queue or on hold; `orders` are those not cancelled."""
    rows = []
    for call in calls:
        if not call.gave_up or call.ended is None:
            continue
        row = Abandonment(
            call.gave_up,
            subject_id=call.ended.subject,
            started_at=call.given_up_since,
            abandoned_at=call.ended.at,
            first=call.queued or call.touches[0],
        )
        for order in orders:
            if order.first.order > call.ended.order:
                row.recover(order.first.at, "order")
        rows.append(row)
    return rows
