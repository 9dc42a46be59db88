"""Notices, targets and time for the tests of `touchline notify`."""

from __future__ import annotations

from typing import Any

from schemas.topics import SIGNAL_ABANDONMENTS, SIGNAL_FOLLOW_UPS, SIGNAL_SHIFTS
from touchline.notify.notices import Notice, notice_of
from touchline.notify.targets import Target, read_targets

NOON = 1_781_092_800_000
"""2026-06-10 12:00 UTC, epoch ms: date -ud '2026-06-10 12:00' +%s."""
FOLLOW_UP = {
    "customer_id": "c-1", "journey_id": "c-1#1", "reason": "complaint", "due_at": NOON, "event_id": "e-1",
    "follow_up_id": "f-1", "status": "open", "happened_at": NOON - 1000, "opened_at": NOON - 1000,
    "changed_at": NOON - 1000, "settle_due_at": None, "warned_at": None, "missed_at": None, "contacted_at": None,
    "closed_at": None, "causes": 1, "subject_id": "t-1", "topic": "delivery", "lang": "de", "owner": "care-de",
    "value_minor": 129_900, "currency": "EUR", "experience_before": -0.6,
    "experience_after": None, "may_ask": False, "channel": "email",
    "previous_customer_id": None, "retracted": False,
}  # fmt: skip
ABANDONMENT = {
    "subject": "cart", "subject_id": "k-1", "customer_id": "c-1", "journey_id": "c-1#1", "started_at": NOON - 2000,
    "abandoned_at": NOON - 1000, "waited_seconds": 1.0, "value_minor": 4490, "currency": "EUR", "status": "abandoned",
    "recovered_at": None, "previous_customer_id": None, "retracted": False,
}  # fmt: skip
SHIFT = {
    "shift_id": "s-1", "customer_id": "c-1", "journey_id": "c-1#1", "direction": "worse", "detected_at": NOON,
    "onset_at": NOON - 1000, "onset_event_id": "e-1", "before_mean": 0.62, "after_mean": -0.48, "n_before": 5,
    "n_after": 3, "cause_event_id": None, "cause_kind": "purchase", "detector": "bayes-1",
    "previous_customer_id": None, "retracted": False,
}  # fmt: skip
SLACK = 'kind = "slack"\nurl_env = "SLACK_URL"'


def follow_up(**more: Any) -> Notice:
    return notice_of(SIGNAL_FOLLOW_UPS, {**FOLLOW_UP, **more})


def abandonment(**more: Any) -> Notice:
    return notice_of(SIGNAL_ABANDONMENTS, {**ABANDONMENT, **more})


def shift(**more: Any) -> Notice:
    return notice_of(SIGNAL_SHIFTS, {**SHIFT, **more})


def target(more: str = "", kind: str = SLACK, name: str = "care") -> Target:
    (found,) = read_targets(f'[[target]]\nname = "{name}"\n{kind}\n{more}\n')
    return found


class Time:
    """Time that passes as it is slept."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
