"""Abandoned carts, calls and surveys, and their recoveries."""

from __future__ import annotations

from dataclasses import dataclass

from tests.oracle.calls import Call
from tests.oracle.touchpoints import DAY, MINUTE, Touch

CART_DEADLINE = 30 * MINUTE
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

    def recover(self, at: int) -> None:
        """Record the recovery, if it was in time."""
        if self.recovered_at is None and at <= self.abandoned_at + RECOVERY:
            self.recovered_at = at


@dataclass
class Cart:
    """What became of one cart."""

    first: Touch
    last: Touch
    items: int = 0
    ever: bool = False
    """Whether it ever held an item."""
    checkout: bool = False
    value: int | None = 0
    currency: str | None = None
    ordered: bool = False
    abandoned: Abandonment | None = None

    def pass_time(self, now: int) -> None:
        """Let the cart's deadline pass, if it lies at or before `now`."""
        deadline = self.last.at + CART_DEADLINE
        if not self.ordered and deadline <= now and self.items > 0:
            subject = "checkout" if self.checkout else "cart"
            self.abandoned = Abandonment(
                subject,
                subject_id=self.first.subject,
                started_at=self.first.at,
                abandoned_at=deadline,
                first=self.first,
                value=self.value,
                currency=self.currency,
            )

    def order(self, at: int) -> None:
        """Take the order of this cart: in time, or to recover it, or too late for that."""
        self.pass_time(at)
        if self.abandoned is not None and not self.ordered:
            self.abandoned.recover(at)
        self.ordered = True

    def apply(self, touch: Touch) -> None:
        """Take the cart's next event; after its order nothing changes it any more."""
        self.pass_time(touch.at)
        if self.ordered:
            return
        if touch.action == "ordered":
            self.order(touch.at)
            return
        quantity = touch.record.get("quantity", 1)
        if touch.action == "item_added":
            self.items += quantity
            self.ever = self.ever or quantity > 0
        elif touch.action == "item_removed":
            self.items = max(0, self.items - quantity)
        elif touch.action == "cleared":
            self.items = 0
        self.checkout = self.checkout or touch.action == "checkout_started"
        if touch.value or not self.items:
            self.value = touch.value
        self.currency = touch.currency or self.currency
        self.last = touch


def carts_of(touches: list[Touch], now: int) -> list[Cart]:
    """Return one customer's carts as they stand at `now`."""
    carts: dict[str, Cart] = {}
    for touch in touches:
        if touch.kind == "cart_event":
            carts.setdefault(touch.subject, Cart(touch, touch)).apply(touch)
        elif touch.kind == "purchase" and touch.action == "placed" and touch.record.get("cart_id"):
            carts.setdefault(touch.record["cart_id"], Cart(touch, touch)).order(touch.at)
    for cart in carts.values():
        cart.pass_time(now)
    return list(carts.values())


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
            self.abandoned = Abandonment("survey", self.started.subject, self.started.at, deadline, self.started)

    def apply(self, touch: Touch) -> None:
        """Take an answer or the completion."""
        self.pass_time(touch.at)
        if touch.action == "answered":
            self.last = touch
        elif touch.action == "completed" and self.abandoned is None:
            self.completed = True
        elif touch.action == "completed" and self.abandoned is not None:
            self.abandoned.recover(touch.at)


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


def abandoned_calls(touches: list[Touch], calls: dict[str, Call]) -> list[Abandonment]:
    """Return one customer's calls that were abandoned in the queue or on hold."""
    rows = []
    for name, call in calls.items():
        if call.gave_up and call.ended is not None:
            first = call.queued or call.touches[0]
            row = Abandonment(call.gave_up, name, call.given_up_since, call.ended.at, first)
            for touch in touches[touches.index(call.ended) :]:
                if touch.kind == "purchase" and touch.action == "placed":
                    row.recover(touch.at)
            rows.append(row)
    return rows
